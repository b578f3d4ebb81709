"""Web page on which a person plays a repeated game against an agent, then guesses whether it was a machine.

Served by the standard library's HTTP server; the page loads nothing from other hosts. There are no accounts and no
encryption, so run it on one machine or in a trusted network. Finished matches are appended to a JSON-lines file.
"""

from __future__ import annotations

import json
import secrets
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import resources
from typing import Any

from quintain.errors import ConfigurationError, QuintainError
from quintain.experiments.games.person import PersonMatch, Study

__all__ = ["GameServer"]

# Maximum number of unfinished matches kept in memory; beyond it the oldest are dropped.
_MOST_MATCHES = 200
_MAX_REQUEST_BYTES = 10_000


class GameServer:
    """HTTP server for matches of a two-player repeated game between a person and one agent.

    Use as a context manager to serve in a background thread, or call :meth:`serve` to block.

    Args:
        opponent: An agent, its name, or anything else that :func:`~quintain.agents.registry.as_agent` accepts. Default:
            ``"tit-for-tat"``.
        env: Keyword arguments of :class:`~quintain.envs.games.RepeatedGame`; its defaults if ``None``.
        host: Address to listen on. The default is reachable from this machine only.
        port: TCP port; 0 selects a free one, which :attr:`url` shows. Default: 0.
        study: Further arguments of :class:`~quintain.experiments.games.person.Study`: ``seat``, ``seed``, ``out``,
            ``order``, ``condition``, ``consent`` and ``opponent_is``.

    Raises:
        ConfigurationError: If an argument is not valid, the game does not have two players, or the port is not
            available.
    """

    def __init__(
        self,
        opponent: Any = "tit-for-tat",
        *,
        env: Mapping[str, Any] | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        **study: Any,
    ) -> None:
        self._study = Study(opponent, env, **study)
        self._matches: dict[str, PersonMatch] = {}
        self._lock = threading.Lock()
        try:
            self._server = ThreadingHTTPServer((host, port), _handler(self))
        except (OSError, OverflowError) as error:
            raise ConfigurationError(
                f"cannot listen on {host}, port {port}: {error}; port 0 selects a free one"
            ) from error
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """URL of the page."""
        host, port = self._server.server_address[:2]
        return f"http://{host!s}:{port}/"

    def serve(self) -> None:
        """Serve until interrupted."""
        self._server.serve_forever()

    def __enter__(self) -> GameServer:
        self._thread = threading.Thread(target=self.serve, daemon=True, name="quintain-games-page")
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        if self._thread is not None:
            self._thread.join()

    def answer(self, path: str, data: Mapping[str, Any]) -> dict[str, Any]:
        """Handle one POST request of the page.

        Args:
            path: ``"/consent"``, ``"/start"``, ``"/move"`` or ``"/guess"``.
            data: The decoded JSON body.

        Returns:
            The JSON body of the response: the text to agree to, the state of the match, or after ``"/guess"`` the true
            answer.

        Raises:
            ConfigurationError: If the match is unknown, or the request is not valid in its present state.
        """
        with self._lock:
            if path == "/consent":
                return {"text": self._study.consent}
            if path == "/start":
                return self._start(data)
            key = str(data.get("id"))
            match = self._matches.get(key)
            if match is None:
                raise ConfigurationError("the server no longer holds this match; reload the page")
            if path == "/move":
                return match.move(data.get("option"))
            self._study.finish(match, str(data.get("guess")))
            del self._matches[key]
            return {"answer": self._study.opponent_is}

    def _start(self, data: Mapping[str, Any]) -> dict[str, Any]:
        match = self._study.start(str(data.get("participant") or ""), data.get("agrees") is True)
        while len(self._matches) >= _MOST_MATCHES:
            self._matches.pop(next(iter(self._matches)))
        key = secrets.token_urlsafe(12)
        self._matches[key] = match
        return {"id": key, **match.state()}


def _page() -> str:
    return resources.files(__package__).joinpath("templates", "play.html").read_text(encoding="utf-8")


def _handler(server: GameServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = self.path == "/"
            self._send(200 if found else 404, _page() if found else "not found", "text/html; charset=utf-8")

        def do_POST(self) -> None:
            try:
                length = int(self.headers.get("Content-Length", "0"))
                if self.path not in ("/consent", "/start", "/move", "/guess") or not 0 <= length <= _MAX_REQUEST_BYTES:
                    raise ConfigurationError("unknown path, or request too large")
                if (
                    self.headers.get_content_type() != "application/json"
                ):  # a cross-site HTML form cannot send this type
                    raise ConfigurationError("Content-Type must be application/json")
                data = json.loads(self.rfile.read(length))
                if not isinstance(data, dict):
                    raise ConfigurationError("the request body must be a JSON object")
                self._send(200, json.dumps(server.answer(self.path, data)), "application/json")
            except (QuintainError, ValueError, RecursionError) as error:
                self._send(400, json.dumps({"error": str(error)}), "application/json")

        def _send(self, status: int, text: str, kind: str) -> None:
            body = text.encode()
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Cache-Control", "no-store")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Do not log requests."""

    return Handler
