"""The log of attempted behaviours, and the check that none of them is put off forever."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

__all__ = ["Attempt", "Outcome", "check_no_starvation"]

#: How a behaviour ended: at the goal; at its last node, where the next one begins; or in a failed intention. One that
#: the end of the episode cut off is still running.
Outcome = Literal["running", "goal", "ended", "failed"]


@dataclass(slots=True)
class Attempt:
    """A behaviour that was attempted.

    Attributes:
        number: Its place in the order of attempts, from 0.
        visit: Visit of the episode in which it was attempted, from 0.
        path: Nodes in order, the first one where it began.
        cost: Its cost when it was chosen: the least of all behaviours from there.
        untried: Least cost of the behaviours from there with an edge that was neither traversed nor failed; inf if
            there is none, NaN without ``audit=True``.
        edits: Changes of the graph before it that can lower a cost: nodes added, edges traversed.
        outcome: How it ended.
        steps: Steps that it took.
    """

    number: int
    visit: int
    path: tuple[int, ...]
    cost: float
    untried: float
    edits: int
    outcome: Outcome = "running"
    steps: int = 0


def check_no_starvation(attempts: Sequence[Attempt]) -> None:
    """Check a log for what the proof of enumeration needs (reconstruction B6).

    No attempt costs more than the cheapest behaviour with an untried edge; and as long as nothing but failures changes
    the graph, neither the least cost of attempts from a node nor that of untried behaviours decreases. So a behaviour
    can be passed over only for cheaper ones, of which each failure doubles an edge.

    Args:
        attempts: The log of one episode, in order, of an agent with ``audit=True``.

    Raises:
        AssertionError: If the log breaks a condition; the message names the attempts.
    """
    last: dict[tuple[int, int], Attempt] = {}
    for attempt in attempts:
        if not attempt.cost <= attempt.untried * (1 + 1e-9):
            raise AssertionError(f"attempt {attempt.number} costs {attempt.cost:g}, untried: {attempt.untried:g}")
        before = last.get((attempt.path[0], attempt.edits))
        for name in ("cost", "untried"):
            if before is not None and getattr(attempt, name) < getattr(before, name) * (1 - 1e-9):
                raise AssertionError(f"attempts {before.number} and {attempt.number}: the {name} decreases")
        last[attempt.path[0], attempt.edits] = attempt
