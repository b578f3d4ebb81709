"""Estimates with confidence intervals. :func:`mean` chooses the interval that holds; the others call it.

=============================================  ======================================================================
values                                         interval
=============================================  ======================================================================
independent zeros and ones                     Wilson, its ends at 1 to 3 successes (failures) corrected
pairs of zeros and ones                        Newcombe's for paired proportions, with McNemar's exact test
a bounded quantity, or clusters of one         t on the logit scale
any other, up to 20 values                     Student's t
any other, more than 20 values                 BCa bootstrap
=============================================  ======================================================================

docs/explanation/statistics.md shows how often each holds.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Hashable, Sequence
from dataclasses import replace
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from quintain.evaluation.interval import Interval
from quintain.evaluation.interval_ends import Ends, bca, logit_t, newcombe, student_t, wilson
from quintain.evaluation.significance import sign_test

__all__ = ["Bounds", "Interval", "mean", "paired_difference", "rate", "required_pairs"]

#: Below this number of values, an interval gets a note of caution.
SMALL_N = 10
#: Up to this number of values, intervals of means are Student's t; above, bootstraps.
FEW = 20
#: Relative difference below which values are equal.
_ROUNDING = 1e-12
#: Range of a quantity, such as (0, 1) of a rate.
Bounds = tuple[float, float]


def rate(successes: int, n: int, confidence: float = 0.95, *, unit: str = "values") -> Interval:
    """Estimate a success probability from independent trials, with Wilson's score interval.

    It stays in [0, 1], and has a positive width at 0 and n successes, where the normal approximation has width 0. With
    1 to 3 successes, at most half of n, the lower end is lowered to the Poisson limit (Brown, Cai & DasGupta 2001,
    section 4.1.1), and the upper end with few failures likewise: without this, coverage falls to 0.83 near 0 and 1.

    Args:
        successes: Number of successes, in [0, n].
        n: Number of trials, >= 0.
        confidence: Nominal coverage, in (0, 1).
        unit: What a trial is, in the plural, for the note.

    Raises:
        ValueError: If ``successes`` is outside [0, n] or ``confidence`` outside (0, 1).

    Example:
        >>> print(rate(8, 16))
        0.5 [0.28, 0.72]
    """
    if not 0 <= successes <= n:
        raise ValueError(f"expected 0 <= successes <= n, got {successes!r} of {n!r}")
    _check_confidence(confidence)
    if n == 0:
        return Interval(math.nan, math.nan, math.nan, 0, "wilson", confidence, "no data", unit=unit)
    low, high = wilson(successes / n, n, confidence)
    few = min(successes, n - successes)
    if not 1 <= few <= min(3, n // 2):
        return Interval(successes / n, low, high, n, "wilson", confidence, _caution(n, unit), unit=unit)
    from scipy.special import gammaincinv

    limit = float(gammaincinv(few, 1 - confidence)) / n
    if successes == few:
        low = min(low, limit)
    if n - successes == few:
        high = max(high, 1 - limit)
    return Interval(successes / n, low, high, n, "modified wilson", confidence, _caution(n, unit), unit=unit)


def mean(
    values: Sequence[float] | NDArray[np.float64],
    confidence: float = 0.95,
    method: Literal["bca", "t"] = "bca",
    seed: int = 0,
    *,
    bounds: Bounds | None = None,
    clusters: Sequence[Hashable] | NDArray[Any] | None = None,
    equal_weights: bool = False,
    unit: str = "",
) -> Interval:
    """Estimate a mean, with the interval that fits the values. No interval has width zero.

    Args:
        values: Finite values, shape ``(n,)``.
        confidence: Nominal coverage, in (0, 1).
        method: For more than 20 independent values without bounds: ``"bca"`` resamples 9,999 times with a generator
            seeded by ``seed``, ``"t"`` assumes normal means. Up to 20 values it is always t, because a bootstrap of 3
            (5, 10) values at 95% holds in 72% (84%, 90%) of cases only.
        seed: Seed of the resampling: equal data give equal intervals.
        bounds: Smallest and largest possible value, such as (0, 1) for rates of several seeds; ``None`` if unknown.
            Where all values are equal, they allow a conservative interval; without them there is none.
        clusters: A label per value; values with one label depend on each other: episodes of one training seed, answers
            of one match, repetitions of one item. ``None``: all values are independent.
        equal_weights: Whether the estimate is the mean of cluster means; else the mean of all values.
        unit: What is independent, in the plural, for notes: ``"seeds"``; "values" or "clusters" if empty.

    Raises:
        ValueError: If a value is not finite or out of bounds, the method unknown, the confidence outside (0, 1), or the
            number of labels another than that of values.
    """
    data = _finite(values)
    if method not in ("bca", "t"):
        raise ValueError(f"method must be 'bca' or 't', got {method!r}")
    binary = bool(np.all((data == 0) | (data == 1))) and bounds in (None, (0, 1))
    if binary and len(data) and data.min() < data.max():
        bounds = (0.0, 1.0)
    codes = _codes(clusters, len(data))
    return _choose(data, codes, _Choice(confidence, method, seed, bounds, binary, equal_weights, unit))


def paired_difference(
    first: Sequence[float] | NDArray[np.float64],
    second: Sequence[float] | NDArray[np.float64],
    confidence: float = 0.95,
    seed: int = 0,
    *,
    bounds: Bounds | None = None,
    clusters: Sequence[Hashable] | NDArray[Any] | None = None,
    unit: str = "",
) -> Interval:
    """Estimate ``mean(first - second)`` over pairs, and test whether it is 0.

    Pairs of zeros and ones have Newcombe's score interval for paired proportions, widened to hold 0 unless McNemar's
    exact test rejects; all others the interval of :func:`mean` over the differences, and a t test, or the exact sign
    test where all differences are equal.

    Args:
        first: Values of the first condition, shape ``(n,)``.
        second: Shape ``(n,)``; ``second[i]`` shares its seed with ``first[i]``.
        confidence: Nominal coverage, in (0, 1).
        seed: Seed of the resampling.
        bounds: Smallest and largest possible value of either condition; ``None`` if unknown.
        clusters: A label per pair; pairs with one label depend on each other. ``None``: all pairs are independent.
        unit: What is independent, in the plural, for notes; "pairs" or "clusters" if empty.

    Raises:
        ValueError: If the lengths differ, or a value is not finite or out of bounds.
    """
    a, b = _finite(first), _finite(second)
    if a.shape != b.shape:
        raise ValueError(f"pairs need equal lengths, got {len(a)} and {len(b)}")
    binary = bool(len(a)) and bool(np.all(np.isin((a, b), (0.0, 1.0))))
    if binary and bounds is None:
        bounds = (0.0, 1.0)
    codes = _codes(clusters, len(a))
    if binary and (codes is None or codes.max() in (0, len(a) - 1)):
        _check_confidence(confidence)
        return _paired_proportions(a, b, confidence, unit or "pairs")
    span = None if bounds is None else (bounds[0] - bounds[1], bounds[1] - bounds[0])
    choice = _Choice(confidence, "bca", seed, span, unit=unit or ("pairs" if clusters is None else "clusters"))
    found = _choose(a - b, codes, choice)
    if found.method == "none":
        units = found.clusters or found.n
        p_value = math.nan if units < 2 else sign_test(units, 0) if found.estimate else 1.0
    else:
        p_value = _p_value(a - b, codes, choice)
    return replace(found, p_value=p_value)


def required_pairs(differences: Sequence[float] | NDArray[np.float64], confidence: float = 0.95) -> int | None:
    """Estimate how many pairs would detect the observed mean difference with power 0.8.

    n = ((z_{1-alpha/2} + z_{0.8}) sd / mean)^2, the normal approximation.

    Args:
        differences: Shape ``(n,)``: first minus second of each pair.
        confidence: 1 - alpha, in (0, 1).

    Returns:
        The number of pairs, >= 2; ``None`` if the observed mean is zero or there are fewer than two pairs.
    """
    data = _finite(differences)
    if len(data) < 2 or data.mean() == 0:
        return None
    normal = statistics.NormalDist()
    z = normal.inv_cdf(0.5 + confidence / 2) + normal.inv_cdf(0.8)
    return max(2, math.ceil((z * float(data.std(ddof=1)) / float(data.mean())) ** 2))


class _Choice(NamedTuple):
    """What :func:`mean` was asked for; ``binary`` values are zeros and ones, and not differences of them."""

    confidence: float
    method: Literal["bca", "t"]
    seed: int = 0
    bounds: Bounds | None = None
    binary: bool = False
    equal_weights: bool = False
    unit: str = ""


def _choose(data: NDArray[np.float64], codes: NDArray[np.intp] | None, choice: _Choice) -> Interval:
    _check_confidence(choice.confidence)
    if choice.bounds is not None and len(data):
        low, high = choice.bounds
        slack = 1e-9 * (high - low)  # a share may be 1 + 1e-16
        if not low - slack <= data.min() <= data.max() <= high + slack:
            raise ValueError(f"values must be in {choice.bounds}, got {data.min():g} to {data.max():g}")
        data = data.clip(low, high)
    if codes is None or len(data) < 2:
        return _independent(data, choice._replace(unit=choice.unit or "values"))
    groups, unit = int(codes.max()) + 1, choice.unit or "clusters"
    if groups == len(data):
        return _independent(data, choice._replace(unit=unit))
    if groups > 1:
        return _clustered(data, codes, choice._replace(unit=unit))
    alone = _independent(data, choice._replace(unit="values"))
    note = f"all values are of one cluster ({unit}): the interval holds for it alone"
    return replace(alone, note="; ".join(filter(None, (note, alone.note))), clusters=1)


def _codes(labels: Sequence[Hashable] | NDArray[Any] | None, n: int) -> NDArray[np.intp] | None:
    """Number the different labels of ``n`` values from 0, in the order of their first value."""
    if labels is None:
        return None
    if len(labels) != n:
        raise ValueError(f"expected a cluster for each of {n} values, got {len(labels)}")
    numbers: dict[Hashable, int] = {}
    each = labels.tolist() if isinstance(labels, np.ndarray) else labels
    codes = np.array([numbers.setdefault(label, len(numbers)) for label in each], dtype=np.intp)
    if any(label != label for label in numbers):
        raise ValueError("a value's cluster is NaN: give every value a label, or leave out those without one")
    return codes


def _independent(data: NDArray[np.float64], choice: _Choice) -> Interval:
    confidence, method, seed, bounds, binary, _, unit = choice
    n = len(data)
    if n and binary and bounds is not None:
        return rate(int(data.sum()), n, confidence, unit=unit)
    if n < 2:
        estimate = float(data[0]) if n else math.nan
        return _without_ends(estimate, n, f"no interval from fewer than 2 {unit}" if n else "no data", choice)
    equal = bool(np.ptp(data) <= _ROUNDING * np.abs(data).max())
    estimate, variance = float(data.mean()), 0.0 if equal else float(data.var(ddof=1)) / n  # 0.99 varies by 1e-16
    if bounds is not None:
        low, high = _scaled(estimate, variance, n - 1, n, math.inf, bounds, confidence)
        note = f"all {n} {unit} are equal: a conservative bound" if equal else _caution(n, unit)
        return Interval(estimate, low, high, n, "logit t", confidence, note, unit=unit)
    if equal:
        return _without_ends(estimate, n, f"no interval: all {n} {unit} are equal", choice)
    if n > FEW and method == "bca":
        low, high = bca(data, confidence, seed)
        return Interval(estimate, low, high, n, "bca", confidence, unit=unit)
    low, high = student_t(estimate, variance, n - 1, confidence)
    if n <= FEW and data.min() >= 0 and data.max() <= 1:  # perhaps rates, for which t is too narrow near 0 and 1
        other = logit_t(estimate, variance, n - 1, 1e-9, math.inf, confidence)
        low, high = min(low, other.low), max(high, other.high)
    return Interval(estimate, low, high, n, "t", confidence, _caution(n, unit), unit=unit)


def _clustered(data: NDArray[np.float64], codes: NDArray[np.intp], choice: _Choice) -> Interval:
    """Estimate a mean of dependent values: its variance is that of cluster totals (or means) around the estimate."""
    confidence, method, seed, bounds, binary, equal_weights, unit = choice
    sizes = np.bincount(codes).astype(np.float64)
    totals = np.bincount(codes, weights=data)
    n, k = len(data), len(sizes)
    if equal_weights:
        means = totals / sizes
        estimate, variance = float(means.mean()), float(means.var(ddof=1)) / k
        fewest, most = float(k), k * k / float((1 / sizes).sum())
    else:
        estimate = float(data.mean())
        residuals = totals - estimate * sizes
        variance = k / (k - 1) * float((residuals**2).sum()) / n**2  # of a ratio of totals, linearised
        fewest, most = n * n / float((sizes**2).sum()), float(n)  # fewest: Kish's effective number
    equal = variance <= (_ROUNDING * estimate) ** 2
    if bounds is not None:
        spread = 0.0 if equal else variance
        low, high = _scaled(estimate, spread, k - 1, fewest, most if binary else math.inf, bounds, confidence)
        return Interval(estimate, low, high, n, "logit t", confidence, _caution(k, unit), k, unit)
    if equal:
        return _without_ends(estimate, n, f"no interval: all {k} {unit} are equal", choice, k)
    if equal_weights and k > FEW and method == "bca":
        low, high = bca(totals / sizes, confidence, seed)
        return Interval(estimate, low, high, n, "bca", confidence, "", k, unit)
    low, high = student_t(estimate, variance, k - 1, confidence)
    return Interval(estimate, low, high, n, "t", confidence, _caution(k, unit), k, unit)


def _paired_proportions(a: NDArray[np.float64], b: NDArray[np.float64], confidence: float, unit: str) -> Interval:
    """Newcombe's interval; it holds 0 unless the exact test rejects."""
    n, estimate = len(a), float((a - b).mean())
    wins, losses = int((a > b).sum()), int((a < b).sum())
    both = int((a * b).sum())
    low, high = newcombe(both, wins, losses, n - both - wins - losses, confidence)
    p_value = sign_test(wins, losses)
    if p_value > 1 - confidence:
        low, high = min(low, 0.0), max(high, 0.0)
    return Interval(estimate, low, high, n, "newcombe", confidence, _caution(n, unit), unit=unit, p_value=p_value)


