"""Intervals for episodes that come in groups: several training seeds, or several states of one episode."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from quintain.evaluation.statistics import Interval, rate
from quintain.seeding import SeedStream

__all__ = ["clustered_mean", "clustered_rate"]

_RESAMPLES = 9_999
#: Below this many groups the bootstrap over groups is known to give intervals that are too narrow.
_FEW = 5


def clustered_mean(
    groups: Sequence[Sequence[float]], confidence: float = 0.95, *, kind: str = "seeds", seed: int = 0
) -> Interval:
    """Estimate the mean over groups of equal weight by a two-stage bootstrap.

    Each resample draws groups with replacement, and within each of them values with replacement (Davison & Hinkley
    1997, section 3.8); the interval holds the middle of the resampled means of group means. Values of one group may
    depend on each other, as the episodes do that one trained adversary plays.

    Args:
        groups: Finite values, at least one per group.
        confidence: Nominal coverage, in (0, 1).
        kind: What a group is, for the note.
        seed: Seed of the resampling.

    Raises:
        ValueError: If there is no group, or an empty one.
    """
    arrays = [np.asarray(group, dtype=np.float64) for group in groups]
    if not arrays or any(a.size == 0 for a in arrays):
        raise ValueError("expected at least one group, and a value in each")
    n = sum(len(a) for a in arrays)
    estimate = float(np.mean([a.mean() for a in arrays]))
    method = f"two-stage bootstrap over {len(arrays)} {kind}"
    if all(np.all(a == arrays[0][0]) for a in arrays):
        return Interval(estimate, estimate, estimate, n, method, confidence, "all values are equal")
    rng = SeedStream(seed, "clusters").generator()
    inner = np.stack([_resampled_means(a, rng) for a in arrays])
    # A group that is drawn twice is resampled twice, hence a random column of its own each time.
    groups_drawn = rng.integers(0, len(arrays), (len(arrays), _RESAMPLES))
    means = inner[groups_drawn, rng.integers(0, _RESAMPLES, groups_drawn.shape)]
    low, high = np.quantile(means.mean(axis=0), [0.5 - confidence / 2, 0.5 + confidence / 2])
    few = f"only {len(arrays)} {kind}: the interval is likely too narrow" if len(arrays) < _FEW else ""
    return Interval(estimate, float(low), float(high), n, method, confidence, few)


def clustered_rate(groups: Sequence[Sequence[bool]], confidence: float = 0.95, *, kind: str = "seeds") -> Interval:
    """Estimate a probability over groups; where all values are equal, with Wilson's interval over all of them."""
    flags = [flag for group in groups for flag in group]
    if not flags or all(flags) or not any(flags):
        return rate(sum(flags), len(flags), confidence)
    return clustered_mean([[float(flag) for flag in group] for group in groups if group], confidence, kind=kind)


def _resampled_means(values: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    return np.asarray(values[rng.integers(0, len(values), (len(values), _RESAMPLES))].mean(axis=0))
