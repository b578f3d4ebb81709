"""Interquartile mean, median and standard deviation: values by hand, and coverage by simulation with fixed seeds."""

import math

import numpy as np
import pytest

from quintain.evaluation.robust import interquartile_mean, iqm, median, standard_deviation

TEN = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 100.0]
SHAPES = {
    "normal": lambda rng, shape: rng.normal(size=shape),
    "uniform": lambda rng, shape: rng.random(shape),
    "t with 3 degrees of freedom": lambda rng, shape: rng.standard_t(3, shape),
    "exponential": lambda rng, shape: rng.exponential(size=shape),
    "log-normal": lambda rng, shape: rng.lognormal(size=shape),
    "one training in five fails": lambda rng, shape: rng.normal(500 * (rng.random(shape) < 0.8), 20),
}


def ends(interval):
    return interval.low, interval.high


def coverage(estimate, draw, truth, n, samples=2000):
    rows = draw(np.random.default_rng(12), (samples, n))
    return np.mean([found.low <= truth <= found.high for found in map(estimate, rows)])


def test_the_interquartile_mean_leaves_out_a_quarter_at_either_end():
    assert iqm([1, 2, 3, 100]) == 2.5
    assert iqm([0, 1, 2, 3, 4, 5, 6, 1000]) == 3.5
    assert iqm([5]) == 5
    assert iqm([[3.0, 1.0, 2.0], [6.0, 6.0, 9.0]]).tolist() == [2, 7]


def test_yuens_interval_by_hand():
    """Of ten values two are left out at either end; the Winsorized values are 2, 2, 2, 3, 4, 5, 6, 7, 7, 7."""
    found = interquartile_mean(TEN)
    assert found.estimate == 4.5  # (2 + 3 + 4 + 5 + 6 + 7) / 6
    squares = 6 * 2.5**2 + 2 * 1.5**2 + 2 * 0.5**2  # around their mean, 4.5
    half = 2.5705818 * math.sqrt(squares / (6 * 5))  # the t quantile of 5 degrees of freedom
    assert ends(found) == pytest.approx((4.5 - half, 4.5 + half))
    assert (found.method, found.n, found.note) == ("yuen", 10, "")


def test_few_values_have_a_t_interval_that_is_a_tenth_wider_than_that_of_the_mean():
    found = interquartile_mean([1.0, 2.0, 3.0, 10.0])
    spread = math.sqrt((9 + 4 + 1 + 36) / 3)  # around the mean, 4
    half = 1.1 * 3.1824463 * spread / 2
    assert ends(found) == pytest.approx((2.5 - half, 2.5 + half))
    assert found.method == "t"
    assert found.note == "only 4 values: read the interval with care"


def test_the_median_has_order_statistics_from_six_values_on():
    six = median([5.0, 1.0, 2.0, 3.0, 4.0, 60.0])
    assert (six.estimate, six.low, six.high, six.method) == (3.5, 1, 60, "order statistics")  # 1 - 2/64 = 0.969
    ten = median(TEN)
    assert (ten.low, ten.high) == (1, 8)  # 1 - 2 * 11/1024 = 0.979; the third to the eighth: 1 - 2 * 56/1024 = 0.891
    assert ends(median(TEN, 0.89)) == (2, 7)
    five = median([1.0, 2.0, 3.0, 4.0, 10.0])  # 1 - 2/32 = 0.9375
    half = 2.7764451 * math.sqrt(math.pi / 2) * math.sqrt(12.5 / 5)  # squares around 4: 9 + 4 + 1 + 0 + 36, over 4
    assert ends(five) == pytest.approx((3 - half, 3 + half))
    assert ends(median([1.0, 2.0, 3.0, 4.0, 10.0], 0.9)) == (1, 10)


