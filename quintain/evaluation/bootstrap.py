"""Robust statistics of returns, with percentile intervals of the stratified bootstrap.

Source: Agarwal et al. 2021, Deep Reinforcement Learning at the Edge of the Statistical Precipice (their library is
rliable): the interquartile mean over runs and tasks; runs are resampled within each task.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quintain.evaluation.interval import Interval
from quintain.evaluation.statistics import SMALL_N

__all__ = ["STATISTICS", "Statistic", "bootstrap_interval", "iqm", "standard_deviation"]

#: Resamples of a bootstrap; fewer, but at least ``_FEWEST``, where more than ``_MAX_DRAWN`` values would be drawn.
RESAMPLES = 2000
_FEWEST = 200
_MAX_DRAWN = 20_000_000

#: A function of values along the last axis.
Statistic = Callable[[NDArray[np.float64]], NDArray[np.float64]]


def iqm(values: Sequence[float] | NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the interquartile mean: that of the middle half of the values, along the last axis.

    A quarter of the values, rounded down, is left out at either end (``scipy.stats.trim_mean(values, 0.25)``).

    Args:
        values: Finite values, shape ``(..., n)`` with n >= 1.

    Example:
        >>> float(iqm([1.0, 2.0, 3.0, 100.0]))
        2.5
    """
    from scipy import stats

    found: NDArray[np.float64] = stats.trim_mean(np.asarray(values, dtype=np.float64), 0.25, axis=-1)
    return found


def standard_deviation(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the standard deviation along the last axis, with n - 1 in the denominator."""
    found: NDArray[np.float64] = np.std(values, axis=-1, ddof=1)
    return found


def _mean(values: NDArray[np.float64]) -> NDArray[np.float64]:
    found: NDArray[np.float64] = np.mean(values, axis=-1)
    return found


def _median(values: NDArray[np.float64]) -> NDArray[np.float64]:
    found: NDArray[np.float64] = np.median(values, axis=-1)
    return found


#: Statistics over runs, by name.
STATISTICS: dict[str, Statistic] = {"IQM": iqm, "mean": _mean, "median": _median}


def bootstrap_interval(
    strata: Sequence[Any], statistic: Statistic, confidence: float = 0.95, *, seed: int = 0, unit: str = "values"
) -> Interval:
    """Estimate a statistic of all values, with a percentile interval of the stratified bootstrap.

    Each resample draws, in every stratum, as many of its values as it has, with replacement.

    Args:
        strata: One sequence of finite values per stratum, such as the scores of the runs on each task.
        statistic: Function of values along the last axis, such as :func:`iqm`.
        confidence: Nominal coverage, in (0, 1).
        seed: Seed of the resamples. Default: 0.
        unit: What is independent of each other, in the plural. Default: values.
    """
    groups = [np.asarray(values, dtype=np.float64) for values in strata]
    data = np.concatenate(groups) if groups else np.zeros(0)
    n = len(data)
    if n < 2:
        note = f"no interval from fewer than 2 {unit}" if n else "no data"
        alone = float(data[0]) if n and statistic is not standard_deviation else math.nan
        return Interval(alone, math.nan, math.nan, n, "none", confidence, note, unit=unit)
    estimate = float(statistic(data))
    fewest = min(map(len, groups))
    if np.ptp(data) == 0 or fewest < 2:
        why = f"all {n} {unit} are equal" if fewest > 1 else f"a task has fewer than 2 {unit}"
        return Interval(estimate, math.nan, math.nan, n, "none", confidence, f"no interval: {why}", unit=unit)
    rng = np.random.default_rng(seed)
    resamples = min(RESAMPLES, max(_FEWEST, _MAX_DRAWN // n))
    found = [
        float(statistic(np.concatenate([group[rng.integers(len(group), size=len(group))] for group in groups])))
        for _ in range(resamples)
    ]
    low, high = np.quantile(found, [0.5 - confidence / 2, 0.5 + confidence / 2])
    note = f"only {fewest} {unit}: read the interval with care" if fewest < SMALL_N else ""
    return Interval(estimate, float(low), float(high), n, "bootstrap", confidence, note, unit=unit)
