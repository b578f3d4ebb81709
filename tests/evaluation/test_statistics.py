import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.regression.linear_model import OLS

from quintain.evaluation.interval_ends import logit_t
from quintain.evaluation.statistics import Interval, mean, paired_difference, rate, required_pairs


@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), st.floats(0.5, 0.999))
def test_rate_interval_equals_scipys_wilson_interval(counts, confidence):
    k, n = counts
    expected = stats.binomtest(k, n).proportion_ci(confidence, "wilson")
    interval = rate(k, n, confidence)
    assert interval.estimate == k / n
    low, high = expected
    few = min(k, n - k)
    if 1 <= few <= min(3, n // 2):  # Brown, Cai & DasGupta (2001): the Poisson limit, by the quantile of chi-square
        limit = stats.chi2.ppf(1 - confidence, 2 * few) / 2 / n
        low, high = (min(low, limit) if few == k else low), (max(high, 1 - limit) if few == n - k else high)
        assert interval.method == "modified wilson"
    assert (interval.low, interval.high) == pytest.approx((low, high), abs=1e-12)
    assert 0 <= interval.low <= interval.estimate <= interval.high <= 1


def test_rate_interval_equals_the_hand_computed_one():
    """n=10, z=1.959964: centre (k + 1.920729)/13.841459, half-width 0.226601 (k=8), 0.263407 (k=5).

    With 2 failures, Wilson's upper end 0.943318 becomes 1 - 0.355362/10: a Poisson variable of mean 0.355362 is at most
    1 with probability 0.95.
    """
    interval = rate(8, 10)
    assert interval.low == pytest.approx(0.490162, abs=1e-6)
    assert interval.high == pytest.approx(0.964464, abs=1e-6)
    assert str(interval) == "0.8 [0.49, 0.964]"
    assert (rate(5, 10).low, rate(5, 10).high) == pytest.approx((0.236593, 0.763407), abs=1e-6)


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


@pytest.mark.parametrize("value", [0.99, 0.7, 0.1, 0.5])
@pytest.mark.parametrize("clusters", [None, [0, 0, 1, 1, 2, 2]])
def test_equal_shares_have_the_same_interval_whether_or_not_they_round(value, clusters):
    """The variance of six times 0.99 is not 0 but 1e-32."""
    n = 3 if clusters is None else 6
    found = mean([value] * n, bounds=(0, 1), clusters=clusters)
    assert found.low < value - 0.04
    assert value + 0.005 < found.high
    mirrored = mean([1 - value] * n, bounds=(0, 1), clusters=clusters)
    assert (mirrored.low, mirrored.high) == pytest.approx((1 - found.high, 1 - found.low))


def test_no_interval_has_width_zero():
    """Equal values of an unbounded quantity have none; of a bounded one a bound that holds."""
    interval = mean([1.1] * 20)
    assert math.isnan(interval.low)
    assert math.isnan(interval.high)
    assert str(interval) == "1.1 (no interval)"
    assert "all 20 values are equal" in interval.note
    rates = mean([0.0] * 5, bounds=(0, 1), unit="seeds")
    assert (rates.low, rates.high) == (0.0, pytest.approx(0.4345, abs=1e-4))  # 3.8415 / 8.8415
    scores = mean([70.0] * 4, bounds=(0, 100))
    assert 20 < scores.low < 50 < 90 < scores.high < 100
    assert "a conservative bound" in scores.note
    assert math.isnan(mean([3.0] * 6, clusters=[0, 0, 1, 1, 2, 2]).low)
    assert mean([1.0] * 6, bounds=(0, 1), clusters=[0, 0, 1, 1, 2, 2]).low == pytest.approx(rate(3, 3).low)


@given(
    st.lists(st.sampled_from([0.0, 0.3, 1.0]), min_size=2, max_size=30),
    st.sampled_from([None, (0, 1)]),
    st.sampled_from([None, 2, 5]),
)
def test_whatever_the_values_the_interval_has_a_width_or_is_none(values, bounds, groups):
    clusters = None if groups is None else [i % groups for i in range(len(values))]
    found = mean(values, bounds=bounds, clusters=clusters)
    assert math.isnan(found.low) or found.low < found.high
    assert math.isnan(found.low) or found.low <= found.estimate + 1e-12 <= found.high + 2e-12
    assert str(len(values)) in found.basis


def test_t_up_to_twenty_values_and_a_bootstrap_above():
    data = np.random.default_rng(0).normal(3, 2, 21)
    few = mean(data[:20])
    expected = stats.ttest_1samp(data[:20], 0).confidence_interval()
    assert (few.method, few.low, few.high) == ("t", pytest.approx(expected.low), pytest.approx(expected.high))
    assert mean(data).method == "bca"
    assert mean(data, method="t").method == "t"


def test_the_bootstrap_is_scipys_bca_at_an_adjusted_level():
    """Skewed data tell BCa from percentiles; two sets of 9,999 resamples differ by about 0.04 standard errors."""
    data = np.random.default_rng(3).lognormal(sigma=1.5, size=40)
    level = 2 * stats.norm.cdf(math.sqrt(40 / 39) * stats.t.ppf(0.975, 39)) - 1
    found, error = mean(data), data.std() / 40**0.5
    for method, near in (("BCa", True), ("percentile", False)):
        ends = stats.bootstrap(
            (data,), np.mean, n_resamples=9999, method=method, confidence_level=level, rng=np.random.default_rng(5)
        ).confidence_interval
        off = max(abs(found.low - ends.low), abs(found.high - ends.high)) / error
        assert bool(off < 0.15) is near, (method, off)


def test_the_logit_interval_by_hand():
    """Shares 0.2, 0.4, 0.6: p = 0.4, se 0.11547, t(2) = 4.30265; half-width on the logit scale 2.0702.

    The upper end points away from the nearer bound: 1 + 4 * 0.2 / 3 = 1.2667 times as far, 2.6222. Wilson's interval
    for 1.2 of 3 successes, [0.0848, 0.8275], is the outer bound of both ends.
    """
    low, high = logit_t(0.4, 0.11547**2, 2, 1e-9, math.inf, 0.95)
    assert (low, high) == pytest.approx((0.07759, 0.90174), abs=2e-5)
    found = mean([0.2, 0.4, 0.6], bounds=(0, 1))
    assert (found.low, found.high) == pytest.approx((0.08479, 0.82751), abs=2e-5)
    assert found.method == "logit t"


def test_rates_of_episodes_are_at_least_as_uncertain_as_independent_episodes():
    """Three seeds with 5 of 10 each: the variance between them is 0, that of 30 episodes is 0.25 / 30."""
    found = mean([1.0, 0.0] * 15, bounds=(0, 1), clusters=[s for s in range(3) for _ in range(10)])
    half = stats.t.ppf(0.975, 2) * math.sqrt(0.25 / 30) / 0.25
    assert found.high == pytest.approx(1 / (1 + math.exp(-half)))
    assert found.high > rate(15, 30).high


def test_the_variance_between_clusters_is_that_of_statsmodels():
    rng = np.random.default_rng(2)
    clusters = rng.integers(8, size=60)
    data = rng.normal(size=60) + rng.normal(size=8)[clusters]
    found = mean(data, clusters=clusters)
    fitted = OLS(data, np.ones(60)).fit(cov_type="cluster", cov_kwds={"groups": clusters}, use_t=True)
    assert (found.low, found.high) == pytest.approx(tuple(fitted.conf_int()[0]))
    assert (found.n, found.clusters, found.method) == (60, 8, "t")
    assert found.basis == "Student t, 8 clusters (60 values)"


def test_clusters_of_one_value_are_independent_values_and_one_cluster_says_so():
    data = np.random.default_rng(3).normal(size=12)
    assert mean(data, clusters=range(12), unit="values") == mean(data)
    alone = mean(data, clusters=["a"] * 12, unit="seeds")
    assert (alone.low, alone.high) == (mean(data).low, mean(data).high)
    assert alone.note.startswith("all values are of one cluster (seeds)")
    assert alone.clusters == 1


def test_clusters_that_differ_by_rounding_alone_are_equal():
    """0.1 + 0.2 is 5.6e-17 above 0.3."""
    found = mean([0.1 + 0.2, 0.1 + 0.2, 0.3, 0.3], clusters=["a", "a", "b", "b"])
    assert (found.method, found.note) == ("none", "no interval: all 2 clusters are equal")
    assert mean([0.31, 0.31, 0.3, 0.3], clusters=["a", "a", "b", "b"]).method == "t"


def test_few_values_that_may_be_rates_are_taken_for_both():
    """Without bounds, shares near 1 get the wider of both ends: of t, and of t on the logit scale."""
    shares = [0.93, 0.97, 1.0, 0.97, 0.93]
    found, bounded = mean(shares), mean(shares, bounds=(0, 1))
    assert found.low == pytest.approx(bounded.low)
    assert found.high == pytest.approx(stats.ttest_1samp(shares, 0).confidence_interval().high)


def test_p_values_agree_with_the_intervals():
    rng = np.random.default_rng(4)
    a, b = rng.normal(0.5, 1, 15), rng.normal(0, 1, 15)
    assert paired_difference(a, b).p_value == pytest.approx(stats.ttest_rel(a, b).pvalue, rel=1e-6)
    for shift in np.linspace(0, 1, 11):
        x, y = np.clip(rng.normal(0.5 * shift, 0.2, 6), 0, 1), np.clip(rng.normal(0.2, 0.1, 6), 0, 1)
        found = paired_difference(x, y, bounds=(0, 1))
        assert (found.low > 0 or found.high < 0) == (found.p_value < 0.05)
    assert paired_difference([1, 1, 1, 1, 0], [0, 0, 0, 0, 0]).p_value == 0.125
    assert paired_difference([3.0] * 8, [2.0] * 8).p_value == 2 / 2**8  # all equal: the sign test
    assert paired_difference([3.0] * 8, [3.0] * 8).p_value == 1
    assert math.isnan(mean([1.0, 2.0]).p_value)


def test_intervals_are_stored_and_read():
    for interval in (mean([1.0, 2.0, 4.0]), mean([1.0] * 3), rate(0, 0), paired_difference([1, 0], [0, 0])):
        again = Interval.from_dict(json.loads(json.dumps(interval.to_dict())))
        assert repr(again) == repr(interval)
    old = {"estimate": 0.5, "low": None, "high": None, "n": 1, "method": "bca", "confidence": 0.95, "note": ""}
    assert math.isnan(Interval.from_dict(old).low)


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [  # method 10 of Newcombe (1998) by hand; lower Wilson limits: 0.4385 (3 of 3), 0.7225 (10 of 10), 0.15 (2 of 4)
        ([1] * 6, [0] * 6, (0.44798, 1.0)),
        ([0] * 6, [1] * 6, (-1.0, -0.44798)),
        ([1, 1, 1], [0, 0, 0], (0.0, 1.0)),  # 0.2059, were it not for the exact test: p = 0.25
        ([1] * 10, [1] * 10, (-0.2775, 0.2775)),
        ([1, 1, 0, 0], [1, 1, 0, 0], (-0.34996, 0.34996)),
    ],
)
def test_equal_pairs_do_not_give_a_point_interval(first, second, expected):
    found = paired_difference(first, second)
    assert (found.low, found.high) == pytest.approx(expected, abs=1e-4)
    assert found.method == "newcombe"
    assert paired_difference([0.5] * 3, [0.25] * 3).method == "none"
    assert paired_difference([0.5] * 3, [0.25] * 3, bounds=(0, 1)).low < 0


