import numpy as np
import pytest

from quintain.evaluation.statistics import mean
from quintain.experiments.robustness.clusters import clustered_mean, clustered_rate


def test_clusters_have_equal_weight_regardless_of_size():
    found = clustered_mean([[0.0] * 10, [1.0, 1.0]])
    assert found.estimate == 0.5
    assert (found.low, found.high) == (0.0, 1.0)
    assert found.n == 12


def test_differences_between_clusters_widen_the_interval():
    rng = np.random.default_rng(0)
    alike = [rng.normal(0, 1, 50) for _ in range(5)]
    apart = [values + shift for values, shift in zip(alike, (-2, -1, 0, 1, 2), strict=True)]
    narrow, wide = clustered_mean(alike), clustered_mean(apart)
    assert wide.high - wide.low > 3 * (narrow.high - narrow.low)


def test_one_cluster_gives_an_ordinary_bootstrap():
    values = list(np.random.default_rng(1).normal(3, 2, 60))
    found, plain = clustered_mean([values]), mean(values)
    assert found.estimate == pytest.approx(plain.estimate)
    assert (found.low, found.high) == pytest.approx((plain.low, plain.high), abs=0.1)


def test_coverage_is_close_to_the_nominal_confidence():
    """20 groups with a spread of their own: 95 % nominal; 200 trials have a standard error of 1.5 points."""
    rng = np.random.default_rng(2)
    hits = 0
    for trial in range(200):
        groups = [list(rng.normal(effect, 1, 10)) for effect in rng.normal(0, 1, 20)]
        found = clustered_mean(groups, seed=trial)
        hits += found.low <= 0 <= found.high
    assert 178 <= hits <= 199


def test_few_clusters_give_a_note_and_equal_data_equal_intervals():
    found = clustered_mean([[1.0, 2.0], [3.0, 5.0]])
    assert "only 2 seeds" in found.note
    assert found == clustered_mean([[1.0, 2.0], [3.0, 5.0]])
    assert clustered_mean([[1.0], [1.0]]).low == 1.0
    with pytest.raises(ValueError, match="at least one"):
        clustered_mean([[1.0], []])


def test_intervals_of_rates_0_and_1_have_positive_width():
    assert clustered_rate([[True] * 5, [True] * 5]).low < 0.8
    assert clustered_rate([[True, False], [True, True]]).estimate == 0.75
    assert clustered_rate([[], []]).n == 0
