"""Accuracy and Cohen's kappa, by hand and against statsmodels."""

import math

import pytest

from quintain.evaluation.agreement import agreement, agreement_of
from quintain.evaluation.statistics import rate


def test_values_by_hand():
    found = agreement([[20, 5], [10, 15]])  # Cohen's textbook example: p_o = 0.7, p_e = 0.5
    assert found.accuracy.estimate == 0.7
    assert found.kappa.estimate == pytest.approx(0.4)
    accuracy = rate(35, 50)
    assert (found.kappa.low, found.kappa.high) == pytest.approx((accuracy.low / 0.5 - 1, accuracy.high / 0.5 - 1))


@pytest.mark.parametrize("counts", [[[20, 5], [10, 15]], [[90, 3], [2, 5]], [[1, 7], [8, 2]]])
def test_kappa_is_that_of_statsmodels(counts):
    raters = pytest.importorskip("statsmodels.stats.inter_rater")
    assert agreement(counts).kappa.estimate == pytest.approx(raters.cohens_kappa(counts).kappa)


def test_perfect_agreement_has_a_width():
    found = agreement([[10, 0], [0, 10]])
    assert (found.kappa.estimate, found.kappa.high) == (1, pytest.approx(1))
    assert 0.5 < found.kappa.low < 0.9


@pytest.mark.parametrize("counts", [[[8, 0], [0, 0]], [[0, 0], [0, 3]], [[0, 0], [0, 0]]])
def test_kappa_is_undefined_where_both_always_say_the_same(counts):
    found = agreement(counts)
    assert found.kappa.n == 0
    assert math.isnan(found.kappa.estimate)
    assert found.accuracy.n == sum(map(sum, counts))


def test_kappa_is_at_least_minus_one():
    assert agreement([[0, 5], [5, 0]]).kappa.low == -1


def test_runs_without_labels_have_none():
    assert agreement_of({"facts": {"env": {"items": 3}}}) is None
    assert agreement_of({}) is None
    found = agreement_of({"facts": {"env": {"agreement": {"counts": [[1, 0], [0, 1]], "unreadable": 2}}}})
    assert (found.accuracy.n, found.unreadable) == (2, 2)
