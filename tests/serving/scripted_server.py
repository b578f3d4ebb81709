"""A server that publishes any schema, and answers each message with any frames, or breaks off."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Response
from websockets.sync.server import serve

TEXT = {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]}
SCHEMA = {"action": TEXT, "observation": TEXT, "state": {}}


def seen(text: str = "a", reward: Any = None, done: Any = False, **more: Any) -> str:
    """Return the frame of an observation."""
    data = {"observation": {"text": text}, "reward": reward, "done": done, **more}
    return json.dumps({"type": "observation", "data": data})


class ScriptedServer:
    """Answers with what ``answers`` returns for a message: frames, or ``None`` to send half of one and close."""

    def __init__(self, answers: Callable[[dict[str, Any]], list[str | bytes] | None], schema: Any = SCHEMA) -> None:
        self.answers = answers
        self.schema = schema
        self.messages: list[dict[str, Any]] = []
        self._server = serve(
            self._hold, "127.0.0.1", 0, process_request=self._http, compression=None, max_size=None, ping_interval=None
        )
        self.url = "http://{}:{}".format(*self._server.socket.getsockname()[:2])
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()

    def _http(self, connection: Any, request: Any) -> Response | None:
        if request.path == "/ws":
            return None
        found = self.schema if request.path == "/schema" else None
        status = HTTPStatus.OK if found is not None else HTTPStatus.NOT_FOUND
        body = (found if isinstance(found, str) else json.dumps(found)).encode()
        return Response(status, status.phrase, Headers({"Content-Length": str(len(body))}), body)

    def _hold(self, connection: Any) -> None:
        try:
            for raw in connection:
                message = json.loads(raw)
                if message["type"] == "close":
                    return
                self.messages.append(message)
                frames = self.answers(message)
                if frames is None:
                    connection.socket.sendall(b"\x81\x7e\x10\x00half of a frame")
                    connection.socket.close()
                    return
                for frame in frames:
                    connection.send(frame)
        except (ConnectionClosed, OSError):
            return
