"""Formulas for ends of intervals, compared with scipy and hand-computed values."""

import math

import numpy as np
import pytest
from scipy import stats

from quintain.evaluation import interval_ends
from quintain.evaluation.interval_ends import bca, logit_t, newcombe, student_t, wilson
from quintain.evaluation.statistics import required_pairs


def test_wilson_and_student_intervals_equal_scipys():
    for k, n, confidence in ((0, 7, 0.95), (7, 7, 0.9), (3, 7, 0.99), (40, 90, 0.5)):
        assert wilson(k / n, n, confidence) == pytest.approx(stats.binomtest(k, n).proportion_ci(confidence, "wilson"))
    for df, confidence in ((1, 0.95), (4, 0.9), (30, 0.99)):
        assert student_t(1.5, 0.25, df, confidence) == pytest.approx(stats.t.interval(confidence, df, 1.5, 0.5))


def few_ones():
    return np.repeat([0.0, 1.0], [5996, 8])


def lognormal():
    return np.random.default_rng(1).lognormal(sigma=2.5, size=5200)


def gamma():
    return np.random.default_rng(2).gamma(2.0, size=5200)


@pytest.mark.parametrize(
    ("make", "near"), [(gamma, 0.15), (few_ones, 0.4), (lognormal, 0.15)], ids=["cumulants", "counts", "resamples"]
)
def test_the_interval_of_many_values_is_bca(monkeypatch, make, near):
    """Ends are compared in standard errors; one of 6,004 values more or less in the second data set is 0.35 of them."""
    monkeypatch.setattr(interval_ends, "_RESAMPLES", 3000)
    data = make()
    n, error = len(data), data.std() / math.sqrt(len(data))
    found = bca(data, 0.95, 0)
    level = 2 * stats.norm.cdf(math.sqrt(n / (n - 1)) * stats.t.ppf(0.975, n - 1)) - 1
    means = np.concatenate([data[np.random.default_rng(i).integers(n, size=(100, n))].mean(1) for i in range(30)])
    below = (np.mean(means < data.mean()) + np.mean(means <= data.mean())) / 2
    bias, acceleration = stats.norm.ppf(below), stats.skew(data) / 6 / math.sqrt(n)
    z = bias + stats.norm.ppf([0.5 - level / 2, 0.5 + level / 2])
    wanted = np.quantile(means, stats.norm.cdf(bias + z / (1 - acceleration * z)))
    assert np.abs(np.array(found) - wanted).max() / error < near
    percentile = np.quantile(means, [0.5 - level / 2, 0.5 + level / 2])
    assert make is not lognormal or np.abs(np.array(found) - percentile).max() / error > 0.5


def test_quantiles_of_many_values_follow_cornish_and_fisher():
    """300 ones of 6,000: the mean has skewness 0.9 / sqrt(285) and excess kurtosis 0.715 / 285."""
    data = np.repeat([0.0, 1.0], [5700, 300])
    skew, kurtosis, error = 0.9 / math.sqrt(285), 0.715 / 285, math.sqrt(0.0475 / 6000)
    level = 2 * stats.norm.cdf(math.sqrt(6000 / 5999) * stats.t.ppf(0.975, 5999)) - 1
    wanted = []
    for sign in (-1, 1):
        z0 = skew / 6 + sign * stats.norm.ppf(0.5 + level / 2)
        z = skew / 6 + z0 / (1 - skew / 6 * z0)  # BCa: the acceleration is a sixth of the skewness, as the bias is
        corrections = (z**2 - 1) * skew / 6 + (z**3 - 3 * z) * kurtosis / 24 - (2 * z**3 - 5 * z) * skew**2 / 36
        wanted.append(0.05 + error * (z + corrections))
    assert bca(data, 0.95, 0) == pytest.approx(wanted, abs=1e-6 * error)


def test_bca_of_up_to_5000_values_equals_scipys_bootstrap(monkeypatch):
    called = []
    monkeypatch.setattr(interval_ends, "_bca_of_many", lambda *_: called.append(True))
    monkeypatch.setattr(stats, "bootstrap", lambda *_, **options: 1 / 0)
    for n, many in ((5000, False), (5001, True)):
        called.clear()
        if many:
            bca(np.arange(n, dtype=float), 0.95, 0)
        else:
            with pytest.raises(ZeroDivisionError):
                bca(np.arange(n, dtype=float), 0.95, 0)
        assert bool(called) is many


