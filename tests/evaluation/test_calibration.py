"""Calibration: hand-computed values, calibrated and overconfident synthetic data, clusters, and the page of a run."""

import math

import numpy as np
import pytest
from scipy.stats import mannwhitneyu

import quintain
from quintain.evaluation.calibration import auroc, calibration, confidence_of
from quintain.evaluation.html.page import render
from quintain.evaluation.summary import calibration_rows
from quintain.records import EpisodeRecord


def synthetic(n, exponent=1.0, seed=0):
    """Return confidences whose answers are right with probability confidence ** exponent."""
    rng = np.random.default_rng(seed)
    p = rng.random(n)
    return p, rng.random(n) < p**exponent


def test_values_computed_by_hand():
    p, right = [0.1, 0.2, 0.3, 0.6, 0.8, 0.9], [False, True, False, True, False, True]
    found = calibration(p, right, bins=3)
    # Bins (0.1, 0.2), (0.3, 0.6), (0.8, 0.9): means 0.15, 0.45, 0.85; shares 0.5, 0.5, 0.5.
    assert [b.confidence for b in found.bins] == pytest.approx([0.15, 0.45, 0.85])
    assert [b.accuracy.estimate for b in found.bins] == [0.5, 0.5, 0.5]
    assert found.ece == pytest.approx((0.35 + 0.05 + 0.35) / 3)
    assert found.rms == pytest.approx(math.sqrt((0.35**2 + 0.05**2 + 0.35**2) / 3))
    assert found.brier.estimate == pytest.approx((0.01 + 0.64 + 0.09 + 0.16 + 0.64 + 0.01) / 6)
    assert found.auroc.estimate == pytest.approx(6 / 9)  # 0.9 beats all, 0.6 beats 0.1 and 0.3, 0.2 beats 0.1
    assert found.accepted.estimate == pytest.approx(2 / 3)
    curve = dict(found.selective)
    assert curve[0.1].estimate == 1
    assert curve[0.5].estimate == pytest.approx(2 / 3)
    assert curve[1.0].estimate == 0.5


def test_bins_hold_equal_counts_not_equal_widths():
    low = [0.01 + 1e-4 * k for k in range(95)]
    found = calibration([*low, 0.95, 0.96, 0.97, 0.98, 0.99], [False] * 95 + [True] * 5)
    assert [b.accuracy.n for b in found.bins] == [10] * 10


def test_equal_confidences_are_shared_by_the_bins_that_they_span():
    # Places 0 to 3 hold 0.2, with 1 of 4 right; places 4 and 5 hold 0.8, with 2 of 2 right. Two bins of 3 places:
    # the first has 0.2 alone; the second a quarter of each answer with 0.2, and both with 0.8.
    found = calibration([0.8, 0.2, 0.2, 0.8, 0.2, 0.2], [True, False, True, True, False, False], bins=2)
    assert [b.confidence for b in found.bins] == pytest.approx([0.2, (0.2 + 1.6) / 3])
    assert [b.accuracy.estimate for b in found.bins] == pytest.approx([0.25, (0.25 + 2) / 3])
    assert found.ece == pytest.approx((0.05 + 0.15) / 2)
    assert [b.accuracy.n for b in found.bins] == [4, 6]
    curve = dict(found.selective)
    assert curve[0.2].estimate == 1  # one answer of the two with 0.8
    assert curve[0.5].estimate == pytest.approx((2 + 0.25) / 3)
    assert curve[0.5].low < curve[0.5].estimate < curve[0.5].high


def test_the_order_of_answers_does_not_matter_where_confidences_tie():
    half = np.full(100, 0.5)
    sorted_by_outcome, interleaved = np.arange(100) < 50, np.arange(100) % 2 == 0
    first, second = calibration(half, sorted_by_outcome), calibration(half, interleaved)
    assert first == second
    assert first.ece == pytest.approx(0)
    assert first.p_calibrated == 1

    rng = np.random.default_rng(0)
    p, right, labels = rng.integers(0, 11, 137) / 10, rng.random(137) < 0.6, rng.integers(0, 40, 137)
    order = rng.permutation(137)
    assert calibration(p, right) == calibration(p[order], right[order])
    clustered = calibration(p, right, clusters=labels)
    permuted = calibration(p[order], right[order], clusters=labels[order])
    assert clustered.p_calibrated == permuted.p_calibrated
    for (_, one), (_, other) in zip(clustered.selective, permuted.selective, strict=True):
        assert (one.low, one.high) == pytest.approx((other.low, other.high))


def test_the_p_value_of_simulated_outcomes_is_never_zero():
    assert calibration([0.9] * 200, [False] * 200).p_calibrated == pytest.approx(1 / 2001)


