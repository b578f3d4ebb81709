"""The server's HTTP side: health, metadata, schemas, metrics and OpenEnv's task list."""

from __future__ import annotations

import asyncio
import inspect
import json
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import gymnasium as gym

from quintain.provenance import versions
from quintain.serving.metrics import Metrics
from quintain.serving.session import schemas
from quintain.serving.settings import ServerSettings
from quintain.serving.tasks import TaskList

__all__ = ["Routes", "ServerState"]

#: Maximum size of the body of a request, in bytes; questions about tasks are short.
_MAX_BODY = 65536
#: Maximum number of tasks in one answer.
_MAX_TASKS = 100_000


class ServerState(Protocol):
    """What the routes show of the server."""

    metrics: Metrics
    sessions: int
    draining: bool

    def is_authorised(self, scope: Mapping[str, Any]) -> bool:
        """Return whether a request carries the token, if the server asks for one."""
        ...


class _Failure(Exception):
    def __init__(self, status: int, why: str) -> None:
        self.status = status
        super().__init__(why)


class Routes:
    """Answers HTTP requests.

    Args:
        make: Makes one environment, of which schemas, description and tasks are read once.
        name: Name of the environment, in paths of the task list and in ``/metadata``.
        settings: The server's settings.
        server: The server whose state is shown.

    Raises:
        ConfigurationError: If the environment cannot be made, or a space cannot be written as JSON.
    """

    def __init__(
        self, make: Callable[[], gym.Env[Any, Any]], name: str, settings: ServerSettings, server: ServerState
    ) -> None:
        self._server = server
        self._name = name
        env = make()
        try:
            tasks = TaskList(env, settings.tasks, settings.seed)
            self._schema = schemas(env)
            about = (inspect.getdoc(type(env.unwrapped)) or "").partition("\n\n")[0]
        finally:
            env.close()
        self._tasks = tasks
        self._metadata = {"name": name, "description": about, "version": versions("quintain").get("quintain")}

    async def __call__(self, scope: Mapping[str, Any], receive: Callable[..., Any], send: Callable[..., Any]) -> None:
        """Answer one request."""
        try:
            status, kind, body = 200, "application/json", await self._answer(scope, receive)
        except _Failure as failure:
            status, body = failure.status, {"detail": str(failure)}
        if isinstance(body, str):
            kind = "text/plain; version=0.0.4"
        else:
            body, kind = json.dumps(body), "application/json"
            if scope["path"] == "/health" and self._server.draining:
                status = 503
        raw = body.encode()
        headers = [(b"content-type", kind.encode()), (b"content-length", str(len(raw)).encode())]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": raw if scope["method"] != "HEAD" else b""})

    async def _answer(self, scope: Mapping[str, Any], receive: Callable[..., Any]) -> Any:
        method, path = scope["method"], scope["path"]
        if path == "/health":
            return {"status": "unhealthy" if self._server.draining else "healthy"}
        if not self._server.is_authorised(scope):
            raise _Failure(401, "send the server's token: 'Authorization: Bearer ...'")
        if method in ("GET", "HEAD"):
            return self._get(path)
        if method != "POST":
            raise _Failure(405, f"{method} is not supported")
        return self._post(path, await _body(receive))

    def _get(self, path: str) -> Any:
        if path == "/schema":
            return self._schema
        if path == "/metadata":
            return self._metadata
        if path == "/metrics":
            gauges = {"sessions": self._server.sessions, "draining": int(self._server.draining)}
            return self._server.metrics.text(gauges)
        if path == "/list_environments":
            return [self._name]
        if self._task_route(path) == "splits":
            return self._tasks.splits()
        raise _Failure(404, f"there is nothing at {path!r}")

    def _post(self, path: str, request: Mapping[str, Any]) -> Any:
        route = self._task_route(path)
        if route not in ("tasks", "num_tasks", "task", "task_range"):
            raise _Failure(404, f"there is nothing to post to at {path!r}")
        tasks = self._tasks
        if request.get("split") != tasks.split:
            raise _Failure(400, f"split must be {tasks.split!r}, got {str(request.get('split'))[:40]!r}")
        if route == "num_tasks":
            return {"num_tasks": len(tasks)}
        if route == "task":
            index = request.get("index")
            if isinstance(index, bool) or not isinstance(index, int) or not 0 <= index < len(tasks):
                raise _Failure(400, f"index must be 0..{len(tasks) - 1}, got {str(index)[:40]!r}")
            return {"task": tasks[index]}
        start, stop = request.get("start"), request.get("stop")
        if any(isinstance(bound, bool) or not isinstance(bound, int | None) for bound in (start, stop)):
            raise _Failure(400, "start and stop must be integers or null")
        wanted = range(len(tasks))[start:stop]
        if len(wanted) > _MAX_TASKS:
            raise _Failure(400, f"{len(wanted)} tasks are too many for one answer; ask for ranges of {_MAX_TASKS}")
        found = {"tasks": [tasks[index] for index in wanted]}
        return found | {"env_name": self._name} if route == "tasks" else found

    def _task_route(self, path: str) -> str:
        prefix, _, route = path[1:].rpartition("/")
        return route if prefix.lower() == self._name.lower() else ""


async def _body(receive: Callable[..., Any]) -> Mapping[str, Any]:
    raw, more = b"", True
    while more:
        async with asyncio.timeout(30):
            message = await receive()
        raw += message.get("body", b"")
        more = message.get("more_body", False)
        if len(raw) > _MAX_BODY:
            raise _Failure(413, f"the body is larger than {_MAX_BODY} bytes")
    try:
        found = json.loads(raw or b"{}")
    except (ValueError, RecursionError):
        raise _Failure(400, "the body is not JSON") from None
    if not isinstance(found, dict):
        raise _Failure(400, "the body must be a JSON object")
    return found
