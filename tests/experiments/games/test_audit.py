"""The position-bias audit detects models that choose by position or label, without false positives."""

import pytest

from quintain.agents.games import LLMPlayer
from quintain.engines.engine import Reply
from quintain.engines.scripted import ScriptedEngine
from quintain.errors import ConfigurationError
from quintain.evaluation.statistics import rate
from quintain.experiments.games.audit import audit_position_bias, discrimination_test
from quintain.experiments.games.match import ScheduledMatch
from quintain.experiments.games.matches import play_matches
from quintain.experiments.games.report import audit_lines

PD = "prisoners_dilemma"


def first_named(request):
    return Reply(request.choices[0], "choice", completion_tokens=1)


def crossed(rule, opponents=("grim", "always-defect"), orders=("first", "last"), backwards=(False,)):
    """Play one rule with both label assignments and all orders; return matches and players."""
    engine = ScriptedEngine(lambda r: Reply(rule(r), "choice", completion_tokens=1))
    agents = {
        f"{pair} {order} {way}": LLMPlayer(engine, labels=pair, order=order, backwards=way)
        for pair in (("J", "F"), ("F", "J"))
        for order in orders
        for way in backwards
    }
    return play_matches([ScheduledMatch(PD, (name, other)) for name in agents for other in opponents], agents), agents


def cooperate(request):
    """Choose by content: the label that pays 8 if both choose it."""
    text = request.messages[-1]["content"]
    return next(
        c
        for c in request.choices
        if f"If you choose Option{c} and the other player chooses Option{c}, you win 8" in text
    )


def test_a_model_that_takes_the_first_named_option_is_flagged():
    player = LLMPlayer(ScriptedEngine(first_named))
    fixtures = [ScheduledMatch(PD, ("model", "tit-for-tat"), k) for k in range(6)]
    audit = audit_position_bias(play_matches(fixtures, {"model": player}), "model")
    assert audit.first_named.estimate == 1
    assert audit.first_named.n == 60
    assert "excluded" in audit.verdict
    assert set(audit.labels) == {"J", "F"}


def test_a_constant_label_is_reported_as_label_bias_not_position_bias():
    player = LLMPlayer(ScriptedEngine(lambda r: Reply(" F" if " F" in r.choices else r.choices[0], "choice", 1, 1)))
    fixtures = [ScheduledMatch(PD, ("model", "tit-for-tat"), k) for k in range(6)]
    audit = audit_position_bias(play_matches(fixtures, {"model": player}), "model")
    assert audit.labels["F"].estimate == 1
    assert audit.verdict.startswith("No position bias was found.")
    assert "100% of the answers are 'F'" in audit.verdict


def test_failed_matches_widen_the_share_by_all_questions_they_could_have_had():
    player = LLMPlayer(ScriptedEngine(first_named))
    schedule = [ScheduledMatch(PD, ("model", "tit-for-tat"), k) for k in range(3)]
    matches = play_matches(schedule, {"model": player})  # 10 rounds each, all 30 answers are the first-named option
    failed = [ScheduledMatch(PD, ("grim", "model"), 3), ScheduledMatch(PD, ("model", "model"), 3)]
    others = [ScheduledMatch(PD, ("grim", "tit-for-tat"), 3)]
    audit = audit_position_bias(matches, "model", failed=failed + others)
    assert audit.worst_case == pytest.approx((30 / 60, 1))
    assert audit.verdict.endswith("Had 2 failed matches been played, the share could be anywhere between 50% and 100%.")
    (line,) = audit_lines(matches, ["model"], failed)
    assert "between 50% and 100%" in line
    for lost in ((), others):
        assert audit_position_bias(matches, "model", failed=lost).worst_case is None
        assert "failed" not in audit_position_bias(matches, "model", failed=lost).verdict


def test_matches_that_end_at_random_have_no_worst_case():
    player = LLMPlayer(ScriptedEngine(first_named))
    env = {"rounds": 20, "continuation": 0.8}
    matches = play_matches([ScheduledMatch(PD, ("model", "grim"), k) for k in range(2)], {"model": player}, env=env)
    assert [match.horizon for match in matches] == [None, None]
    audit = audit_position_bias(matches, "model", failed=[ScheduledMatch(PD, ("model", "grim"), 2)])
    assert audit.worst_case is None
    assert "1 failed match could have had any number of questions" in audit.verdict


def test_few_questions_cannot_exclude_a_bias():
    engine = ScriptedEngine(lambda r: Reply(" F" if " F" in r.choices else r.choices[0], "choice", 1, 1))
    schedule = [ScheduledMatch(PD, ("model", "tit-for-tat"), k) for k in range(6)]
    shares = [audit_position_bias(play_matches(schedule[:n], {"model": LLMPlayer(engine)}), "model") for n in (1, 6)]
    assert "too few to exclude" in shares[0].verdict
    assert "too few" not in shares[1].verdict


