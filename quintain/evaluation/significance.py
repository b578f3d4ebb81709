"""Tests of differences: the exact sign test, t tests with effect size and Bayes factor, and Holm's correction.

Each is written out or integrated here, and compared with scipy, statsmodels and published tables in the tests: of the
packages that offer the Bayes factor, the maintained one has a licence that does not fit this project's.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["TTest", "holm", "jzs_bayes_factor", "sign_test", "t_test"]

#: Width of the Cauchy prior on the effect size: "medium" of the BayesFactor package (Morey & Rouder).
PRIOR_SCALE = math.sqrt(2) / 2


@dataclass(frozen=True, slots=True)
class TTest:
    """A t test of one mean against 0, for differences of pairs or of clusters.

    Attributes:
        t: Mean divided by its standard error; NaN where all values are equal or there are fewer than two.
        df: Degrees of freedom: number of values - 1.
        p_value: Two-sided p-value, in [0, 1].
        cohens_d: Mean divided by the standard deviation of the values (Cohen's d_z).
        bayes_factor: JZS Bayes factor for a difference against none (BF10): above 1 the data speak for a difference,
            below 1 for none.
    """

    t: float
    df: int
    p_value: float
    cohens_d: float
    bayes_factor: float

    def __str__(self) -> str:
        if math.isnan(self.t):
            return "no test: the values do not vary"
        return (
            f"t({self.df}) = {self.t:.2f}, p = {self.p_value:.2g}, d = {self.cohens_d:.2f}, BF10 = "
            f"{self.bayes_factor:.2g}"
        )


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


def t_test(values: Sequence[float] | NDArray[np.float64], scale: float = PRIOR_SCALE) -> TTest:
    """Test whether a mean is 0, as for differences of pairs.

    Args:
        values: One finite value per independent unit, shape ``(n,)``. Of dependent values, pass one mean per cluster.
        scale: Scale of the Cauchy prior on the effect size in the Bayes factor, > 0; the default is the BayesFactor
            package's "medium".

    Example:
        >>> print(t_test([0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0]))
        t(9) = 1.33, p = 0.22, d = 0.42, BF10 = 0.62
    """
    data = np.asarray(values, dtype=np.float64)
    n = len(data)
    spread = float(data.std(ddof=1)) if n > 1 else 0.0
    if n < 2 or np.all(data == data[0]):
        return TTest(math.nan, max(0, n - 1), math.nan, math.nan, math.nan)
    from scipy.special import stdtr

    d = float(data.mean()) / spread
    t = d * math.sqrt(n)
    p_value = float(2 * stdtr(n - 1, -abs(t)))
    return TTest(t, n - 1, p_value, d, jzs_bayes_factor(t, n, scale=scale))


def jzs_bayes_factor(t: float, first: int, second: int = 0, *, scale: float = PRIOR_SCALE) -> float:
    """Return the JZS Bayes factor BF10 of a t statistic (Rouder et al. 2009, equation 1).

    BF10 = integral over g of (1 + N g r^2)^(-1/2) (1 + t^2 / ((1 + N g r^2) df))^(-(df+1)/2) (2 pi)^(-1/2) g^(-3/2)
    exp(-1/(2g)) dg, divided by (1 + t^2/df)^(-(df+1)/2). The prior of the effect size is Cauchy with scale r.

    Args:
        t: The t statistic, of either sign.
        first: Number of values, >= 2; of pairs in a paired test.
        second: Number of values of the second sample in a test of two independent samples; 0 for one sample or pairs.
        scale: Scale r of the prior, > 0.

    Example:
        >>> round(jzs_bayes_factor(4.0621, 10), 2)  # Student's sleep data: 17.259 in the BayesFactor manual
        17.26
    """
    from scipy.integrate import quad

    n = first * second / (first + second) if second else first
    df = first + second - 2 if second else first - 1

    def marginal(u: float) -> float:
        """Integrand in u = log g, as a ratio to the likelihood without an effect."""
        g = math.exp(u)
        wide = 1 + n * g * scale * scale
        log_ratio = (df + 1) / 2 * (math.log1p(t * t / df) - math.log1p(t * t / (wide * df)))
        return math.exp(min(700.0, log_ratio - (math.log(wide) + math.log(2 * math.pi) + u + 1 / g) / 2))

    return float(quad(marginal, -8, 60, limit=200, points=(-2, 0, 2, 6))[0])


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjust p-values for the number of comparisons (Holm 1979).

    Rejecting where the adjusted value is at most alpha makes any false rejection at most alpha likely, whatever the
    dependence of the tests.

    Args:
        p_values: The p-values, in [0, 1]; NaN where there was no test, which stays NaN and is not counted.

    Example:
        >>> holm([0.01, 0.04, 0.03])
        [0.03, 0.06, 0.06]
    """
    tested = sorted((k for k, p in enumerate(p_values) if not math.isnan(p)), key=lambda k: p_values[k])
    adjusted, largest = [math.nan] * len(p_values), 0.0
    for rank, k in enumerate(tested):
        largest = max(largest, min(1.0, (len(tested) - rank) * p_values[k]))
        adjusted[k] = largest
    return adjusted
