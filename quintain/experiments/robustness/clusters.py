"""Estimates from episodes that come in groups: several training seeds, or several states of one episode."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from quintain.evaluation.statistics import Bounds, Interval, mean

__all__ = ["clustered_mean", "clustered_rate"]


def clustered_mean(
    groups: Sequence[Sequence[float]],
    confidence: float = 0.95,
    *,
    kind: str = "seeds",
    seed: int = 0,
    bounds: Bounds | None = None,
) -> Interval:
    """Estimate the mean over groups of equal weight, with the interval of :func:`~quintain.evaluation.statistics.mean`.

    Values of one group may depend on each other, as the episodes do that one trained adversary plays. With a single
    group the interval is over its values, and holds for that group alone.

    Args:
        groups: Finite values, at least one per group.
        confidence: Nominal coverage, in (0, 1).
        kind: What a group is, in the plural, for notes.
        seed: Seed of the resampling.
        bounds: Smallest and largest possible value; ``None`` if unknown.

    Raises:
        ValueError: If there is no group, or an empty one.
    """
    arrays = [np.asarray(group, dtype=np.float64) for group in groups]
    if not arrays or any(a.size == 0 for a in arrays):
        raise ValueError("expected at least one group, and a value in each")
    labels = np.repeat(np.arange(len(arrays)), [len(a) for a in arrays])
    return mean(
        np.concatenate(arrays), confidence, seed=seed, bounds=bounds, clusters=labels, equal_weights=True, unit=kind
    )


def clustered_rate(groups: Sequence[Sequence[bool]], confidence: float = 0.95, *, kind: str = "seeds") -> Interval:
    """Estimate a probability over groups; those without a value are left out."""
    values = [[float(flag) for flag in group] for group in groups if group]
    if not values:
        return mean([], confidence, bounds=(0, 1), unit=kind)
    return clustered_mean(values, confidence, kind=kind, bounds=(0, 1))