def test_calibrated_confidences_are_not_rejected_and_overconfident_ones_are():
    good, bad = calibration(*synthetic(800)), calibration(*synthetic(800, exponent=2))
    assert good.ece == pytest.approx(good.ece_calibrated, abs=0.02)
    assert good.p_calibrated > 0.05
    assert bad.ece > 3 * bad.ece_calibrated
    assert bad.p_calibrated < 0.01
    assert bad.confidence.estimate > bad.accuracy.estimate
    assert good.brier.estimate == pytest.approx(1 / 6, abs=0.02)  # integral of p (1 - p)


def test_the_area_is_that_of_mann_whitney_with_ties():
    rng = np.random.default_rng(1)
    scores, right = rng.integers(0, 8, 60), rng.random(60) < 0.4
    expected = mannwhitneyu(scores[right], scores[~right]).statistic / (right.sum() * (~right).sum())
    assert auroc(scores, right).estimate == pytest.approx(expected, abs=1e-12)
    assert auroc(-scores, right).estimate == pytest.approx(1 - expected, abs=1e-12)


def test_the_interval_of_the_area_covers_the_truth():
    covered = 0
    for seed in range(300):
        rng = np.random.default_rng(seed)
        right = rng.random(60) < 0.5
        found = auroc(rng.standard_normal(60) + right, right)  # the true area is Phi(1 / sqrt 2) = 0.7602
        covered += found.low <= 0.7602 <= found.high
    assert 0.91 <= covered / 300 <= 0.99  # the standard error of the share is 0.013


def test_dependent_answers_have_a_wider_interval():
    p, right = synthetic(60)
    labels = np.repeat(np.arange(60), 5)
    many, few = np.repeat(p, 5), np.repeat(right, 5)
    clustered = calibration(many, few, clusters=labels)
    single, naive = calibration(p, right), calibration(many, few)
    width = clustered.auroc.high - clustered.auroc.low
    assert width == pytest.approx(single.auroc.high - single.auroc.low, rel=0.02)
    assert width > 1.8 * (naive.auroc.high - naive.auroc.low)
    assert clustered.brier.clusters == 60


@pytest.mark.parametrize(
    ("p", "right"), [([], []), ([1.2], [True]), ([0.5, 0.4], [True]), ([float("nan")], [True]), ([0.5], [2])]
)
def test_what_is_no_confidence_or_verdict_is_refused(p, right):
    with pytest.raises(ValueError, match=r"confidence|verdict"):
        calibration(p, right)


@pytest.mark.parametrize("labels", [[1], [1, 2, 3]])
def test_every_answer_needs_a_cluster(labels):
    with pytest.raises(ValueError, match="a cluster for each of 2 answers"):
        calibration([0.2, 0.9], [False, True], clusters=labels)


def test_one_kind_of_answer_has_no_area():
    assert calibration([0.2, 0.9], [True, True]).auroc.n == 0


def test_a_recorded_confidence_comes_from_the_last_decision_or_from_info():
    def episode(info=None, decisions=()):
        return EpisodeRecord(0, 0, "success", {}, info=info or {}, decisions=list(decisions))

    assert confidence_of(episode({"confidence": 0.7})) == 0.7
    assert confidence_of(episode({"confidence": 0.7}, [{"confidence": 0.1}, {"confidence": 0.2}, {}])) == 0.2
    assert confidence_of(episode()) is None
    assert [confidence_of(episode({"confidence": v})) for v in (True, "high", 1.5)] == [None] * 3


class States:
    """Answers right where it says that it is confident."""

    uses_solution = True

    def begin(self, seat):
        self._seat = seat
        return self

    def act(self, observation, info):
        from quintain.engines.engine import record_decision

        sure = self._seat.seed % 2 == 0
        record_decision({"confidence": 0.9 if sure else 0.2})
        return self._seat.solution() if sure else "<<<nothing>>>"


def test_the_page_of_a_run_with_confidences_shows_their_calibration(tmp_path):
    kwargs = {"tasks": [{"question": f"{k}?", "answer": str(k)} for k in range(30)]}
    report = quintain.evaluate("QuestionAnswering-v0", States(), episodes=30, env_kwargs=kwargs, progress=False)
    found = report.results.calibration
    assert found.accuracy.n == 30
    assert found.auroc.estimate == 1
    rows = {row.name: row.interval for row in calibration_rows(report)}
    assert rows["success where confident"].estimate == 1
    assert "no interval: calibrated" in rows["calibration error (ECE)"].remarks
    page = render(report)
    assert "share of right answers over mean confidence" in page
    assert "accuracy over share of answers given" in page
    assert "AUROC of confidence" in page
