import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from quintain.evaluation.statistics import mean, paired_difference, rate, required_pairs, sign_test


@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), st.floats(0.5, 0.999))
def test_rate_interval_equals_scipys_wilson_interval(counts, confidence):
    k, n = counts
    expected = stats.binomtest(k, n).proportion_ci(confidence, "wilson")
    interval = rate(k, n, confidence)
    assert interval.estimate == k / n
    assert (interval.low, interval.high) == pytest.approx((expected.low, expected.high), abs=1e-12)
    assert 0 <= interval.low <= interval.estimate <= interval.high <= 1


def test_rate_interval_equals_the_hand_computed_one():
    """k=8, n=10, z=1.959964: centre (8 + 1.920729)/13.841459, half-width 0.226601."""
    interval = rate(8, 10)
    assert interval.low == pytest.approx(0.490162, abs=1e-6)
    assert interval.high == pytest.approx(0.943318, abs=1e-6)
    assert str(interval) == "0.8 [0.49, 0.943]"


def test_an_empty_sample_gives_a_note():
    assert str(rate(0, 0)) == "no data"
    assert rate(0, 0).to_dict()["estimate"] is None
    assert str(mean([])) == "no data"


def test_small_samples_give_a_note():
    assert "only 5 values" in rate(3, 5).note
    assert rate(30, 50).note == ""
    one = mean([2.0])
    assert (one.estimate, math.isnan(one.low), one.note) == (2.0, True, "no interval from fewer than 2 values")


def test_t_interval_equals_scipys():
    data = np.random.default_rng(0).normal(3, 2, 25)
    expected = stats.ttest_1samp(data, 0).confidence_interval(0.9)
    interval = mean(data, 0.9, "t")
    assert (interval.low, interval.high) == pytest.approx((expected.low, expected.high))


def test_bca_coverage_of_a_skewed_mean_is_close_to_nominal():
    """200 samples of 40 exponentials: 95 % nominal; a binomial 99.9 % band around 0.93 is wider than [0.86, 0.98]."""
    rng = np.random.default_rng(1)
    covered = 0
    for _ in range(200):
        interval = mean(rng.exponential(1.0, 40))
        covered += interval.low <= 1.0 <= interval.high
    assert 0.86 <= covered / 200 <= 0.99


def test_bootstrap_intervals_are_reproducible():
    data = np.random.default_rng(0).normal(size=30)
    assert mean(data) == mean(data)
    assert mean(data, seed=1) != mean(data)


def test_equal_values_have_a_point_interval():
    interval = mean([1.1] * 20)
    assert (interval.low, interval.high) == (interval.estimate, interval.estimate)
    assert interval.estimate == pytest.approx(1.1)


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [  # method 10 of Newcombe (1998) by hand; lower Wilson limits: 0.4385 (3 of 3), 0.7225 (10 of 10), 0.15 (2 of 4)
        ([1, 1, 1], [0, 0, 0], (0.2059, 1.0)),
        ([0, 0, 0], [1, 1, 1], (-1.0, -0.2059)),
        ([1] * 10, [1] * 10, (-0.2775, 0.2775)),
        ([1, 1, 0, 0], [1, 1, 0, 0], (-0.34996, 0.34996)),
    ],
)
def test_equal_pairs_do_not_give_a_point_interval(first, second, expected):
    found = paired_difference(first, second)
    assert (found.low, found.high) == pytest.approx(expected, abs=1e-4)
    assert found.method == "newcombe"
    assert paired_difference([0.5] * 3, [0.25] * 3).method == "bca"


def test_pairing_removes_the_variance_between_seeds():
    rng = np.random.default_rng(0)
    shared = rng.normal(0, 10, 50)
    first, second = shared + 0.5 + rng.normal(0, 0.1, 50), shared
    paired = paired_difference(first, second)
    assert 0.4 < paired.low < paired.high < 0.6
    assert mean(first).low < mean(second).high  # unpaired, they overlap


def test_required_pairs_equals_the_hand_computed_number():
    """sd 1, mean 0.5: ((1.95996 + 0.84162) / 0.5)^2 = 31.4, so 32 pairs."""
    differences = 0.5 + np.array([1.0, -1.0] * 50) * math.sqrt(99 / 100)
    assert required_pairs(differences) == 32
    assert required_pairs([1.0]) is None
    assert required_pairs([1.0, -1.0]) is None


@given(st.integers(0, 60), st.integers(0, 60))
def test_sign_test_equals_scipys(wins, losses):
    expected = stats.binomtest(wins, wins + losses).pvalue if wins + losses else 1.0
    assert sign_test(wins, losses) == pytest.approx(expected)


@pytest.mark.parametrize(
    "call",
    [
        lambda: rate(3, 2),
        lambda: rate(-1, 2),
        lambda: rate(1, 2, 1.0),
        lambda: mean([1.0, float("nan")]),
        lambda: mean([1.0, 2.0], 0.95, "normal"),
        lambda: mean([[1.0]]),
        lambda: paired_difference([1.0], [1.0, 2.0]),
    ],
)
def test_invalid_arguments_are_refused(call):
    with pytest.raises(ValueError):
        call()
