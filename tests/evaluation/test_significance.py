import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.multitest import multipletests

from quintain.evaluation.significance import holm, jzs_bayes_factor, sign_test, t_test

#: Extra hours of sleep under two drugs (Student 1908; Cushny & Peebles).
SLEEP = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0], [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4]


@given(st.integers(0, 60), st.integers(0, 60))
def test_sign_test_is_scipys(wins, losses):
    expected = stats.binomtest(wins, wins + losses).pvalue if wins + losses else 1.0
    assert sign_test(wins, losses) == pytest.approx(expected)


def test_t_test_equals_scipys():
    data = np.random.default_rng(0).normal(0.4, 1, 12)
    found, expected = t_test(data), stats.ttest_1samp(data, 0)
    assert (found.t, found.p_value) == pytest.approx((expected.statistic, expected.pvalue))
    assert (found.df, found.cohens_d) == (11, pytest.approx(data.mean() / data.std(ddof=1)))


@pytest.mark.parametrize(
    ("t", "first", "second", "published"),
    [
        (4.0621, 10, 0, 17.259),  # paired sleep data, manual of the BayesFactor package: 17.25888
        (3.5, 20, 20, 26.743),  # two samples, documentation of pingouin
        (3.5, 20, 0, 17.185),  # one sample, documentation of pingouin
    ],
)
def test_bayes_factors_equal_published_values(t, first, second, published):
    assert jzs_bayes_factor(t, first, second) == pytest.approx(published, rel=1e-4)


def test_bayes_factors_can_support_the_null_hypothesis():
    assert jzs_bayes_factor(0.0, 100) < 1 / 3
    assert jzs_bayes_factor(-3.0, 20) == jzs_bayes_factor(3.0, 20)
    assert math.isfinite(jzs_bayes_factor(1e4, 10**6))


def test_paired_tests_on_the_sleep_data():
    found = t_test(np.subtract(*SLEEP))
    assert str(found) == "t(9) = -4.06, p = 0.0028, d = -1.28, BF10 = 17"


@pytest.mark.parametrize("values", [[], [1.0], [2.0, 2.0, 2.0]])
def test_values_that_do_not_vary_have_no_test(values):
    found = t_test(values)
    assert math.isnan(found.t)
    assert math.isnan(found.bayes_factor)
    assert "no test" in str(found)


@settings(max_examples=20)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_holm_equals_statsmodels(p_values):
    assert holm(p_values) == pytest.approx(list(multipletests(p_values, method="holm")[1]))


def test_holm_ignores_missing_p_values():
    assert holm([0.02, math.nan, 0.03]) == pytest.approx([0.04, math.nan, 0.04], nan_ok=True)
    assert holm([]) == []