def test_pairs_that_are_each_a_cluster_are_independent_pairs():
    first, second = [1, 1, 1, 0, 1, 0], [0, 1, 0, 0, 0, 1]
    assert paired_difference(first, second, clusters="abcdef") == paired_difference(first, second)
    assert paired_difference(first, second, clusters="aabbcc").method != "newcombe"


@pytest.mark.parametrize(
    "labels",
    [
        "aabbcc",
        list("aabbcc"),
        [("a", 1), ("a", 1), ("a", 2), ("a", 2), ("b", 1), ("b", 1)],
        [1, 1, "1", "1", None, None],
    ],
)
def test_any_hashable_label_names_a_cluster(labels):
    values, numbers = [0.1, 0.2, 0.5, 0.4, 0.9, 0.8], [0, 0, 1, 1, 2, 2]
    assert mean(values, clusters=labels) == mean(values, clusters=numbers)
    assert paired_difference(values, values[::-1], clusters=labels) == paired_difference(
        values, values[::-1], clusters=np.array(numbers)
    )


def test_a_missing_label_is_refused():
    with pytest.raises(ValueError, match="cluster is NaN"):
        mean([0.1, 0.2, 0.3], clusters=[1.0, math.nan, 2.0])


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
        lambda: mean([0.5, 1.5], bounds=(0, 1)),
        lambda: mean([0.5, 0.7], clusters=[1]),
    ],
)
def test_invalid_arguments_are_refused(call):
    with pytest.raises(ValueError):
        call()