def test_bonetts_interval_by_hand():
    """Ten values; 2 sqrt(6) = 4.9, so two are left out at either end for the centre of the kurtosis."""
    data = [1.0, 2.0, 4.0, 4.0, 5.0, 5.0, 6.0, 7.0, 8.0, 18.0]
    found = standard_deviation(data)
    mean, centre = 6.0, 31 / 6
    squares = sum((x - mean) ** 2 for x in data)
    kurtosis = 10 * sum((x - centre) ** 4 for x in data) / squares**2
    scale = 10 / (10 - 1.959963985)
    error = scale * math.sqrt((kurtosis - 0.7) / 9)
    variance = scale * squares / 9
    low, high = (math.sqrt(variance * math.exp(sign * 1.959963985 * error)) for sign in (-1, 1))
    assert found.estimate == pytest.approx(math.sqrt(squares / 9))
    assert ends(found) == pytest.approx((low, high))
    assert (found.method, found.note) == ("bonett", "")
    five = standard_deviation([1.0, 2.0, 3.0, 4.0, 10.0])  # the centre is the median
    assert five.method == "bonett"
    assert five.low < np.std([1, 2, 3, 4, 10], ddof=1) < five.high
    four = standard_deviation([1.0, 2.0, 3.0, 4.0])
    assert four.estimate == pytest.approx(math.sqrt(5 / 3))
    assert four.note == "no interval of a standard deviation from fewer than 5 values"


def test_there_is_no_interval_where_nothing_varies():
    for estimate in (interquartile_mean, median):
        assert estimate([2.0, 2.0]).note == "no interval: all 2 values are equal"
        assert estimate([2.0]).note == "no interval from fewer than 2 values"
        assert estimate([]).note == "no data"
        assert (estimate([2.0]).estimate, estimate([2.0]).method) == (2, "none")
    assert math.isnan(standard_deviation([2.0]).estimate)
    assert standard_deviation([2.0, 2.0]).estimate == 0
    same = [0.0, 5.0, 5.0, 5.0, 5.0, 5.0, 5.0, 5.0, 5.0, 9.0]
    assert interquartile_mean(same).note == "no interval: the values in the middle are equal"
    assert median(same).note == "no interval: the values in the middle are equal"


@pytest.mark.parametrize("n", [3, 5, 10, 20])
@pytest.mark.parametrize("shape", SHAPES)
def test_coverage(shape, n):
    """The lowest documented coverage is 0.92; the standard error of a simulated one is 0.6 points."""
    draw = SHAPES[shape]
    many = draw(np.random.default_rng(1), 1_000_001)
    assert coverage(interquartile_mean, draw, iqm(many), n) >= 0.91
    assert coverage(median, draw, np.median(many), n) >= 0.91


@pytest.mark.parametrize("n", [3, 5, 10])
def test_coverage_over_three_tasks_of_different_level(n):
    """Normal scores around 0, 1 and 5: the intervals of all runs as one sample are too wide rather than too narrow."""
    rng = np.random.default_rng(2)
    levels, spreads = np.array([[0.0], [1.0], [5.0]]), np.array([[0.1], [1.0], [3.0]])
    many = (levels + spreads * rng.normal(size=(3, 400_000))).ravel()
    rows = (levels + spreads * rng.normal(size=(1000, 3, n))).reshape(1000, -1)
    for estimate, truth in ((interquartile_mean, float(iqm(many))), (median, float(np.median(many)))):
        assert np.mean([found.low <= truth <= found.high for found in map(estimate, rows)]) >= 0.95


def test_coverage_of_a_standard_deviation_of_normal_and_of_skewed_values():
    normal = coverage(standard_deviation, SHAPES["normal"], 1, 10)
    assert normal >= 0.94
    skewed = coverage(standard_deviation, SHAPES["exponential"], 1, 10)
    assert 0.86 <= skewed <= 0.93  # as the documentation says


def test_the_percentile_bootstrap_has_low_coverage():
    """The control: of 3 values it holds in about three quarters of cases."""
    rng = np.random.default_rng(3)

    def bootstrap(row):
        return np.quantile(iqm(row[rng.integers(3, size=(500, 3))]), [0.025, 0.975])

    found = [bootstrap(row) for row in rng.normal(size=(400, 3))]
    assert np.mean([low <= 0 <= high for low, high in found]) < 0.85
