"""The log of attempted behaviours, and the check that none of them is put off forever."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

__all__ = ["Attempt", "Comparisons", "Outcome", "check_no_starvation"]

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
        cost: Sum of the costs of its edges when it was chosen.
        untried: Least cost of the behaviours from there with an edge that was neither traversed nor failed; inf if
            there is none, NaN without ``audit=True``.
        edits: Changes of the graph before it that can lower a cost, as the graph counts them.
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


class Comparisons(NamedTuple):
    """How many comparisons a check of a log made.

    Attributes:
        untried: Attempts that were compared with a cheapest behaviour with an untried edge.
        repeated: Attempts that were compared with one before, from the same node and in a graph that only failures
            had changed.
    """

    untried: int
    repeated: int


def check_no_starvation(attempts: Sequence[Attempt]) -> Comparisons:
    """Check in a log what the proof of enumeration needs (reconstruction B6).

    No attempt costs more than the cheapest behaviour with an untried edge; and as long as nothing but failures changes
    the graph, neither the cost of attempts from a node nor the least one of untried behaviours decreases. So between
    two edits a behaviour can be passed over only for cheaper ones, each failure of which makes an edge dearer.

    A log shows this for its attempts, no more. An edge that is traversed again gets its conductance back: one that
    fails and is traversed by turns never becomes dear, and as often as it is traversed the argument begins anew.

    Args:
        attempts: The log of one episode, in order, of an agent with ``audit=True``.

    Returns:
        The numbers of comparisons; without any, the log shows nothing.

    Raises:
        AssertionError: If the log breaks a condition; the message names the attempts.
    """
    untried = repeated = 0
    last: dict[tuple[int, int], Attempt] = {}
    for attempt in attempts:
        if not attempt.cost <= attempt.untried * (1 + 1e-9):
            raise AssertionError(f"attempt {attempt.number} costs {attempt.cost:g}, untried: {attempt.untried:g}")
        untried += attempt.untried < math.inf
        before = last.get((attempt.path[0], attempt.edits))
        repeated += before is not None
        for name in ("cost", "untried"):
            if before is not None and getattr(attempt, name) < getattr(before, name) * (1 - 1e-9):
                raise AssertionError(f"attempts {before.number} and {attempt.number}: the {name} decreases")
        last[attempt.path[0], attempt.edits] = attempt
    return Comparisons(untried, repeated)
