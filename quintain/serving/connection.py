"""One session with an OpenEnv server: a question, an answer, and an error for everything else."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from quintain.errors import ConfigurationError, QuintainError, require
from quintain.redaction import redact

__all__ = ["Connection", "RefusedError", "ServerError"]

#: Error codes after which the session is gone.
_SESSION_IS_GONE = {"CAPACITY_REACHED", "FACTORY_ERROR", "SESSION_ERROR"}
#: Code of the requests that a server refuses to execute.
_REFUSED = "VALIDATION_ERROR"


class ServerError(QuintainError):
    """A server of environments cannot be reached, broke its protocol, or reported a failure. Never an outcome."""

    def __init__(self, url: str, what: str) -> None:
        """Compose "environment server URL: it closed the connection"."""
        self.url = url
        super().__init__(f"environment server {redact(url)}: {what}")


class RefusedError(ServerError):
    """The server refused a request as malformed, and executed nothing."""


class Connection:
    """A session with a server, opened by the first question.

    Args:
        url: Address of the server: ``http``, ``https``, ``ws`` or ``wss``.
        auth_token: Sent as ``Authorization: Bearer ...``; ``None`` for none.
        timeout_s: Maximum wait for a connection and for each answer, in seconds, > 0.
        max_message_mb: Maximum size of an answer, in MiB, > 0.

    Raises:
        ConfigurationError: If the URL is none of these kinds.
        MissingDependencyError: If the extra ``serve`` is not installed.
    """

    def __init__(self, url: str, auth_token: str | None, timeout_s: float, max_message_mb: float) -> None:
        parts = urlsplit(url)
        secure = {"http": "", "ws": "", "https": "s", "wss": "s"}.get(parts.scheme)
        if secure is None or not parts.netloc:
            raise ConfigurationError(f"url must begin with http:// or https://, got {redact(url)!r}")
        self._library = require("websockets.sync.client", "serve", "OpenEnv servers")
        path = parts.path.rstrip("/")
        self.url = urlunsplit((f"http{secure}", parts.netloc, path, "", ""))
        self._ws_url = urlunsplit((f"ws{secure}", parts.netloc, f"{path}/ws", "", ""))
        self._headers = {"Authorization": f"Bearer {auth_token}"} if auth_token else {}
        self._timeout_s = timeout_s
        self._max_bytes = int(max_message_mb * 2**20)
        self._stack = ExitStack()
        self._socket: Any = None
        self._lock = threading.Lock()  # questions from two threads would get each other's answers

    def http(self, path: str, data: Mapping[str, Any] | None = None) -> Any:
        """Get the JSON at a path, or post data to it.

        Raises:
            ServerError: If the server does not answer with JSON and status 200.
        """
        import httpx

        try:
            secure = self.url.startswith("https")  # reading the certificates takes longer than a question
            with httpx.Client(timeout=self._timeout_s, headers=self._headers, verify=secure) as client:
                address = self.url + path
                answer = client.get(address) if data is None else client.post(address, json=data)
            if answer.status_code != 200:
                raise ServerError(self.url, f"status {answer.status_code} at {path}: {answer.text[:200]!r}")
            return answer.json()
        except httpx.HTTPError as error:
            raise ServerError(self.url, f"no answer at {path}: {type(error).__name__}: {error}") from error
        except ValueError as error:
            raise ServerError(self.url, f"the answer at {path} is not JSON") from error

    def ask(self, kind: str, data: Mapping[str, Any], expected: str = "observation") -> dict[str, Any]:
        """Send a message and return the data of the answer.

        Args:
            kind: Type of the message: ``"reset"``, ``"step"`` or ``"state"``.
            data: Its data, JSON-able.
            expected: Type of the answer.

        Raises:
            RefusedError: If the server refuses the message as malformed; the session goes on.
            ServerError: If the connection is lost, there is no answer in time, or it is no answer to this message. The
                session is then closed, so that a late answer cannot be taken for the next one. Or if the answer is an
                error.
        """
        message = {"type": kind} if kind == "state" else {"type": kind, "data": data}
        with self._lock:
            try:
                raw = self._exchange(json.dumps(message))
                return self._read(raw, kind, expected)
            except ServerError as error:
                if not isinstance(error, RefusedError | _ReportedError):
                    self._drop()
                raise

    def close(self) -> None:
        """End the session; the next question opens another one."""
        with self._lock:
            if self._socket is not None:
                with contextlib.suppress(Exception):  # the server may be gone
                    self._socket.send('{"type": "close"}')
            self._drop()

    def _exchange(self, text: str) -> str | bytes:
        from websockets.exceptions import ConnectionClosed

        socket = self._opened()
        early = self._pending(socket)
        if early is not None:
            what = _reported(early) or f"a message came that answers nothing: {_shown(early)}"
            raise ServerError(self.url, what)
        try:
            socket.send(text)
            answer: str | bytes = socket.recv(timeout=self._timeout_s)
        except TimeoutError as error:
            raise ServerError(self.url, f"no answer within {self._timeout_s:g} s") from error
        except (ConnectionClosed, OSError) as error:
            last = self._pending(socket)
            why = _reported(last) if last is not None else ""
            raise ServerError(self.url, f"the connection was lost: {why or error}") from error
        return answer

    @staticmethod
    def _pending(socket: Any) -> str | bytes | None:
        """Return a message that has already arrived."""
        from websockets.exceptions import ConnectionClosed

        try:
            found: str | bytes = socket.recv(timeout=0)
        except (TimeoutError, ConnectionClosed):
            return None
        return found

    def _opened(self) -> Any:
        from websockets.exceptions import WebSocketException

        if self._socket is None:
            try:
                self._socket = self._stack.enter_context(
                    self._library.connect(
                        self._ws_url,
                        additional_headers=self._headers,
                        compression=None,
                        max_size=self._max_bytes,
                        open_timeout=self._timeout_s,
                        close_timeout=1,
                        ping_interval=None,  # needs a thread more; a lost server shows when an answer is due
                    )
                )
            except (WebSocketException, OSError) as error:
                raise ServerError(self.url, f"cannot connect: {type(error).__name__}: {error}") from error
        return self._socket

    def _read(self, raw: str | bytes, kind: str, expected: str) -> dict[str, Any]:
        try:
            answer = json.loads(raw)
            data, found = answer["data"], answer["type"]
        except (ValueError, LookupError, TypeError, RecursionError):
            raise ServerError(self.url, f"the answer to {kind} is no message of the protocol: {_shown(raw)}") from None
        if not isinstance(data, dict):
            raise ServerError(self.url, f"the answer to {kind} has no data: {_shown(raw)}")
        if found == "error":
            code, text = str(data.get("code")), str(data.get("message"))[:500]
            if code in _SESSION_IS_GONE:
                raise ServerError(self.url, f"{code}: {text}")
            raise (RefusedError if code == _REFUSED else _ReportedError)(self.url, f"{code}: {text}")
        if found != expected:
            raise ServerError(self.url, f"the answer to {kind} has the type {str(found)[:40]!r}")
        return data

    def _drop(self) -> None:
        self._socket = None
        with contextlib.suppress(Exception):  # the server may be gone
            self._stack.close()
        self._stack = ExitStack()


class _ReportedError(ServerError):
    """The server reported a failure; the session goes on."""


def pause(attempt: int) -> None:
    """Wait before another attempt: 0.1 s, 0.2 s, 0.4 s and so on."""
    time.sleep(0.1 * 2**attempt)


def _reported(raw: str | bytes) -> str:
    """Return code and text of an error frame; ``""`` if it is none."""
    try:
        answer = json.loads(raw)
        return f"{answer['data']['code']}: {answer['data']['message']}"[:500] if answer["type"] == "error" else ""
    except (ValueError, LookupError, TypeError, RecursionError):
        return ""


def _shown(raw: str | bytes) -> str:
    text = repr(raw[:80])
    return text if len(raw) <= 80 else f"{text} ..."
