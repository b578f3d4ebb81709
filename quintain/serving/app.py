"""The server as an ASGI application: OpenEnv's messages over WebSocket, its schemas and tasks over HTTP.

Source: OpenEnv 0.10.0 (BSD-3), ``core/env_server/http_server.py`` and ``core/env_client.py``, read and spoken here
without the package.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import json
import time
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

import gymnasium as gym

from quintain.serving.http_routes import Routes
from quintain.serving.metrics import Metrics, log_event
from quintain.serving.session import Session, SessionError
from quintain.serving.settings import ServerSettings
from quintain.serving.worker import Worker

__all__ = ["App"]

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

#: Seconds that a client may take to read one frame.
_SEND_TIMEOUT_S = 60.0
#: Close codes of RFC 6455: the server stops, it is too busy.
_GOING_AWAY, _TRY_AGAIN = 1001, 1013


class App:
    """Serves one environment; see :func:`quintain.serving.serve`.

    Args:
        make: Makes one environment; called in the thread of each session.
        name: Name of the environment on the wire.
        settings: The server's settings.

    Attributes:
        metrics: The server's counters.
        sessions: Number of present sessions, those included whose environment is still at work after their client left.
        draining: Whether the server is being stopped: running episodes go on, new sessions are refused.
    """

    def __init__(self, make: Callable[[], gym.Env[Any, Any]], name: str, settings: ServerSettings) -> None:
        self.settings = settings
        self.metrics = Metrics()
        self.sessions = 0
        self.draining = False
        self._make = make
        self._idle: set[asyncio.Task[Any]] = set()
        self._opened = 0
        self._routes = Routes(make, name, settings, self)

    async def __call__(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        """Answer one HTTP request or hold one WebSocket session."""
        if scope["type"] == "http":
            await self._routes(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._websocket(scope, receive, send)

    def is_authorised(self, scope: Mapping[str, Any]) -> bool:
        """Return whether a request carries the token, if the server asks for one."""
        wanted = self.settings.auth_token
        if not wanted:
            return True
        given = _header(scope, b"authorization").encode("latin-1")
        return hmac.compare_digest(given, f"Bearer {wanted}".encode("ascii"))

    def drain(self) -> None:
        """Refuse new sessions and end those that are between episodes; the others end after their episode."""
        self.draining = True
        for task in self._idle:
            task.cancel()

    async def _websocket(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        await receive()  # websocket.connect
        if scope["path"] != "/ws":
            return await self._refuse(send, 404, f"there is no WebSocket at {scope['path']!r}; connect to /ws")
        if not self.is_authorised(scope):
            return await self._refuse(send, 401, "send the server's token: 'Authorization: Bearer ...'")
        if _header(scope, b"origin"):  # a page in a browser, perhaps of another site
            return await self._refuse(send, 403, "this server takes no connections from web pages")
        await send({"type": "websocket.accept"})
        if b"session_id=" in scope["query_string"]:
            return await self._turn_away(
                send, "SESSION_ERROR", "a session belongs to one connection and cannot be joined"
            )
        if self.draining or self.sessions >= self.settings.max_sessions:
            why = "the server is being stopped" if self.draining else f"all {self.sessions} sessions are in use"
            return await self._turn_away(send, "CAPACITY_REACHED", f"{why}; try again later")
        await self._session(receive, send)
        return None

    async def _refuse(self, send: Send, status: int, why: str) -> None:
        self.metrics.add("sessions_refused_total", reason=str(status))
        body = json.dumps({"detail": why}).encode()
        headers = [(b"content-type", b"application/json")]
        await send({"type": "websocket.http.response.start", "status": status, "headers": headers})
        await send({"type": "websocket.http.response.body", "body": body})

    async def _turn_away(self, send: Send, code: str, why: str) -> None:
        self.metrics.add("sessions_refused_total", reason=code)
        await self._send_error(send, code, why)
        await send({"type": "websocket.close", "code": _TRY_AGAIN})

    async def _session(self, receive: Receive, send: Send) -> None:
        self.sessions += 1
        self._opened += 1
        number = self._opened
        self.metrics.add("sessions_opened_total")
        log_event("session opened", session=number, sessions=self.sessions)
        worker = Worker(asyncio.get_running_loop(), f"quintain-session-{number}")
        ending = "failed"
        opened: list[Session] = []  # filled in the worker's thread, perhaps after its time is up
        try:
            session = await self._opened_session(worker, opened, send)
            if session is not None:
                ending = await _Conversation(self, worker, session, receive, send, number).hold(self._idle)
        except (OSError, TimeoutError) as error:  # uvicorn's ClientDisconnected is an OSError
            ending = f"client vanished ({type(error).__name__})"
        finally:
            self._release(worker, opened, number, ending)

    async def _opened_session(self, worker: Worker, opened: list[Session], send: Send) -> Session | None:
        def make() -> None:
            opened.append(Session(self._make, self.settings.options, self.settings.info))

        try:
            async with asyncio.timeout(self.settings.step_timeout_s):
                await worker.call(make)
        except Exception as error:
            log_event("environment could not be made", error=f"{type(error).__name__}: {error}")
            why = f"the environment could not be made ({type(error).__name__}); the server's log has the message"
            await self._send_error(send, "FACTORY_ERROR", why)
            await send({"type": "websocket.close", "code": 1011})
            return None
        return opened[0]

    def _release(self, worker: Worker, opened: list[Session], number: int, ending: str) -> None:
        """Close the environment in its thread, also one that was made too late; only then its place is free."""

        def close() -> None:
            for session in opened:
                session.close()

        def closed(future: asyncio.Future[Any]) -> None:
            self.sessions -= 1
            error = future.exception() if not future.cancelled() else None
            facts: dict[str, Any] = {"error": f"{type(error).__name__}: {error}"} if error else {}
            log_event("session closed", session=number, ending=ending, sessions=self.sessions, **facts)

        worker.call(close).add_done_callback(closed)
        worker.stop()

    async def _send_error(self, send: Send, code: str, message: str) -> None:
        self.metrics.add("errors_total", code=code)
        frame = {"type": "error", "data": {"message": message, "code": code}}
        await send({"type": "websocket.send", "text": json.dumps(frame)})


class _Conversation:
    """The messages of one session, each answered before the next one is read."""

    def __init__(self, app: App, worker: Worker, session: Session, receive: Receive, send: Send, number: int) -> None:
        self.app = app
        self.worker = worker
        self.session = session
        self.receive = receive
        self.send = send
        self.number = number

    async def hold(self, idle: set[asyncio.Task[Any]]) -> str:
        """Answer messages until the client leaves, its lease expires or the server is stopped; return which."""
        task = asyncio.current_task()
        assert task is not None
        lease_s = self.app.settings.lease_s
        while not (self.app.draining and not self.session.playing):
            if not self.session.playing:
                idle.add(task)
            try:
                async with asyncio.timeout(lease_s):
                    message = await self.receive()
            except TimeoutError:
                self.app.metrics.add("leases_expired_total")
                await self._error("SESSION_ERROR", f"no message for {lease_s:g} s: the session's lease has expired")
                await self._close(_GOING_AWAY)
                return "lease expired"
            except asyncio.CancelledError:
                if not self.app.draining:
                    raise
                task.uncancel()
                break
            finally:
                idle.discard(task)
            if message["type"] != "websocket.receive":
                return "closed by the client"
            ending = await self._answer(message.get("text") or message.get("bytes") or "")
            if ending:
                await self._close(1000)
                return ending
        await self._close(_GOING_AWAY)
        return "server stopped"

    async def _answer(self, raw: str | bytes) -> str:
        """Answer one message; return why the session ends, or ``""``."""
        try:
            message = json.loads(raw)
        except (ValueError, RecursionError):
            await self._error("INVALID_JSON", "the message is not JSON")
            return ""
        kind = message.get("type") if isinstance(message, dict) else None
        data = message.get("data", {}) if isinstance(message, dict) else None
        if kind == "close":
            return "closed by the client"
        if kind == "state":
            await self._send({"type": "state", "data": self.session.state()})
        elif kind not in ("reset", "step"):
            await self._error("UNKNOWN_TYPE", f"expected the type reset, step, state or close, got {str(kind)[:40]!r}")
        elif not isinstance(data, dict):
            await self._error("VALIDATION_ERROR", f"data must be an object, got {type(data).__name__}")
        else:
            return await self._play(kind, data)
        return ""

    async def _play(self, kind: str, data: dict[str, Any]) -> str:
        metrics, limit = self.app.metrics, self.app.settings.step_timeout_s
        began = time.perf_counter()
        try:
            async with asyncio.timeout(limit):
                answer = await self.worker.call(self.session.reset if kind == "reset" else self.session.step, data)
        except TimeoutError:
            log_event("step took too long", session=self.number, kind=kind, limit_s=limit)
            await self._error("EXECUTION_ERROR", f"the environment took longer than {limit:g} s; the session is over")
            return "step took too long"
        except SessionError as error:
            if (cause := error.__cause__) is not None:
                log_event(
                    "environment failed", session=self.number, kind=kind, error=f"{type(cause).__name__}: {cause}"
                )
            await self._error(error.code, str(error))
            return ""
        except Exception as error:  # of this module's own; the session can go on
            log_event("session failed", session=self.number, kind=kind, error=f"{type(error).__name__}: {error}")
            await self._error("EXECUTION_ERROR", f"the server failed ({type(error).__name__}); its log has the message")
            return ""
        metrics.add("env_seconds_total", time.perf_counter() - began)
        metrics.add("resets_total" if kind == "reset" else "steps_total")
        if answer["done"]:
            metrics.add("episodes_total", ending="terminated" if answer["metadata"]["terminated"] else "truncated")
        await self._send({"type": "observation", "data": answer})
        return ""

    async def _send(self, frame: dict[str, Any]) -> None:
        async with asyncio.timeout(_SEND_TIMEOUT_S):
            await self.send({"type": "websocket.send", "text": json.dumps(frame, separators=(",", ":"))})

    async def _error(self, code: str, message: str) -> None:
        self.app.metrics.add("errors_total", code=code)
        await self._send({"type": "error", "data": {"message": message, "code": code}})

    async def _close(self, code: int) -> None:
        with contextlib.suppress(OSError, RuntimeError):
            await self.send({"type": "websocket.close", "code": code})


def _header(scope: Mapping[str, Any], name: bytes) -> str:
    return next((value.decode("latin-1") for key, value in scope["headers"] if key.lower() == name), "")
