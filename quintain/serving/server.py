"""Running a server: in the foreground until a signal comes, or in a thread of this program."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any

from quintain.envs.making import EnvLike, as_factory, env_name
from quintain.errors import ConfigurationError, require
from quintain.redaction import add_secret
from quintain.serving.app import App
from quintain.serving.metrics import log_event
from quintain.serving.settings import ServerSettings

if TYPE_CHECKING:
    import uvicorn

__all__ = ["Server", "serve"]


class Server:
    """A server of one environment over OpenEnv's protocol, in a thread of this program.

    Each client connection is a session with an environment of its own. Needs the extra ``serve``.

    Args:
        env: Id, spec, class, or a function that returns a new environment on each call, wrapped or attacked as wanted.
        env_kwargs: Arguments for an environment that is given by id, spec or class.
        settings: The server's settings. Default: a free port of this machine.

    Attributes:
        url: Address of the server once it runs, such as ``"http://127.0.0.1:8000"``.
        app: The ASGI application, with ``app.metrics`` and ``app.sessions``.

    Raises:
        ConfigurationError: If the environment cannot be made or has spaces that JSON cannot hold.
        MissingDependencyError: If the extra ``serve`` is not installed.

    Example:
        ``with Server("CodeReason-v0", {"tasks": "letters"}) as server: connect(server.url)``
    """

    def __init__(
        self,
        env: EnvLike,
        env_kwargs: Mapping[str, Any] | None = None,
        settings: ServerSettings | None = None,
    ) -> None:
        settings = settings or ServerSettings(port=0)
        if settings.auth_token:
            add_secret(settings.auth_token)
        self.app = App(as_factory(env, env_kwargs), env_name(env).rpartition(":")[2], settings)
        self.url = ""
        self._server = _uvicorn_server(self.app)
        self._thread: threading.Thread | None = None

    def start(self) -> Server:
        """Start the thread, and return when the server listens.

        Raises:
            ConfigurationError: If it cannot listen on this address.
        """
        self._thread = threading.Thread(target=self._run, name="quintain-server", daemon=True)
        self._thread.start()
        while not self._server.started:
            self._thread.join(0.005)
            if not self._thread.is_alive():
                settings = self.app.settings
                raise ConfigurationError(
                    f"cannot listen on {settings.host}:{settings.port}; is the port in use? 0 picks a free one"
                )
        self.url = _url(self._server, self.app.settings)
        return self

    def stop(self) -> None:
        """Let running episodes finish, for at most ``drain_s`` seconds, and stop the server."""
        self._server.should_exit = True
        if self._thread is not None:
            self._thread.join()

    def __enter__(self) -> Server:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self._server.force_exit = True
        self.stop()

    def _run(self) -> None:
        try:
            asyncio.run(self._server.serve())
        except SystemExit:  # uvicorn's way to say that it cannot listen
            return


def serve(env: EnvLike, env_kwargs: Mapping[str, Any] | None = None, settings: ServerSettings | None = None) -> None:
    """Serve an environment over OpenEnv's protocol until SIGINT or SIGTERM; running episodes may finish.

    Args:
        env: See :class:`Server`.
        env_kwargs: See :class:`Server`.
        settings: The server's settings. Default: port 8000 of this machine.

    Raises:
        ConfigurationError: If the environment cannot be made, has spaces that JSON cannot hold, or the address cannot
            be listened on.
        MissingDependencyError: If the extra ``serve`` is not installed.
    """
    settings = settings or ServerSettings()
    server = Server(env, env_kwargs, settings)
    try:
        asyncio.run(server._server.serve())
    except SystemExit:
        raise ConfigurationError(f"cannot listen on {settings.host}:{settings.port}; is the port in use?") from None
    except KeyboardInterrupt:  # uvicorn raises the signal again once it has stopped
        return


def _url(server: uvicorn.Server, settings: ServerSettings) -> str:
    port = server.servers[0].sockets[0].getsockname()[1]
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return f"http://{host}:{port}"


def _uvicorn_server(app: App) -> uvicorn.Server:
    require("websockets", "serve", "serving environments")
    uvicorn = require("uvicorn", "serve", "serving environments")
    settings = app.settings

    class DrainingServer(uvicorn.Server):  # type: ignore[name-defined, misc]  # uvicorn is imported in this function
        """Lets episodes finish before connections are closed; a second signal does not wait."""

        async def startup(self, sockets: Any = None) -> None:
            await super().startup(sockets)
            if self.started:
                log_event("listening", url=_url(self, settings), max_sessions=settings.max_sessions)

        async def shutdown(self, sockets: Any = None) -> None:
            app.drain()
            log_event("stopping", sessions=app.sessions)
            deadline = asyncio.get_running_loop().time() + settings.drain_s
            while app.sessions and not self.force_exit and asyncio.get_running_loop().time() < deadline:
                await asyncio.sleep(0.02)
            await super().shutdown(sockets)

    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        ws="websockets-sansio",
        ws_max_size=int(settings.max_message_mb * 2**20),
        ws_per_message_deflate=False,
        http="h11",
        lifespan="off",
        loop="asyncio",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        log_config=None,
        log_level="warning",
        timeout_graceful_shutdown=5,
    )
    return DrainingServer(config)
