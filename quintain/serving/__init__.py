"""Environments over OpenEnv's protocol: ours for other programs, and other servers' as Gymnasium environments.

OpenEnv itself is not needed. Both sides need the extra ``serve``.
"""

from quintain.serving.connection import RefusedError, ServerError
from quintain.serving.openenv_env import connect
from quintain.serving.server import Server, serve
from quintain.serving.settings import ServerSettings

__all__ = ["RefusedError", "Server", "ServerError", "ServerSettings", "connect", "serve"]