def test_newcombes_interval_equals_the_hand_computed_one():
    """20 pairs succeed in both, 12 in the first alone, 2 in the second alone, 16 in neither (Newcombe 1998).

    Wilson: 32 of 50 gives [0.501, 0.759], 22 of 50 [0.312, 0.577]; phi = (20 * 16 - 12 * 2 - 25) / sqrt(32 * 18 * 22 *
    28) = 0.455; 0.2 - sqrt(0.139^2 - 2 * 0.455 * 0.139 * 0.137 + 0.137^2) = 0.0562, and likewise 0.3292 above.
    """
    assert newcombe(20, 12, 2, 16, 0.95) == pytest.approx((0.0562, 0.3292), abs=2e-4)
    low, high = newcombe(20, 2, 12, 16, 0.95)
    assert (low, high) == pytest.approx((-0.3292, -0.0562), abs=2e-4)
    # A small positive association, 3 * 3 - 2 * 2 = n / 2, is corrected to none.
    one = wilson(0.5, 10, 0.95)
    half = math.sqrt(2) * (0.5 - one.low)
    assert newcombe(3, 2, 2, 3, 0.95) == pytest.approx((-half, half))
    # A negative association is not corrected: phi = (1 - 16) / sqrt(5 * 5 * 5 * 5) = -0.6.
    low, high = newcombe(1, 4, 4, 1, 0.95)
    half = math.sqrt(2 * (0.5 - one.low) ** 2 * (1 + 0.6))
    assert (low, high) == pytest.approx((-half, half))


def test_the_logit_interval_of_many_clusters_has_no_outer_bound():
    """Half-width t se / (p (1 - p)); the end away from the nearer bound is 1 + 4 |1 - 2p| / (df + 1) times as far."""
    for share, df in ((0.2, 20), (0.7, 30), (0.5, 25)):
        half = stats.t.ppf(0.975, df) * 0.05 / (share * (1 - share))
        far = half * (1 + 4 * abs(1 - 2 * share) / (df + 1))
        centre = math.log(share / (1 - share))
        low, high = (far, half) if share > 0.5 else (half, far)
        wanted = [1 / (1 + math.exp(-x)) for x in (centre - low, centre + high)]
        assert logit_t(share, 0.05**2, df, 3, math.inf, 0.95) == pytest.approx(wanted)
    # With 19 degrees of freedom Wilson's interval for three trials would be the outer bound.
    bound = wilson(0.5, 1000, 0.95)
    assert logit_t(0.5, 0.05**2, 19, 1000, math.inf, 0.95) == pytest.approx(bound)
    assert logit_t(0.5, 0.05**2, 20, 1000, math.inf, 0.95)[0] < bound.low - 0.05
    # The variance is at least that of independent trials.
    assert logit_t(0.4, 0.0, 25, 5, 50, 0.9) == pytest.approx(logit_t(0.4, 0.24 / 50, 25, 5, math.inf, 0.9))
    assert logit_t(0.0, 0.0, 25, 5, 50, 0.9) == wilson(0.0, 5, 0.9)
    assert logit_t(0.4, 0.0, 25, 5, math.inf, 0.9) == wilson(0.4, 5, 0.9)


def test_ends_of_an_extreme_logit_interval_do_not_overflow():
    """At p = 1 - 1e-6 with a standard error of 0.01 the ends are 127,000 logits away."""
    assert logit_t(1 - 1e-6, 1e-4, 25, 5, math.inf, 0.95) == (0, 1)
    assert logit_t(1e-6, 1e-4, 25, 5, math.inf, 0.95) == (0, 1)


@pytest.mark.parametrize(("confidence", "sd", "mean"), [(0.95, 2.0, 0.5), (0.9, 1.0, -0.2)])
def test_required_pairs_have_power_of_four_fifths(confidence, sd, mean):
    data = np.random.default_rng(0).normal(size=30)
    data = mean + sd * (data - data.mean()) / data.std(ddof=1)
    z = stats.norm.ppf(0.5 + confidence / 2) + stats.norm.ppf(0.8)
    assert required_pairs(data, confidence) == math.ceil((z * sd / mean) ** 2)
