"""Environments over OpenEnv's protocol: ours for other programs, and other servers' as Gymnasium environments.

OpenEnv itself is not needed. The server needs the extra ``serve``.
"""

from quintain.serving.server import Server, serve
from quintain.serving.settings import ServerSettings

__all__ = ["Server", "ServerSettings", "serve"]
