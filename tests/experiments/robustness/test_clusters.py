import numpy as np
import pytest

from quintain.evaluation.statistics import mean
from quintain.experiments.robustness.clusters import clustered_mean, clustered_rate


def test_clusters_have_equal_weight_regardless_of_size():
    found = clustered_mean([[0.0] * 10, [1.0, 1.0]])
    assert found.estimate == 0.5
    assert (found.low, found.high) == pytest.approx((0.0945, 0.9055), abs=1e-4)  # Wilson's for 1 of 2
    assert (found.n, found.clusters) == (12, 2)


def test_differences_between_clusters_widen_the_interval():
    rng = np.random.default_rng(0)
    alike = [rng.normal(0, 1, 50) for _ in range(5)]
    apart = [values + shift for values, shift in zip(alike, (-2, -1, 0, 1, 2), strict=True)]
    narrow, wide = clustered_mean(alike), clustered_mean(apart)
    assert wide.high - wide.low > 3 * (narrow.high - narrow.low)


def test_one_cluster_gives_the_interval_of_its_values_and_a_note():
    values = list(np.random.default_rng(1).normal(3, 2, 60))
    found, plain = clustered_mean([values]), mean(values)
    assert (found.low, found.high) == (plain.low, plain.high)
    assert "one cluster (seeds)" in found.note


@pytest.mark.parametrize("count", [2, 3, 5, 20])
def test_coverage_is_close_to_the_nominal_confidence(count):
    """Groups with a spread of their own: 95 % nominal; 500 trials have a standard error of 1 point."""
    rng = np.random.default_rng(2)
    hits = 0
    for trial in range(500):
        groups = [list(rng.normal(effect, 1, 10)) for effect in rng.normal(0, 1, count)]
        found = clustered_mean(groups, seed=trial)
        hits += found.low <= 0 <= found.high
    assert 465 <= hits <= 490


def test_few_clusters_give_a_note_and_equal_data_equal_intervals():
    found = clustered_mean([[1.0, 2.0], [3.0, 5.0]])
    assert "only 2 seeds" in found.note
    assert found == clustered_mean([[1.0, 2.0], [3.0, 5.0]])
    assert np.isnan(clustered_mean([[1.0], [1.0]]).low)
    with pytest.raises(ValueError, match="at least one"):
        clustered_mean([[1.0], []])


def test_intervals_of_rates_0_and_1_have_positive_width():
    assert clustered_rate([[True] * 5, [True] * 5]).low == pytest.approx(0.3424, abs=1e-4)  # 2 of 2 seeds
    assert clustered_rate([[False] * 50] * 3).high == pytest.approx(0.5615, abs=1e-4)  # not 0 of 150 episodes
    assert clustered_rate([[True, False], [True, True]]).estimate == 0.75
    assert clustered_rate([[], []]).n == 0
