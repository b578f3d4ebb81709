"""Logs of what the roles asked and were answered, and engines that serve such a log again."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from quintain.engines import Engine, Reply, Request
from quintain.errors import EngineError, RecordError

__all__ = ["Transcript"]


class Transcript:
    """Requests and replies of the three roles, one JSON line each.

    Args:
        path: The file; ``None`` keeps nothing.
    """

    def __init__(self, path: str | Path | None) -> None:
        self.path = None if path is None else Path(path)

    def add(self, role: str, request: Request, reply: str) -> None:
        """Append an exchange.

        Args:
            role: ``"designer"``, ``"critic"`` or ``"analyzer"``.
            request: What was asked.
            reply: The answer.
        """
        if self.path is None:
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        line = {"role": role, "messages": list(request.messages or ()), "reply": reply}
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")

    def replies(self, role: str) -> list[str]:
        """Return the replies to a role, in order.

        Raises:
            RecordError: If there is no such file, or a line of it is damaged.
        """
        assert self.path is not None
        try:
            lines = self.path.read_text(encoding="utf-8").splitlines()
            return [entry["reply"] for entry in map(json.loads, lines) if entry["role"] == role]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise RecordError(f"no transcript can be read from {str(self.path)!r}: {error}") from error

    def engine(self, role: str) -> Engine:
        """Return an engine that serves the replies of a role in their order, whatever is asked."""
        return _Recorded(self.replies(role), role, str(self.path))


class _Recorded(Engine):
    name = "transcript"
    capabilities = frozenset({"chat", "seed"})

    def __init__(self, replies: Sequence[str], role: str, path: str) -> None:
        self._replies, self._role, self._path, self._next = list(replies), role, path, 0

    async def _generate(self, requests: Sequence[Request]) -> list[list[Reply]]:
        found = []
        for _ in requests:
            if self._next >= len(self._replies):
                raise EngineError(f"the transcript {self._path!r} has no further reply of the {self._role}")
            found.append([Reply(self._replies[self._next], "stop")])
            self._next += 1
        return found
