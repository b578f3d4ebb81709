"""What can follow the steps so far, learned from correct executions alone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from quintain.arguments import check_number

__all__ = ["METHODS", "Anticipate", "Bigram", "NGram", "TaskGraphLearner"]

#: Beginning of an execution, which is no step.
_BEGIN = "\x00begin"

Executions = Sequence[Sequence[str]]


class Anticipate(Protocol):
    """Anticipates the next step of an execution."""

    def expected(self, before: Sequence[str]) -> set[str]:
        """Return the steps that can follow.

        Args:
            before: The steps so far; empty at the beginning.
        """
        ...


class NGram:
    """Expects what followed the same last steps in a known execution, with back-off to fewer steps.

    Args:
        executions: Correct executions.
        order: Number of steps of an n-gram, the expected one included, >= 2. Default: 3.
    """

    def __init__(self, executions: Executions, order: int = 3) -> None:
        check_number("order", order, low=2, integer=True)
        self.order = order
        self._followers: dict[tuple[str, ...], set[str]] = defaultdict(set)
        for execution in executions:
            padded = [_BEGIN, *execution]
            for place in range(1, len(padded)):
                for length in range(1, order):
                    self._followers[tuple(padded[max(0, place - length) : place])].add(padded[place])

    def expected(self, before: Sequence[str]) -> set[str]:
        """Return what followed the longest known ending; nothing if the last step is unknown."""
        padded = [_BEGIN, *before]
        for length in range(min(self.order - 1, len(padded)), 0, -1):
            followers = self._followers.get(tuple(padded[-length:]))
            if followers:
                return set(followers)
        return set()


class Bigram(NGram):
    """Expects what followed the last step in a known execution: the "one-step memory" of PREGO, set-valued.

    Args:
        executions: Correct executions.
    """

    def __init__(self, executions: Executions) -> None:
        super().__init__(executions, order=2)


class TaskGraphLearner:
    """Learns which steps must precede which, and expects every step that is not done and has no open prerequisite.

    A step precedes another one if it does in every execution that has both, and there is one. This is the strictest
    partial order that all known executions keep; with few executions it is too strict.

    Args:
        executions: Correct executions.
    """

    def __init__(self, executions: Executions) -> None:
        steps = dict.fromkeys(step for execution in executions for step in execution)
        places = [{step: place for place, step in reversed(list(enumerate(known)))} for known in executions]
        self.prerequisites: dict[str, frozenset[str]] = {}
        for step in steps:
            both = {other: [p for p in places if step in p and other in p] for other in steps if other != step}
            self.prerequisites[step] = frozenset(
                other for other, found in both.items() if found and all(p[other] < p[step] for p in found)
            )

    def expected(self, before: Sequence[str]) -> set[str]:
        """Return the known steps that are not done and whose prerequisites are."""
        done = set(before)
        return {step for step, needed in self.prerequisites.items() if step not in done and needed <= done}


#: Methods by name.
METHODS: Mapping[str, Callable[..., Anticipate]] = {
    "bigram": Bigram,
    "n-gram": NGram,
    "task-graph": TaskGraphLearner,
}
