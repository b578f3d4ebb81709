"""Tests by ranks are those of scipy, for many samples at once; agreement on ordered categories by hand."""

import numpy as np
import pytest
from scipy import stats

from quintain.evaluation.ordinal_agreement import krippendorff_alpha, weighted_kappa
from quintain.evaluation.rank_tests import equivalence_test, mann_whitney, sign_flip_test, wilcoxon

RNG = np.random.default_rng(0)
ANSWERS = RNG.integers(1, 6, (2, 40, 12)).astype(float)
SMOOTH = RNG.normal(size=(2, 40, 12))


@pytest.mark.parametrize("pairs", [ANSWERS, SMOOTH], ids=["with ties", "without ties"])
def test_rank_tests_equal_those_of_scipy(pairs):
    first, second = pairs
    found, signed = mann_whitney(first, second), wilcoxon(first - second)
    for row, (x, y) in enumerate(zip(first, second, strict=True)):
        u = stats.mannwhitneyu(x, y, method="asymptotic")
        w = stats.wilcoxon(x - y, method="asymptotic", zero_method="wilcox")
        assert found.statistic[row] == pytest.approx(u.statistic, abs=1e-12)
        assert found.p_value[row] == pytest.approx(u.pvalue, abs=1e-12)
        assert signed.statistic[row] == pytest.approx(w.statistic, abs=1e-12)
        assert signed.p_value[row] == pytest.approx(w.pvalue, abs=1e-12)


def test_equal_samples_are_no_evidence():
    same = np.full(8, 3.0)
    assert float(mann_whitney(same, same).p_value) == 1.0
    assert float(wilcoxon(same - same).p_value) == 1.0
    assert sign_flip_test(same - same) == 1.0


def test_the_effect_is_positive_where_the_first_sample_is_larger():
    assert float(mann_whitney([4, 5], [1, 2]).effect) == 1.0
    assert float(wilcoxon([1, 2, 3]).effect) == 1.0
    assert float(mann_whitney([1, 2], [1, 2]).effect) == 0.0


def test_the_sign_flip_test_is_the_exact_one_up_to_its_resamples():
    differences = [1.0, 2.0, 3.0, -1.0, 2.0, 1.0, 1.0]
    exact = stats.permutation_test((differences,), np.mean, permutation_type="samples", n_resamples=np.inf).pvalue
    assert sign_flip_test(differences) == pytest.approx(exact, abs=0.02)


def test_equivalence_is_two_one_sided_t_tests():
    differences = RNG.normal(0.1, 0.3, 30)
    one_sided = [
        stats.ttest_1samp(differences, margin, alternative=side).pvalue
        for margin, side in ((-0.5, "greater"), (0.5, "less"))
    ]
    assert equivalence_test(differences, 0.5) == pytest.approx(max(one_sided), abs=1e-12)
    assert equivalence_test([0.0] * 5, 0.5) == 0.0
    assert equivalence_test([1.0] * 5, 0.5) == 1.0
    assert np.isnan(equivalence_test([1.0], 0.5))


def test_krippendorffs_example_has_his_alpha_for_intervals():
    nan = np.nan
    ratings = [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, nan, nan, nan],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, nan, 3],
        [nan, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, nan],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, nan],
    ]
    assert krippendorff_alpha(ratings) == pytest.approx(0.849, abs=5e-4)
    assert np.isnan(krippendorff_alpha([[2, 2], [2, 2]]))


def test_weighted_kappa_is_1_for_equal_and_negative_for_opposite_answers():
    assert weighted_kappa([1, 2, 3], [1, 2, 3], [1, 2, 3]) == 1.0
    assert weighted_kappa([1, 3], [3, 1], [1, 2, 3]) == -1.0
    assert np.isnan(weighted_kappa([2, 2], [2, 2], [1, 2, 3]))
