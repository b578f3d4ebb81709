"""Confidence intervals: Wilson for rates, BCa or Student's t for means, paired bootstrap for differences.

Wilson's formula and the sign test are written out, although scipy has both: importing ``scipy.stats`` takes longer than
most runs' tables, and ``binomtest`` is a hundred times slower. The tests compare them with scipy.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from quintain.seeding import SeedStream

__all__ = ["Interval", "mean", "paired_difference", "rate", "required_pairs", "sign_test"]

#: Below this number of values, an interval gets a note of caution.
SMALL_N = 10
#: Resamples of a bootstrap; scipy's default.
_RESAMPLES = 9_999
#: Above this number of values, the bootstrap of a mean draws counts of distinct values, or uses cumulants.
_MAX_RESAMPLED = 5_000
#: Squared skewness of the mean above which its cumulants are not trusted.
_MAX_SKEW = 0.01


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate with its confidence interval.

    Attributes:
        estimate: Point estimate; NaN when there is no data.
        low: Lower end; NaN where no interval can be given.
        high: Upper end; NaN where no interval can be given.
        n: Number of values behind the estimate.
        method: ``"wilson"``, ``"bca"``, ``"t"`` or ``"newcombe"``.
        confidence: Nominal coverage, in (0, 1).
        note: A note of caution, or empty.
    """

    estimate: float
    low: float
    high: float
    n: int
    method: str
    confidence: float = 0.95
    note: str = ""

    def __str__(self) -> str:
        if self.n == 0:
            return "no data"
        if math.isnan(self.low):
            return f"{self.estimate:.3g}"
        return f"{self.estimate:.3g} [{self.low:.3g}, {self.high:.3g}]"

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-able data; NaN becomes ``None``."""
        fields = {name: getattr(self, name) for name in self.__slots__}
        return {k: None if isinstance(v, float) and math.isnan(v) else v for k, v in fields.items()}


def rate(successes: int, n: int, confidence: float = 0.95) -> Interval:
    """Estimate a success probability with Wilson's score interval.

    With z the normal quantile: centre (k + z^2/2) / (n + z^2), half-width z/(n + z^2) sqrt(k(n-k)/n + z^2/4)
    (Wilson 1927). It stays in [0, 1], and has a positive width at k = 0 and k = n, where the normal approximation has
    width 0.

    Args:
        successes: k, the number of successes, in [0, n].
        n: Number of trials, >= 0.
        confidence: Nominal coverage, in (0, 1).

    Raises:
        ValueError: If ``successes`` is outside [0, n] or ``confidence`` outside (0, 1).

    Example:
        >>> print(rate(8, 10))
        0.8 [0.49, 0.943]
    """
    if not 0 <= successes <= n:
        raise ValueError(f"expected 0 <= successes <= n, got {successes!r} of {n!r}")
    _check_confidence(confidence)
    if n == 0:
        return Interval(math.nan, math.nan, math.nan, 0, "wilson", confidence, "no data")
    z = statistics.NormalDist().inv_cdf(0.5 + confidence / 2)
    centre = (successes + z * z / 2) / (n + z * z)
    half = z / (n + z * z) * math.sqrt(successes * (n - successes) / n + z * z / 4)
    low = 0.0 if successes == 0 else centre - half
    high = 1.0 if successes == n else centre + half
    return Interval(successes / n, low, high, n, "wilson", confidence, _small(n))


def mean(
    values: Sequence[float] | NDArray[np.float64],
    confidence: float = 0.95,
    method: Literal["bca", "t"] = "bca",
    seed: int = 0,
) -> Interval:
    """Estimate a mean with a BCa bootstrap interval (Efron 1987) or Student's t.

    Args:
        values: One finite value per unit, shape ``(n,)``.
        confidence: Nominal coverage, in (0, 1).
        method: ``"bca"`` resamples 9,999 times with a generator seeded by ``seed``; ``"t"`` assumes normal means. Of
            more than 5,000 values, the quantiles of the resampled mean come from its first four cumulants
            (Cornish-Fisher), unless the mean is too skewed for that: their error is below that of 9,999 resamples.
        seed: Seed of the resampling: equal data give equal intervals.

    Raises:
        ValueError: If a value is not finite, the method unknown, or the confidence outside (0, 1).
    """
    data = _finite(values)
    _check_confidence(confidence)
    if method not in ("bca", "t"):
        raise ValueError(f"method must be 'bca' or 't', got {method!r}")
    n = len(data)
    if n < 2:
        estimate = float(data[0]) if n else math.nan
        return Interval(estimate, math.nan, math.nan, n, method, confidence, "no interval from fewer than 2 values")
    estimate = float(data.mean())
    if np.all(data == data[0]):
        return Interval(estimate, estimate, estimate, n, method, confidence, "all values are equal")
    if method == "t":
        from scipy import stats

        half = float(stats.t.ppf(0.5 + confidence / 2, n - 1)) * float(data.std(ddof=1)) / math.sqrt(n)
        return Interval(estimate, estimate - half, estimate + half, n, method, confidence, _small(n))
    low, high = _bca(data, confidence, seed) if n <= _MAX_RESAMPLED else _bca_of_many(data, confidence, seed)
    return Interval(estimate, low, high, n, method, confidence, _small(n))


def paired_difference(
    first: Sequence[float] | NDArray[np.float64],
    second: Sequence[float] | NDArray[np.float64],
    confidence: float = 0.95,
    seed: int = 0,
) -> Interval:
    """Estimate ``mean(first - second)`` by a BCa bootstrap over pairs.

    If the values are zeros and ones and all differences are equal, the bootstrap has width 0; the score interval for a
    difference of paired proportions is used instead (Newcombe 1998, method 10).

    Args:
        first: Values of the first condition, shape ``(n,)``.
        second: Shape ``(n,)``; ``second[i]`` shares its seed with ``first[i]``.
        confidence: Nominal coverage, in (0, 1).
        seed: Seed of the resampling.

    Raises:
        ValueError: If the lengths differ or a value is not finite.
    """
    a, b = _finite(first), _finite(second)
    if a.shape != b.shape:
        raise ValueError(f"pairs need equal lengths, got {len(a)} and {len(b)}")
    differences = a - b
    if len(a) > 1 and np.all(differences == differences[0]) and np.all(np.isin((a, b), (0.0, 1.0))):
        return _paired_proportions(a, b, confidence)
    return mean(differences, confidence, "bca", seed)


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


def sign_test(wins: int, losses: int) -> float:
    """Return the p-value of the two-sided exact sign test.

    p = min(1, 2^{1-n} sum_{k <= min(wins, losses)} C(n, k)) with n = wins + losses. On paired successes and failures
    this is McNemar's exact test.

    Args:
        wins: Number of pairs that the first won, >= 0.
        losses: Number of pairs that the second won, >= 0. Ties are left out.

    Returns:
        The p-value, in (0, 1]; 1 without wins and losses.

    Example:
        >>> sign_test(3, 0)
        0.25
    """
    n = wins + losses
    tail = sum(math.comb(n, k) for k in range(min(wins, losses) + 1))
    return min(1.0, tail / 2 ** (n - 1)) if n else 1.0


def _paired_proportions(a: NDArray[np.float64], b: NDArray[np.float64], confidence: float) -> Interval:
    """Newcombe's interval for pairs that are all equal: all ties, or all won by the same run."""
    n, estimate = len(a), float((a - b).mean())
    one, two = rate(int(a.sum()), n, confidence), rate(int(b.sum()), n, confidence)
    # The correlation of the two, corrected for continuity (Newcombe 1998, method 10).
    agreed = int((a * b).sum()) * int(((1 - a) * (1 - b)).sum())
    phi = max(0.0, agreed - n / 2) / agreed if agreed else 0.0

    def distance(first: float, second: float) -> float:
        return math.sqrt(first**2 - 2 * phi * first * second + second**2)

    low = estimate - distance(one.estimate - one.low, two.high - two.estimate)
    high = estimate + distance(one.high - one.estimate, two.estimate - two.low)
    return Interval(estimate, max(-1.0, low), min(1.0, high), n, "newcombe", confidence, _small(n))


