"""Means over several independent groups of values, and differences between two of them.

Welch's interval, with Satterthwaite's degrees of freedom: groups may differ in variance and size. One group goes to
:func:`quintain.evaluation.statistics.mean`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from quintain.evaluation.interval import Interval
from quintain.evaluation.interval_ends import student_t
from quintain.evaluation.statistics import SMALL_N, Bounds, mean

__all__ = ["Variance", "note_on_groups", "pooled_variance", "stratified_mean", "unpaired_difference"]


class Variance(NamedTuple):
    """Squared standard error of an estimate, and its degrees of freedom."""

    value: float
    df: float


def pooled_variance(groups: Sequence[NDArray[np.float64]], signs: Sequence[float] = ()) -> Variance:
    """Return the variance of the mean of all values, which groups explain in part: only that within them counts.

    sum_k w_k^2 s_k^2 / n_k with w_k = n_k / n, and (sum_k v_k)^2 / sum_k (v_k^2 / (n_k - 1)) degrees of freedom, where
    v_k are the terms of the sum (Satterthwaite 1946).

    Args:
        groups: Two values or more in each.
        signs: Weights w_k, if others.
    """
    n = sum(map(len, groups))
    weights = signs or [len(group) / n for group in groups]
    terms = [w * w * float(group.var(ddof=1)) / len(group) for w, group in zip(weights, groups, strict=True)]
    total = sum(terms)
    spread = sum(term * term / (len(group) - 1) for term, group in zip(terms, groups, strict=True))
    return Variance(total, total * total / spread if spread else math.inf)


def note_on_groups(groups: Sequence[Sequence[Any] | NDArray[np.float64]], unit: str) -> str:
    """Return a note of caution if one of the groups is small, else nothing."""
    fewest = min(map(len, groups))
    return f"only {fewest} {unit}: read the interval with care" if fewest < SMALL_N else ""


def stratified_mean(
    strata: Sequence[Sequence[float]], confidence: float = 0.95, *, seed: int = 0, unit: str = "values"
) -> Interval:
    """Estimate the mean of all values. The strata are fixed, such as the environments of a benchmark.

    Args:
        strata: One sequence of finite values per stratum, such as the scores of the runs on each task.
        confidence: Nominal coverage, in (0, 1).
        seed: Seed of the resampling, which more than 20 values of one stratum have.
        unit: What is independent of each other, in the plural. Default: values.
    """
    if len(strata) == 1:
        return mean(strata[0], confidence, seed=seed, unit=unit)
    groups = [np.asarray(values, dtype=np.float64) for values in strata]
    n = sum(map(len, groups))
    estimate = float(np.concatenate(groups).mean()) if n else math.nan
    why = "" if n else "no data"
    if n and min(map(len, groups)) < 2:
        why = f"no interval: a stratum has fewer than 2 {unit}"
    elif n and all(np.ptp(group) == 0 for group in groups):
        why = f"no interval: all {unit} of a stratum are equal"
    if why:
        return Interval(estimate, math.nan, math.nan, n, "none", confidence, why, unit=unit)
    low, high = student_t(estimate, *pooled_variance(groups), confidence)
    return Interval(estimate, low, high, n, "welch", confidence, note_on_groups(groups, unit), unit=unit)


def unpaired_difference(
    first: Sequence[float],
    second: Sequence[float],
    confidence: float = 0.95,
    *,
    bounds: Bounds | None = None,
    unit: str = "values",
) -> Interval:
    """Estimate the difference of the means of two independent groups, and test whether it is 0.

    With bounds, the interval combines those of the two means: d - sqrt((m1 - l1)^2 + (u2 - m2)^2) to
    d + sqrt((u1 - m1)^2 + (m2 - l2)^2) (Zou & Donner 2008; of zeros and ones it is Newcombe's). Without, it is Welch's.

    Args:
        first: Finite values, shape ``(n,)``.
        second: Finite values, shape ``(m,)``.
        confidence: Nominal coverage, in (0, 1).
        bounds: Smallest and largest possible value; ``None`` if unknown.
        unit: What is independent of each other, in the plural. Default: values.
    """
    one, two = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    n, estimate = len(one) + len(two), float(one.mean() - two.mean())
    if min(len(one), len(two)) < 2 or (bounds is None and np.ptp(one) == np.ptp(two) == 0):
        note = f"no interval from fewer than 2 {unit} in each group, or without any variation"
        return Interval(estimate, math.nan, math.nan, n, "none", confidence, note, unit=unit)

    def ends(level: float) -> tuple[float, float]:
        if bounds is None:
            return student_t(estimate, *pooled_variance([one, two], (1, -1)), level)
        a, b = mean(one, level, bounds=bounds), mean(two, level, bounds=bounds)
        return (estimate - math.hypot(a.estimate - a.low, b.high - b.estimate),
                estimate + math.hypot(a.high - a.estimate, b.estimate - b.low))  # fmt: skip

    method, note = "welch" if bounds is None else "combined", note_on_groups([one, two], unit)
    return Interval(estimate, *ends(confidence), n, method, confidence, note, unit=unit, p_value=_p_value(ends))


def _p_value(ends: Callable[[float], tuple[float, float]]) -> float:
    """Return the smallest alpha at which the interval of confidence 1 - alpha leaves out 0, by bisection."""
    low, high = math.log(1e-12), 0.0
    for _ in range(40):
        middle = (low + high) / 2
        bottom, top = ends(1 - math.exp(middle))
        low, high = (low, middle) if bottom > 0 or top < 0 else (middle, high)
    return math.exp(high)