def _p_value(differences: NDArray[np.float64], codes: NDArray[np.intp] | None, choice: _Choice) -> float:
    """Return the smallest alpha at which the t interval of confidence 1 - alpha leaves out 0, by bisection."""
    low, high = math.log(1e-12), 0.0
    for _ in range(40):
        middle = (low + high) / 2
        found = _choose(differences, codes, choice._replace(confidence=1 - math.exp(middle), method="t"))
        if math.isnan(found.low):
            return math.nan
        low, high = (low, middle) if found.low > 0 or found.high < 0 else (middle, high)
    return math.exp(high)


def _scaled(
    estimate: float, variance: float, df: float, fewest: float, most: float, bounds: Bounds, confidence: float
) -> Ends:
    """Return the logit interval of a quantity in ``bounds``."""
    bottom, width = bounds[0], bounds[1] - bounds[0]
    share = min(1.0, max(0.0, (estimate - bottom) / width))
    low, high = logit_t(share, variance / width**2, df, fewest, most, confidence)
    return Ends(bottom + width * low, bottom + width * high)


def _without_ends(estimate: float, n: int, note: str, choice: _Choice, clusters: int | None = None) -> Interval:
    return Interval(estimate, math.nan, math.nan, n, "none", choice.confidence, note, clusters, choice.unit)


def _finite(values: Sequence[float] | NDArray[np.float64]) -> NDArray[np.float64]:
    data = np.asarray(values, dtype=np.float64)
    if data.ndim != 1 or not np.all(np.isfinite(data)):
        raise ValueError(f"expected a list of finite numbers, got shape {data.shape} with {data.size} values")
    return data


def _check_confidence(confidence: float) -> None:
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must be in (0, 1), got {confidence!r}")


def _caution(n: int, unit: str) -> str:
    return f"only {n} {unit}: read the interval with care" if n < SMALL_N else ""
