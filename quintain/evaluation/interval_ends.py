"""Formulas for the ends of confidence intervals. :mod:`quintain.evaluation.statistics` chooses among them.

Wilson's formula is written out, although scipy has it: importing ``scipy.stats`` takes longer than most runs' tables.
The tests compare it with scipy's.
"""

from __future__ import annotations

import math
import statistics
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from quintain.seeding import SeedStream

__all__ = ["Ends", "bca", "logit_t", "newcombe", "order_statistics", "student_t", "wilson"]

#: Resamples of a bootstrap; scipy's default.
_RESAMPLES = 9_999
#: Above this number of values, the bootstrap of a mean draws counts of distinct values, or uses cumulants.
_MAX_RESAMPLED = 5_000
#: Squared skewness of the mean above which its cumulants are not trusted.
_MAX_SKEW = 0.01
#: Degrees of freedom from which the logit interval needs no outer bound.
_MANY = 20
#: Widening of the end of a logit interval that points away from the nearer bound, for the skewness of bounded values.
_FAR = 4.0


class Ends(NamedTuple):
    """Lower and upper end of an interval."""

    low: float
    high: float


def wilson(share: float, n: float, confidence: float) -> Ends:
    """Return Wilson's score interval for a probability (Wilson 1927).

    With z the normal quantile: centre (p + z^2/2n) / (1 + z^2/n), half-width z/(1 + z^2/n) sqrt(p(1-p)/n + z^2/4n^2).

    Args:
        share: Observed share p of successes, in [0, 1].
        n: Number of independent trials, > 0; need not be whole.
        confidence: Nominal coverage, in (0, 1).
    """
    z = statistics.NormalDist().inv_cdf(0.5 + confidence / 2)
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return Ends(0.0 if share <= 0 else centre - half, 1.0 if share >= 1 else centre + half)


def student_t(estimate: float, variance: float, df: float, confidence: float) -> Ends:
    """Return Student's t interval.

    Args:
        estimate: The estimated mean, in the middle of the interval.
        variance: Its squared standard error, >= 0.
        df: Degrees of freedom, > 0.
        confidence: Nominal coverage, in (0, 1).
    """
    half = _t_quantile(df, confidence) * math.sqrt(variance)
    return Ends(estimate - half, estimate + half)


def logit_t(share: float, variance: float, df: float, fewest: float, most: float, confidence: float) -> Ends:
    """Return a t interval for the mean of values in [0, 1], made on the logit scale.

    logit(p) +- t se / (p (1-p)), as surveys do it (method "logit" of ``svyciprop`` in R's survey package). Three
    things keep its coverage up where there are few clusters:

    - The variance is at least p(1-p)/``most``, its value where all trials are independent.
    - The end that points away from the nearer bound is at 1 + 4 |1-2p| / (df+1) times the distance, because bounded
      values are skewed towards the middle. The factor 4 was chosen by simulation (docs/explanation/statistics.md).
    - Up to 20 clusters, no end is outside Wilson's interval for ``fewest`` trials: no values in [0, 1] vary more than
      zeros and ones.

    Args:
        share: The mean p, in [0, 1].
        variance: Its squared standard error, >= 0.
        df: Degrees of freedom: number of clusters - 1, >= 1.
        fewest: Number of independent zeros and ones whose mean would vary most: the number of clusters, if they are of
            one size.
        most: Number of trials, if they were independent; ``inf`` where values are not zeros and ones.
        confidence: Nominal coverage, in (0, 1).
    """
    worst = share * (1 - share)
    variance = max(variance, worst / most)
    bound = wilson(share, fewest, confidence)
    if worst <= 0 or variance <= 0:
        return bound
    half = _t_quantile(df, confidence) * math.sqrt(variance) / worst
    far = half * (1 + _FAR * abs(1 - 2 * share) / (df + 1))
    low, high = (far, half) if share > 0.5 else (half, far)
    centre = math.log(share / (1 - share))
    ends = Ends(_expit(centre - low), _expit(centre + high))
    return ends if df >= _MANY else Ends(max(bound.low, ends.low), min(bound.high, ends.high))