def _bca(data: NDArray[np.float64], confidence: float, seed: int) -> tuple[float, float]:
    from scipy import stats

    rng = SeedStream(seed, "bootstrap").generator()
    batch = max(1, 10_000_000 // len(data))  # bounds memory at about 80 MB
    result = stats.bootstrap(
        (data,), np.mean, vectorized=True, n_resamples=_RESAMPLES, confidence_level=confidence, method="BCa",
        batch=batch, rng=rng,
    )  # fmt: skip
    return float(result.confidence_interval.low), float(result.confidence_interval.high)


def _bca_of_many(data: NDArray[np.float64], confidence: float, seed: int) -> tuple[float, float]:
    """BCa ends for the mean of many values, without a resample of all values.

    For the mean, the acceleration is a = skewness / (6 sqrt(n)) exactly (Efron 1987, equation 7.3), and the
    distribution of the resampled mean has the cumulants of the data over powers of n.
    """
    n, normal = len(data), statistics.NormalDist()
    centre = float(data.mean())
    deviations = data - centre
    variance = float((deviations**2).mean())
    skew = float((deviations**3).mean()) / variance**1.5 / math.sqrt(n)
    kurtosis = (float((deviations**4).mean()) / variance**2 - 3) / n
    acceleration, error = skew / 6, math.sqrt(variance / n)
    distinct, counts = np.unique(data, return_counts=True)
    if skew**2 <= _MAX_SKEW and abs(kurtosis) <= _MAX_SKEW:
        bias = skew / 6  # P(resampled mean < mean) = Phi(skew / 6) + O(1/n)

        def quantile(p: float) -> float:
            z = normal.inv_cdf(p)
            cubic = (z**3 - 3 * z) * kurtosis / 24 - (2 * z**3 - 5 * z) * skew**2 / 36
            return float(centre + error * (z + (z * z - 1) * skew / 6 + cubic))
    else:
        rng = SeedStream(seed, "bootstrap").generator()
        if len(distinct) <= n // 20:
            means = rng.multinomial(n, counts / n, size=_RESAMPLES) @ distinct / n
        else:
            means = np.array([data[rng.integers(n, size=n)].mean() for _ in range(_RESAMPLES)])
        below = (np.sum(means < centre) + np.sum(means == centre) / 2) / _RESAMPLES
        bias = normal.inv_cdf(min(max(float(below), 1 / _RESAMPLES), 1 - 1 / _RESAMPLES))

        def quantile(p: float) -> float:
            return float(np.quantile(means, p))

    def end(p: float) -> float:
        z = bias + normal.inv_cdf(p)
        return quantile(normal.cdf(bias + z / (1 - acceleration * z)))

    return end(0.5 - confidence / 2), end(0.5 + confidence / 2)


def _finite(values: Sequence[float] | NDArray[np.float64]) -> NDArray[np.float64]:
    data = np.asarray(values, dtype=np.float64)
    if data.ndim != 1 or not np.all(np.isfinite(data)):
        raise ValueError(f"expected a list of finite numbers, got shape {data.shape} with {data.size} values")
    return data


def _check_confidence(confidence: float) -> None:
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must be in (0, 1), got {confidence!r}")


def _small(n: int) -> str:
    return f"only {n} values: read the interval with care" if n < SMALL_N else ""
