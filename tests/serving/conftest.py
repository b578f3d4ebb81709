"""A client that speaks OpenEnv's messages by hand, and servers that end with the test."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

pytest.importorskip("uvicorn")
pytest.importorskip("websockets")

from quintain.serving import Server, ServerSettings


class Client:
    """One WebSocket: sends a message, returns the answer."""

    def __init__(self, stack: ExitStack, url: str, path: str = "/ws", **headers: str) -> None:
        from websockets.sync.client import connect

        address = url.replace("http", "ws") + path
        options: dict[str, Any] = {"additional_headers": headers, "compression": None, "max_size": None}
        self.socket = stack.enter_context(connect(address, **options))

    def ask(self, kind: str, **data: Any) -> dict[str, Any]:
        return self.ask_raw(json.dumps({"type": kind, "data": data} if kind in ("reset", "step") else {"type": kind}))

    def ask_raw(self, text: str | bytes) -> dict[str, Any]:
        self.socket.send(text)
        return self.read()

    def read(self) -> dict[str, Any]:
        found = json.loads(self.socket.recv(timeout=20))
        assert isinstance(found, dict)
        return found

    def play(self, seed: int, *actions: Any, field: str = "text") -> list[dict[str, Any]]:
        answers = [self.ask("reset", seed=seed), *(self.ask("step", **{field: action}) for action in actions)]
        assert all(answer["type"] == "observation" for answer in answers), answers
        return [answer["data"] for answer in answers]

    def code(self, kind: str, **data: Any) -> str:
        answer = self.ask(kind, **data)
        assert answer["type"] == "error", answer
        return str(answer["data"]["code"])


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def started(stack: ExitStack) -> Callable[..., Server]:
    """Start a server of an environment; the settings are keywords."""

    def start(env: Any, env_kwargs: Any = None, **settings: Any) -> Server:
        # Sockets are closed first, at the end of the stack, so that no server waits for them.
        return stack.enter_context(Server(env, env_kwargs, ServerSettings(**{"port": 0, "drain_s": 0.0, **settings})))

    return start


@pytest.fixture
def client(stack: ExitStack) -> Callable[..., Client]:
    """Connect to a server."""

    def connect(server: Server, path: str = "/ws", **headers: str) -> Client:
        return Client(stack, server.url, path, **headers)

    return connect