def newcombe(both: int, first: int, second: int, neither: int, confidence: float) -> Ends:
    """Return the score interval for a difference of paired proportions (Newcombe 1998, method 10).

    Args:
        both: Number of pairs in which both succeeded.
        first: Number of pairs in which only the first did.
        second: Number of pairs in which only the second did.
        neither: Number of the other pairs.
        confidence: Nominal coverage, in (0, 1).
    """
    n = both + first + second + neither
    one, two = (both + first) / n, (both + second) / n
    (low_1, high_1), (low_2, high_2) = wilson(one, n, confidence), wilson(two, n, confidence)
    # The correlation of the two, corrected for continuity.
    product = both * neither - first * second
    scale = (both + first) * (second + neither) * (both + second) * (first + neither)
    phi = (max(0.0, product - n / 2) if product > 0 else product) / math.sqrt(scale) if scale else 0.0

    def distance(a: float, b: float) -> float:
        return math.sqrt(max(0.0, a * a - 2 * phi * a * b + b * b))

    low = one - two - distance(one - low_1, high_2 - two)
    high = one - two + distance(high_1 - one, two - low_2)
    return Ends(max(-1.0, low), min(1.0, high))


def order_statistics(data: NDArray[np.float64], confidence: float) -> Ends | None:
    """Return the interval of a median from order statistics, whatever the distribution.

    From the k-th smallest to the k-th largest value it holds with probability 1 - 2 P(B < k) or more, where B has the
    binomial distribution of n throws of a coin; k is the largest for which that reaches the confidence.

    Args:
        data: Finite values, shape ``(n,)``.
        confidence: Nominal coverage, in (0, 1).

    Returns:
        ``None`` if all values are too few: 1 - 2 / 2**n is below the confidence.
    """
    from scipy.special import bdtr

    n, k = len(data), 0
    while 2 * bdtr(k, n, 0.5) <= 1 - confidence:
        k += 1
    ordered = np.sort(data)
    return Ends(float(ordered[k - 1]), float(ordered[n - k])) if k else None


def bca(data: NDArray[np.float64], confidence: float, seed: int) -> Ends:
    """Return the BCa bootstrap interval of a mean (Efron 1987), its level adjusted to the number of values.

    The percentiles are those of the level 2 Phi(sqrt(n/(n-1)) t_{n-1}) - 1: a bootstrap distribution is narrower than
    the sampling distribution, by as much as a normal interval with a biased variance is narrower than Student's
    (Hesterberg 2015, section 5.3). Of more than 5,000 values, the quantiles of the resampled mean come from its first
    four cumulants (Cornish-Fisher), unless it is too skewed for that: their error is below that of 9,999 resamples.

    Args:
        data: Finite values, not all equal, shape ``(n,)``.
        confidence: Nominal coverage, in (0, 1).
        seed: Seed of the resampling.
    """
    n = len(data)
    level = 2 * statistics.NormalDist().cdf(math.sqrt(n / (n - 1)) * _t_quantile(n - 1, confidence)) - 1
    if n > _MAX_RESAMPLED:
        return _bca_of_many(data, level, seed)
    from scipy import stats

    rng = SeedStream(seed, "bootstrap").generator()
    batch = max(1, 10_000_000 // n)  # bounds memory at about 80 MB
    result = stats.bootstrap(
        (data,), np.mean, vectorized=True, n_resamples=_RESAMPLES, confidence_level=level, method="BCa",
        batch=batch, rng=rng,
    )  # fmt: skip
    return Ends(float(result.confidence_interval.low), float(result.confidence_interval.high))


def _bca_of_many(data: NDArray[np.float64], confidence: float, seed: int) -> Ends:
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

    return Ends(end(0.5 - confidence / 2), end(0.5 + confidence / 2))


def _t_quantile(df: float, confidence: float) -> float:
    from scipy.special import stdtrit  # scipy.stats would take ten times as long to import

    return float(stdtrit(df, 0.5 + confidence / 2))


def _expit(x: float) -> float:
    return 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x))
