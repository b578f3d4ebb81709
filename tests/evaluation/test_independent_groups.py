"""Means over independent groups and differences between two of them."""

import math

import numpy as np
import pytest
from scipy import stats

from quintain.evaluation.independent_groups import note_on_groups, stratified_mean, unpaired_difference
from quintain.evaluation.interval_ends import wilson
from quintain.evaluation.statistics import mean


def ends(interval):
    return interval.low, interval.high


def test_one_stratum_has_the_interval_of_a_mean():
    values = [1.0, 2.0, 4.0, 8.0]
    assert stratified_mean([values], unit="seeds") == mean(values, unit="seeds")
    many = list(np.random.default_rng(0).exponential(size=30))
    assert stratified_mean([many], seed=3) == mean(many, seed=3)
    assert stratified_mean([many]) == mean(many)


def test_strata_are_fixed_by_hand():
    """Weights 3/5 and 2/5; variances of the two means 1/3 and 2/2 = 1."""
    found = stratified_mean([[1.0, 2.0, 3.0], [11.0, 13.0]])
    one, two = 0.36 / 3, 0.16 * 2 / 2
    df = (one + two) ** 2 / (one**2 / 2 + two**2 / 1)
    half = stats.t.ppf(0.975, df) * math.sqrt(one + two)
    assert found.estimate == pytest.approx(6)
    assert ends(found) == pytest.approx((6 - half, 6 + half))
    assert (found.method, found.n) == ("welch", 5)
    assert found.note == "only 2 values: read the interval with care"


def test_notes_tell_the_smallest_stratum():
    assert note_on_groups([[1] * 10, [1] * 12], "seeds") == ""
    assert note_on_groups([[1] * 10, [1] * 9], "seeds") == "only 9 seeds: read the interval with care"


def test_strata_without_variation_or_of_one_value_have_no_interval():
    assert (
        stratified_mean([[1.0, 1.0], [3.0, 3.0]], unit="seeds").note == "no interval: all seeds of a stratum are equal"
    )
    assert stratified_mean([[1.0, 2.0], [3.0]]).note == "no interval: a stratum has fewer than 2 values"
    assert stratified_mean([[1.0, 2.0], [3.0]]).estimate == 2
    assert stratified_mean([[], []]).note == "no data"
    varied = stratified_mean([[1.0, 1.0], [3.0, 5.0]])  # the second alone: variance 1/4, one degree of freedom
    assert ends(varied) == pytest.approx((2.5 - 12.7062047 / 2, 2.5 + 12.7062047 / 2))


@pytest.mark.parametrize("n", [2, 3, 5, 10])
def test_coverage_over_three_tasks_of_different_spread(n):
    rng = np.random.default_rng(4)
    rows = np.array([[0.0], [1.0], [5.0]]) + np.array([[0.1], [1.0], [3.0]]) * rng.normal(size=(1000, 3, n))
    assert np.mean([found.low <= 2 <= found.high for found in map(stratified_mean, rows)]) >= 0.93


def test_welchs_interval_and_p_value_are_scipys():
    one, two = [1.0, 2.0, 4.0], [2.0, 9.0, 7.0, 5.0, 8.0]
    test = stats.ttest_ind(one, two, equal_var=False)
    found = unpaired_difference(one, two)
    assert ends(found) == pytest.approx(tuple(test.confidence_interval()))
    assert found.p_value == pytest.approx(test.pvalue, rel=1e-6)
    assert (found.method, found.n) == ("welch", 8)


def test_shares_combine_the_intervals_of_both_means():
    """Of zeros and ones this is Newcombe's method 10 without correlation: 5 of 5 against 0 of 5."""
    found = unpaired_difference([1.0] * 5, [0.0] * 5, bounds=(0, 1))
    low = wilson(1.0, 5, 0.95).low
    assert found.estimate == 1
    assert ends(found) == pytest.approx((1 - math.hypot(1 - low, 1 - low), 1))
    assert found.p_value < 0.05
    first, second, d = wilson(4 / 8, 8, 0.95), wilson(5 / 9, 9, 0.95), 4 / 8 - 5 / 9
    expected = (
        d - math.hypot(4 / 8 - first.low, second.high - 5 / 9),
        d + math.hypot(first.high - 4 / 8, 5 / 9 - second.low),
    )
    found = unpaired_difference([1] * 4 + [0] * 4, [1] * 5 + [0] * 4, bounds=(0, 1))
    assert ends(found) == pytest.approx(expected)
    assert found.p_value > 0.05


def test_one_person_a_group_gives_no_interval():
    assert unpaired_difference([1.0], [2.0, 3.0], unit="participants").note.startswith(
        "no interval from fewer than 2 part"
    )
    assert unpaired_difference([1.0, 1.0], [2.0, 2.0]).method == "none"
    assert unpaired_difference([1.0, 1.0], [0.0, 0.0], bounds=(0, 1)).method == "combined"


@pytest.mark.parametrize("n", [5, 20])
def test_type_i_error_for_equal_shares_is_small(n):
    """Welch's t of rates near 1 is wrong more often."""
    rng = np.random.default_rng(5)
    pairs = (rng.random((600, 2, n)) < 0.9).astype(float)
    wrong = [i.low > 0 or i.high < 0 for i in (unpaired_difference(a, b, bounds=(0, 1)) for a, b in pairs)]
    assert np.mean(wrong) <= 0.07
