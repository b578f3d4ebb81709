"""A request to the OpenAI-compatible engine, and faults of the server that answers it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from quintain.engines import Request
from quintain.messages import user

KEY = "sk-very-secret-0123456789"
REQUEST = Request(messages=[user("hello")], seed=3)
ANSWER = "one two three\nfour five six 3"


def respond(status: int, body: str = "", **headers: str) -> Callable[[Any], None]:
    """Return a fault: the server answers once with this status, body and headers."""

    def fault(handler: Any) -> None:
        data = body.encode()
        handler.send_response(status)
        handler.send_header("Content-Length", str(len(data)))
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(data)

    return fault