def test_a_fixed_order_is_confounded_and_strategies_have_no_audit():
    player = LLMPlayer(ScriptedEngine(first_named), order="first")
    matches = play_matches([ScheduledMatch(PD, ("model", "grim"))], {"model": player})
    assert "fixed" in audit_position_bias(matches, "model").verdict
    assert audit_position_bias(matches, "grim") is None


def test_players_with_opposite_orders_can_be_audited_together():
    engine = ScriptedEngine(first_named)
    agents = {order: LLMPlayer(engine, order=order) for order in ("first", "last")}
    matches = play_matches([ScheduledMatch(PD, (order, "grim")) for order in agents], agents)
    audit = audit_position_bias(matches, ["first", "last"])
    assert (audit.first_named.estimate, audit.first_named.n) == (1, 20)
    assert "excluded" in audit.verdict


def test_label_bias_is_not_reported_if_exchanged_labels_were_averaged():
    def rule(request):
        return Reply(request.choices[0], "choice", 1, 1, choice_logprobs=(-1.0,) * len(request.choices))

    player = LLMPlayer(ScriptedEngine(rule), debias="labels")
    audit = audit_position_bias(play_matches([ScheduledMatch(PD, ("model", "grim"))], {"model": player}), "model")
    assert audit.labels == {}
    assert audit.illegal.estimate == 0


@pytest.mark.parametrize(
    ("rule", "shares", "verdict"),
    [
        (lambda r: r.choices[0], (1, 0.5, 0.5), "Strongest influence: the position in the question (first)"),
        (lambda r: r.choices[-1], (0, 0.5, 0.5), "Strongest influence: the position in the question (last)"),
        (lambda r: " J" if " J" in r.choices else r.choices[0], (0.5, 1, 0.5), "Strongest influence: the label (J)"),
        (lambda r: " F" if " F" in r.choices else r.choices[0], (0.5, 0, 0.5), "Strongest influence: the label (F)"),
        (
            lambda r: cooperate(r) if len(r.choices) > 1 else r.choices[0],
            (0.5, 0.5, 1),
            "Strongest influence: the option (0: its payoffs, or its position in the rules)",
        ),
    ],
    ids=["position", "last position", "label", "other label", "option"],
)
def test_exchanged_labels_separate_position_label_and_option(rule, shares, verdict):
    found = discrimination_test(*crossed(rule))
    assert (found.position.estimate, found.letter.estimate, found.meaning.estimate) == pytest.approx(shares)
    assert found.position.n == 2  # one value per opponent
    assert found.verdict.startswith(verdict)


def first_in_the_rules(request):
    text = request.messages[-1]["content"]
    return min(request.choices, key=text.find)


@pytest.mark.parametrize(
    ("rule", "listed", "meaning", "verdict"),
    [
        (first_in_the_rules, 1, 0.5, "Strongest influence: the position in the rules (first)"),
        (
            lambda r: cooperate(r) if len(r.choices) > 1 else r.choices[0],
            0.5,
            1,
            "Strongest influence: the payoffs (option 0)",
        ),
    ],
    ids=["rules", "option"],
)
def test_reversed_rules_separate_the_effect_of_rule_order_from_payoffs(rule, listed, meaning, verdict):
    assert discrimination_test(*crossed(rule)).listed is None
    assert discrimination_test(*crossed(rule)).meaning.estimate == 1  # the two are confounded
    found = discrimination_test(*crossed(rule, backwards=(False, True)))
    assert (found.listed.estimate, found.meaning.estimate) == pytest.approx((listed, meaning))
    assert found.verdict.startswith(verdict)


def test_one_shuffled_player_per_label_assignment_suffices():
    found = discrimination_test(*crossed(lambda r: r.choices[0], orders=("shuffled",)))
    assert found.position.estimate == 1
    assert found.letter.estimate == pytest.approx(0.5)  # though the draws were not exactly half and half


def test_a_missing_condition_makes_the_decomposition_impossible():
    assert discrimination_test(*crossed(lambda r: r.choices[0], orders=("first",))) is None


@pytest.mark.parametrize("labels", [[], [("J", "F")], [("J", "F"), ("Q", "X")], [("J", "F", "K")], ["random"]])
def test_label_assignments_must_be_a_pair_and_its_exchange(labels):
    players = {str(pair): LLMPlayer(ScriptedEngine("J"), labels=pair) for pair in labels}
    with pytest.raises(ConfigurationError, match="in both assignments"):
        discrimination_test([], players)


def test_questions_of_one_match_are_a_cluster():
    player = LLMPlayer(ScriptedEngine(first_named))
    fixtures = [ScheduledMatch(PD, ("model", "tit-for-tat"), k) for k in range(6)]
    audit = audit_position_bias(play_matches(fixtures, {"model": player}), "model")
    assert (audit.first_named.n, audit.first_named.clusters, audit.first_named.unit) == (60, 6, "matches")
    assert audit.first_named.low == pytest.approx(rate(6, 6).low)  # not that of 60 independent answers
    assert audit.illegal.clusters == audit.labels["J"].clusters == 6
