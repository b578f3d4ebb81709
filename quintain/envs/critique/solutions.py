"""Solutions of sums and differences in steps, of which a checker and rollouts know whether a step is an error."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

__all__ = ["ERROR_TYPES", "Solution", "draw_solution", "is_error", "rollout_test"]

#: The predefined types of errors. That the second is a calculation error is from the paper, the others are ours.
ERROR_TYPES: Mapping[int, str] = {
    1: "wrong rule: another operation",
    2: "calculation error: a wrong result",
    3: "misread condition: another number of the problem",
    4: "missing information: a step is skipped",
    5: "extra information: a number that the problem does not have",
}
_STEP = re.compile(r"(\d{1,6})([+-])(\d{1,6})=(-?\d{1,6})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Solution:
    """A problem with its right solution.

    Attributes:
        start: First number.
        terms: Signed numbers that are added to it, one a step.
    """

    start: int
    terms: tuple[int, ...]

    @property
    def problem(self) -> str:
        """The problem, such as ``12+7-5=``."""
        return f"{self.start}{''.join(f'{term:+d}' for term in self.terms)}="

    def total(self, steps: int) -> int:
        """Return the right result after so many steps."""
        return self.start + sum(self.terms[:steps])

    def step(self, number: int) -> str:
        """Return a right step, from 0."""
        return f"{self.total(number)}{self.terms[number]:+d}={self.total(number + 1)}"


def draw_solution(rng: np.random.Generator, min_steps: int = 2, max_steps: int = 4, max_number: int = 49) -> Solution:
    """Draw a problem whose partial results are never negative.

    Args:
        rng: Generator.
        min_steps: Minimum number of steps, >= 1. Default: 2.
        max_steps: Maximum number of steps. Default: 4.
        max_number: Maximum number, >= 1. Default: 49.
    """
    start = total = int(rng.integers(1, max_number + 1))
    terms = []
    for _ in range(int(rng.integers(min_steps, max_steps + 1))):
        term = int(rng.integers(1, max_number + 1))
        if rng.random() < 0.5 and total >= term:
            term = -term
        terms.append(term)
        total += term
    return Solution(start, tuple(terms))


def is_error(solution: Solution, number: int, step: str) -> bool | None:
    """Return whether a step leads away from the right result; ``None`` for a text that is no step.

    A step that arrives at the right result by other numbers is no error: the solution can go on from it.

    Args:
        solution: The solution.
        number: Number of the step, from 0.
        step: What was written in its place.

    Example:
        >>> s = Solution(12, (7, -5))
        >>> [is_error(s, 1, step) for step in ("19-5=14", "19-5=13", "20-6=14", "19-5=14 or 13")]
        [False, True, False, None]
    """
    found = _STEP.fullmatch(step)
    return None if found is None else int(found[4]) != solution.total(number + 1)


def rollout_test(
    solution: Solution,
    number: int,
    step: str,
    rng: np.random.Generator,
    *,
    rollouts: int = 4,
    slip: float = 0.05,
    high: float = 0.75,
    low: float = 0.0,
) -> bool:
    """Return whether a step is an error by rollouts: it can be solved from the right step, and not from this one.

    A scripted solver completes the solution several times after the right step and after the other one, and is wrong
    in a step now and then. The thresholds are those of the paper.

    Args:
        solution: The solution.
        number: Number of the step, from 0.
        step: What was written in its place; a text that is no step is no error.
        rng: Generator of the solver's slips.
        rollouts: Number of completions of each, >= 1. Default: 4.
        slip: Probability that a step of the solver is wrong, in [0, 1]. Default: 0.05.
        high: Share of right completions after the right step that is needed, in [0, 1]. Default: 0.75.
        low: Share of them after the other step that is not exceeded, in [0, 1]. Default: 0.
    """
    found = _STEP.fullmatch(step)
    if found is None:
        return False
    rest, answer = solution.terms[number + 1 :], solution.total(len(solution.terms))

    def share(result: int) -> float:
        slips = rng.choice((-10, -1, 1, 10), (rollouts, len(rest))) * (rng.random((rollouts, len(rest))) < slip)
        return float(np.mean(result + sum(rest) + slips.sum(axis=1) == answer))

    return share(solution.total(number + 1)) >= high and share(int(found[4])) <= low
