"""Replies that were recorded elsewhere and stand in a column of the data set."""

from __future__ import annotations

from typing import Any

from quintain.agents.agent import Actor, Seat
from quintain.errors import AgentError

__all__ = ["RecordedReplies"]


class RecordedReplies:
    """Answers each item with the reply in a column of its row, so that stored replies are scored without their model.

    Args:
        column: Name of the column, one of ``info["metadata"]``. An empty cell is an empty reply.
    """

    def __init__(self, column: str = "reply") -> None:
        self.column = column

    def describe(self) -> dict[str, Any]:
        """Return the name of the column, for the run's manifest."""
        return {"agent": "recorded-replies", "column": self.column}

    def begin(self, seat: Seat) -> Actor:
        """Return an actor, which keeps no state."""
        return _Actor(self.column)


class _Actor:
    def __init__(self, column: str) -> None:
        self._column = column

    def act(self, observation: Any, info: dict[str, Any]) -> str:
        row = info.get("metadata")
        if not isinstance(row, dict) or self._column not in row:
            known = ", ".join(row) if isinstance(row, dict) and row else "none"
            raise AgentError(f"this item has no column {self._column!r} with a reply; its other columns: {known}")
        value = row[self._column]
        return "" if value is None else str(value)
