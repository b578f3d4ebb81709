"""Scores of state sequences that nothing was trained for, and their fusion with a prospective score."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

from quintain.rewards.verification.evidence import StepState

__all__ = ["Fusion", "StateScore", "fuse", "proved_share"]

#: Scores a sequence of states, in [0, 1].
StateScore = Callable[[Sequence[StepState]], float]
#: How a retrospective and a prospective score are combined.
Fusion = Literal["geometric", "product", "sum", "min", "max"]


def proved_share(states: Sequence[StepState]) -> float:
    """Return (s + 1) / (s + f + 2) with s proved and f unproved statements; 1/2 where nothing was checked.

    It is the mean of a uniform prior on the rate of true statements after s hits and f misses. The learned score is
    :class:`~quintain.rewards.verification.aggregator.Aggregator`.

    Example:
        >>> proved_share([StepState.SUCCESS, StepState.NOT_REQUIRED, StepState.SUCCESS])
        0.75
    """
    proved = sum(state is StepState.SUCCESS for state in states)
    failed = sum(state is StepState.FAILURE for state in states)
    return (proved + 1) / (proved + failed + 2)


def fuse(retrospective: float, prospective: float, alpha: float = 0.5, how: Fusion = "geometric") -> float:
    """Combine two scores in [0, 1]: retrospective^alpha * prospective^(1 - alpha), or another way.

    With ``alpha`` 1 the geometric mean is the retrospective score, with 0 the prospective one. The weighted sum is
    alpha * retrospective + (1 - alpha) * prospective; product, minimum and maximum do not use ``alpha``. Source: Liu et
    al. 2025, arXiv 2506.04592; the alpha of its tables is not known.

    Example:
        >>> fuse(0.25, 1.0), fuse(0.25, 1.0, alpha=0)
        (0.5, 1.0)
    """
    if how == "geometric":
        return float(retrospective**alpha * prospective ** (1 - alpha))
    if how == "sum":
        return alpha * retrospective + (1 - alpha) * prospective
    if how == "product":
        return retrospective * prospective
    return min(retrospective, prospective) if how == "min" else max(retrospective, prospective)
