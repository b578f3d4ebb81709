"""Scores, ties, sensitivities, biases and verdicts of answers that are known, and rates of false positives."""

import numpy as np
import pytest

from quintain.envs.questionnaires import load_instrument, order_set, template_names
from quintain.experiments.questionnaire import Condition, calibrate
from quintain.experiments.questionnaire.answers import Answers, answers_of
from quintain.experiments.questionnaire.audit import audit_group
from quintain.experiments.questionnaire.condition import conditions_of
from quintain.experiments.questionnaire.planted import PLANTED, play_planted, self_test
from quintain.experiments.questionnaire.profile import item_scores, option_scores
from quintain.experiments.questionnaire.scoring_key import ScoringKey
from quintain.experiments.questionnaire.sensitivity import sensitivities

SCENARIOS, REPORT = load_instrument("scenarios-160"), load_instrument("ipip-100")
ONE = ScoringKey.of(SCENARIOS.part(["Openness"], 1))
FORWARD, REVERSED = (0, 1, 2, 3), (1, 0, 3, 2)


def by_position(order, probabilities):
    """Return answers to the one item with probabilities given by position."""
    condition = Condition("model", "choice", "scenarios-160", "suggestion", order)
    row = np.empty((1, 4))
    row[0, list(order)] = probabilities
    return Answers(condition, row.argmax(1), row, row.sum(1), 0, 0, np.ones(1, dtype=bool))


def planted(name, instrument, per_trait=None):
    part = instrument.part(per_trait=per_trait)
    group = ("planted", "choice", instrument.name)
    conditions = list(conditions_of(group, part, template_names(part.kind), "published", paraphrases=False))
    answers = play_planted(PLANTED[name], part, instrument.name, conditions, per_trait=per_trait)
    return audit_group(ScoringKey.of(part), answers)


def test_the_worked_example_of_two_orders():
    answers = [by_position(FORWARD, (0.6, 0.2, 0.1, 0.1)), by_position(REVERSED, (0.3, 0.5, 0.1, 0.1))]
    high1, low1, high2, low2 = option_scores(answers)[0]
    assert (high1, low1, high2, low2) == pytest.approx((0.55, 0.25, 0.10, 0.10))
    assert item_scores(ONE, answers).score[0] == 1.0


def test_a_tie_between_the_poles_is_undecided_and_not_high():
    found = item_scores(ONE, [by_position(order, (1.0, 0.0, 0.0, 0.0)) for order in (FORWARD, REVERSED)])
    assert found.undecided[0]
    assert np.isnan(found.score[0])


def test_a_tie_between_options_of_one_pole_is_decided():
    found = item_scores(ONE, [by_position(FORWARD, (0.5, 0.0, 0.5, 0.0))])
    assert found.score[0] == 1.0


def test_sensitivity_counts_options_and_not_letters():
    same_option = [by_position(FORWARD, (1, 0, 0, 0)), by_position(REVERSED, (0, 1, 0, 0))]
    same_letter = [by_position(order, (1, 0, 0, 0)) for order in (FORWARD, REVERSED)]
    (kept,), (changed,) = sensitivities(ONE, same_option), sensitivities(ONE, same_letter)
    assert (kept.option.estimate, kept.pole.estimate) == (0, 0)
    assert (changed.option.estimate, changed.pole.estimate) == (1, 1)
    assert changed.chance == (0.75, 0.5)
    assert ScoringKey.of(REPORT).chance == pytest.approx((0.8, 0.64))


def test_answers_that_are_missing_are_excluded_from_the_pair_and_counted():
    key = ScoringKey.of(REPORT.part(["Openness"], 3))
    group = ("model", "text", "ipip-100", "accuracy")
    answers = [
        answers_of(Condition(*group, (0, 1, 2, 3, 4)), key, [0, -1, 2]),
        answers_of(Condition(*group, (4, 3, 2, 1, 0)), key, [0, 1, -1]),
    ]
    found = audit_group(key, answers)
    assert found.sensitivities[0].option.n == 1
    assert [test.n for test in found.reliability.tests] == [1]
    assert found.scores[0].invalid == 2
    assert found.biases[0].invalid.estimate == pytest.approx(2 / 6)


def test_planted_respondents_are_recovered_through_the_environment():
    for instrument in (SCENARIOS, REPORT):
        checks = self_test(instrument, instrument.name, template_names(instrument.kind), "published")
        assert len(checks) >= 7
        assert [check for check in checks if not check.passed] == []


def test_a_true_profile_is_usable_and_the_first_option_is_not():
    assert planted("true profile", REPORT).verdict.is_usable
    first = planted("always first", REPORT, per_trait=6)
    assert not first.verdict.is_usable
    assert any("order of the options" in reason for reason in first.verdict.reasons)
    assert {bias.first.estimate for bias in first.biases} == {1.0}


def test_agreement_with_everything_passes_the_tests_and_is_not_usable():
    found = planted("always agree", REPORT, per_trait=6)
    assert not found.reliability.failing()
    assert any("acquiescence" in reason for reason in found.verdict.reasons)
    assert found.biases[0].acquiescence.estimate == pytest.approx(1)


def test_always_high_is_100_and_always_low_0_in_every_trait():
    for name, share in (("always high", 1.0), ("always low", 0.0)):
        profile = planted(name, SCENARIOS, per_trait=2).profile()
        assert len(profile) == 8
        assert {score.score.estimate for score in profile.values()} == {share}


@pytest.mark.parametrize("items", [20, 60])
def test_the_tests_reject_five_per_cent_of_true_profiles(items):
    found = calibrate(items, profiles=1_000)
    assert found.mann_whitney.estimate == pytest.approx(0.05, abs=0.015)
    assert found.wilcoxon.estimate == pytest.approx(0.05, abs=0.015)
    assert calibrate(items, 1.0).mann_whitney.estimate > 0.75  # power
    assert calibrate(items, spread=1.0).mann_whitney.estimate < 0.02  # conservative, since the items are the same


def test_levels_of_agreement_are_compared_by_expected_scores_too():
    key = ScoringKey.of(REPORT.part(["Openness"], 1))
    row = np.array([[0.4, 0.1, 0.2, 0.1, 0.2]])
    condition = Condition("model", "choice", "ipip-100", "accuracy", (0, 1, 2, 3, 4))
    found = Answers(condition, np.array([0]), row, np.array([0.9]), 0, 0, np.ones(1, dtype=bool))
    assert found.scores(key)[0] == 5
    assert found.expected(key)[0] == pytest.approx(0.4 * 5 + 0.1 * 4 + 0.2 * 3 + 0.1 * 2 + 0.2)


def test_the_same_answer_to_everything_is_no_personality():
    key = ScoringKey.of(REPORT)
    orders = order_set("published", "self-report", 5)
    neutral = [answers_of(Condition("m", "text", "ipip-100", "accuracy", order), key, [2] * 100) for order in orders]
    found = audit_group(key, neutral)
    assert found.reliability.counts("order") == (0, 0, 5)
    assert found.verdict.reasons == ("always the same option (accuracy)",)


def test_a_verdict_says_no_more_than_that_changes_were_not_shown_to_be_rarer_than_by_chance():
    reasons = planted("always first", REPORT, 2).verdict.reasons
    assert (
        "not shown to change less often than by chance with the order of the options (100 %, by chance 80 %)" in reasons
    )
