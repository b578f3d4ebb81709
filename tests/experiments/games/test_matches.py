"""Matches, metrics, tournaments and sweeps with scripted players, whose results are known."""

import json

import numpy as np
import pytest

from quintain.agents import register_agent
from quintain.agents.games import LLMPlayer
from quintain.engines.engine import Reply
from quintain.engines.scripted import ScriptedEngine
from quintain.errors import ConfigurationError, RecordError, SandboxError, UnknownNameError
from quintain.experiments.games import metrics
from quintain.experiments.games.match import ScheduledMatch, load_matches
from quintain.experiments.games.matches import play_matches
from quintain.experiments.games.scores import compare_players, score_by_family
from quintain.experiments.games.sweep import sample_games, sweep
from quintain.experiments.games.tournament import tournament

PD, BOS = "prisoners_dilemma", "battle_of_the_sexes"


def one(game, first, second, rounds=10, **options):
    (match,) = play_matches(
        [ScheduledMatch(game, (first, second))], options.pop("agents", {}), env={"rounds": rounds, **options}
    )
    return match


def first_named(request):
    return Reply(request.choices[0], "choice", completion_tokens=1)


# -- metrics -------------------------------------------------------------------------------------------------------


def test_grim_against_defect_once_scores_90():
    match = one(PD, "grim", "defect-once")
    assert metrics.score(match, 0) == 90
    assert metrics.normalised_score(match, 0) == pytest.approx(0.9)
    assert metrics.defection(match, 0) == pytest.approx(0.9)
    assert metrics.joint_cooperation(match) == 0
    assert metrics.recovery(match, 0) == 0


def test_alternator_coordinates_with_a_constant_player_in_half_the_rounds():
    match = one(BOS, "alternator", "always-cooperate")
    assert metrics.coordination(match) == 0.5
    assert metrics.preferred_option(match, 0) == 0.5
    assert metrics.preferred_option(match, 1) == 0.0  # player 1 prefers the ballet
    assert metrics.score(match, 0) == 50


def test_the_oracle_alternator_scores_85():
    match = one(BOS, "alternator", "alternator")
    assert metrics.score(match, 0) == metrics.score(match, 1) == 85
    assert metrics.normalised_score(match, 1) == pytest.approx(0.85)


def test_forgiving_players_recover_from_a_single_defection():
    assert metrics.recovery(one(PD, "tit-for-tat", "defect-once"), 0) == 1
    assert metrics.recovery(one(PD, "tit-for-tat", "always-defect"), 0) is None
    assert metrics.recovery(one(PD, "tit-for-tat", "always-cooperate"), 0) is None


def test_predictions_are_compared_with_executed_moves():
    """Predicts the alternator's previous move: wrong in round 1 or never right again after a change."""

    def naive(request):
        if len(request.choices) == 1:
            return first_named(request)
        text = request.messages[-1]["content"]
        seen_ballet = "the other player chose Option F" in text
        choice = " J" if "Which one will" in text and not seen_ballet else " F"
        return Reply(choice, "choice", completion_tokens=1)

    player = LLMPlayer(ScriptedEngine(naive), predict_first=True, order="first")
    match = one(BOS, "model", "alternator", agents={"model": player}, rounds=6)
    # Predictions J J F F F F against moves 0 1 0 1 0 1.
    assert metrics.prediction_accuracy(match, 0) == pytest.approx(3 / 6)
    assert metrics.first_settled_prediction(match, 0) == 6
    assert metrics.prediction_accuracy(match, 1) is None
    constant = one(BOS, "model", "always-cooperate", agents={"model": player}, rounds=3)
    assert metrics.first_settled_prediction(constant, 0) == 1  # J J J, never wrong


def test_illegal_moves_are_counted_and_excluded_from_other_metrics():
    silent = LLMPlayer(ScriptedEngine(["J", "no idea"]), constrained=False)
    match = one(PD, "silent", "always-cooperate", agents={"silent": silent})
    assert metrics.illegal_rate(match, 0) == 0.5
    assert metrics.defection(match, 0) == 0
    assert metrics.joint_cooperation(match) == metrics.coordination(match) == 1
    assert metrics.score(match, 0) == 40


def test_each_match_is_one_sample_of_the_summary():
    fixtures = [ScheduledMatch(PD, ("random", "always-cooperate"), k) for k in range(12)]
    summary = metrics.summarise(play_matches(fixtures, {}), "random")
    assert summary["defection"].n == 12
    assert summary["defection"].low < 0.5 < summary["defection"].high


# -- runs ----------------------------------------------------------------------------------------------------------


def test_a_run_can_be_interrupted_and_resumed(tmp_path):
    fixtures = [ScheduledMatch(PD, ("random", "joss"), k) for k in range(8)]
    whole = play_matches(fixtures, {}, seed=3)
    seen = []

    def stop(match):
        seen.append(match)
        if len(seen) == 3:
            raise KeyboardInterrupt

    with pytest.raises((KeyboardInterrupt, BaseExceptionGroup)):
        play_matches(fixtures, {}, seed=3, out=tmp_path / "run", on_match=stop, concurrency=1)
    assert len(load_matches(tmp_path / "run")) == 3
    resumed = play_matches(fixtures, {}, seed=3, out=tmp_path / "run", resume=True)
    assert [m.moves.tolist() for m in resumed] == [m.moves.tolist() for m in whole]
    assert [m.scheduled for m in load_matches(tmp_path / "run")] == fixtures
    with pytest.raises(RecordError, match="another configuration"):
        play_matches(fixtures[:4], {}, seed=3, out=tmp_path / "run", resume=True)


def test_results_do_not_depend_on_concurrency():
    fixtures = [ScheduledMatch(game, ("random", "hedge"), k) for k in range(5) for game in (PD, BOS)]
    one_by_one, together = (play_matches(fixtures, {}, concurrency=c) for c in (1, 10))
    assert [m.moves.tolist() for m in one_by_one] == [m.moves.tolist() for m in together]


def test_an_exception_of_a_player_fails_only_its_match():
    class Broken:
        def begin(self, seat):
            raise RuntimeError("no")

    fixtures = [ScheduledMatch(PD, ("broken", "grim")), ScheduledMatch(PD, ("grim", "joss"))]
    (match,) = play_matches(fixtures, {"broken": Broken()})
    assert match.scheduled.agents == ("grim", "joss")


def test_only_failed_matches_are_retried(tmp_path):
    class Moody:
        works = False

        def begin(self, seat):
            if not self.works and seat.seed % 2:
                raise RuntimeError("no")
            return self

        def act(self, observation, info):
            return 0

    fixtures, moody, played = [ScheduledMatch(PD, ("moody", "random"), k) for k in range(10)], Moody(), []
    first = play_matches(fixtures, {"moody": moody}, out=tmp_path / "run")
    assert 0 < len(first) < 10
    moody.works = True
    run = {"out": tmp_path / "run", "resume": True, "on_match": played.append}
    assert len(play_matches(fixtures, {"moody": moody}, **run)) == len(first)
    again = play_matches(fixtures, {"moody": moody}, **run, retry_errors=True)
    assert [m.scheduled for m in again] == fixtures
    assert len(played) == 10 - len(first)


def test_players_made_by_name_are_closed():
    closed = []

    class Closes:
        def begin(self, seat):
            return self

        def act(self, observation, info):
            return 0

        def close(self):
            closed.append(self)

    register_agent("closes", "quintain.agents.scripted:ScriptedAgent")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("quintain.agents.scripted.ScriptedAgent", Closes)
        play_matches([ScheduledMatch(PD, ("closes", "mine"))], {"mine": Closes()})
    assert len(closed) == 1


def test_unknown_players_and_wrong_seats_are_refused():
    with pytest.raises(UnknownNameError):
        play_matches([ScheduledMatch(PD, ("grimm", "joss"))], {})
    with pytest.raises(ConfigurationError, match="4 seats"):
        play_matches([ScheduledMatch("public_goods", ("grim", "joss"))], {})


def test_invalid_settings_are_refused_before_the_first_match(tmp_path):
    def serve(request):
        return Reply(request.choices[0], "choice", completion_tokens=2)

    agents = {"model": LLMPlayer(ScriptedEngine(serve))}
    with pytest.raises(ConfigurationError, match="label 'J' takes 2 tokens"):
        play_matches([ScheduledMatch(PD, ("model", "grim"))], agents, out=tmp_path / "run")
    agents = {"model": LLMPlayer(ScriptedEngine(first_named), debias="labels")}
    with pytest.raises(ConfigurationError, match="debiasing needs log-probabilities"):
        play_matches([ScheduledMatch(PD, ("model", "grim"))], agents, out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("start", "reason"),
    [
        (lambda out: tournament(["tit-for-tat", "grim"], "rock_paper_scissors", repetitions=1, out=out), "two options"),
        (lambda out: sweep(["tit-for-tat"], [PD, "rock_paper_scissors"], out=out), "tit-for-tat.*two options"),
        (
            lambda out: play_matches([ScheduledMatch(PD, ("grim", "joss"))], {}, env={"history": "private"}, out=out),
            "grim reacts .*; joss reacts",
        ),
        (
            lambda out: tournament(
                ["model"], "rock_paper_scissors", agents={"model": LLMPlayer(ScriptedEngine(first_named))}, out=out
            ),
            "3 options and the labels are only",
        ),
    ],
)
def test_players_that_cannot_play_a_game_are_refused_before_the_first_match(start, reason, tmp_path):
    with pytest.raises(ConfigurationError, match=reason) as caught:
        start(tmp_path / "run")
    assert "resume" not in str(caught.value)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("seat", [2, -1])
def test_a_sweep_refuses_seats_that_do_not_exist(seat):
    with pytest.raises(ConfigurationError, match="seats 0 and 1"):
        sweep(["hedge"], [PD], seats=[0, seat])


def test_players_of_any_number_of_options_meet_in_other_games():
    result = tournament(["hedge", "fictitious-play"], "rock_paper_scissors", rounds=5, repetitions=1)
    assert result.payoffs[0, 1] == -result.payoffs[1, 0]
    player = LLMPlayer(ScriptedEngine(first_named), labels=("J", "F", "K"))
    assert tournament(["model"], "rock_paper_scissors", rounds=2, repetitions=1, agents={"model": player}).matches == 1


def test_runs_of_other_kinds_are_refused(tmp_path):
    line = {"index": 0, "seed": 0, "outcome": "success", "returns": {"agent": 1.0}, "schema": 1}
    (tmp_path / "episodes.jsonl").write_text(json.dumps(line) + "\n")
    with pytest.raises(RecordError, match="not a match"):
        load_matches(tmp_path)


# -- tournaments ---------------------------------------------------------------------------------------------------


def test_both_engines_give_the_same_deterministic_tournament():
    names = ["tit-for-tat", "grim", "always-defect", "tester", "win-stay-lose-shift"]
    fast = tournament(names, rounds=30, repetitions=2)
    slow = tournament([*names, "fictitious-play"], rounds=30, repetitions=2)
    assert not fast.played
    assert slow.played
    assert np.allclose(fast.payoffs, slow.payoffs[:5, :5])
    assert np.allclose(fast.cooperation, slow.cooperation[:5, :5])
    assert fast.scores.mean(axis=1) == pytest.approx(fast.payoffs.mean(axis=1))


def test_known_payoffs_and_ranking():
    result = tournament(["always-cooperate", "always-defect", "tit-for-tat"], rounds=10, repetitions=1)
    assert result.payoffs.tolist() == [[3, 0, 3], [5, 1, 1.4], [3, 0.9, 3]]
    assert [name for name, _ in result.ranking()] == ["always-defect", "tit-for-tat", "always-cooperate"]


def test_asymmetric_games_are_played_from_both_seats():
    result = tournament(["always-cooperate", "alternator"], BOS, rounds=10, repetitions=1)
    assert result.matches == 4
    assert result.payoffs[0].tolist() == [8.5, 4.25]  # football with itself: 10 and 7; with the alternator: half of it


def test_stochastic_players_have_intervals_over_repetitions():
    ranking = dict(tournament(["random", "tit-for-tat"], rounds=50, repetitions=20, seed=1).ranking())
    assert ranking["random"].n == 20
    assert ranking["random"].low < ranking["random"].estimate < ranking["random"].high


def test_a_language_model_can_take_part():
    player = LLMPlayer(ScriptedEngine(first_named), order="first")
    result = tournament(["model", "always-defect"], rounds=5, repetitions=1, agents={"model": player})
    assert result.payoffs.tolist() == [[3, 0], [5, 1]]


@pytest.mark.parametrize("arguments", [{"players": []}, {"players": ["grim", "grim"]}, {"game": "public_goods"}])
def test_invalid_tournaments_are_refused(arguments):
    with pytest.raises(ConfigurationError):
        tournament(**({"players": ["grim"]} | arguments))


# -- sweeps --------------------------------------------------------------------------------------------------------


def test_samples_of_games_keep_the_proportions_of_families():
    assert len(sample_games(144)) == 144
    drawn = sample_games(36, seed=1)
    assert drawn == sample_games(36, seed=1)
    assert drawn != sample_games(36, seed=2)
    from quintain.envs.games import load_game

    families = [load_game(name).family for name in drawn]
    for letter, size in {"W": 36, "B": 44, "U": 19, "C": 18, "S": 12, "P": 7, "T": 8}.items():
        assert abs(families.count(letter) - size / 4) < 2


def test_scores_over_all_144_games_do_not_depend_on_the_seat():
    """The set is closed under role swap, so a pure best reply earns the same from either seat."""
    matches = sweep(["always-cooperate", "best-response"], sample_games(144), rounds=4)
    assert len(matches) == 144 * 4
    alone = [match for match in matches if set(match.scheduled.agents) == {"best-response"}]
    totals = [sum(metrics.score(match, seat) for match in alone) for seat in (0, 1)]
    assert abs(totals[0] - totals[1]) / totals[0] < 0.05


def test_scores_by_family_leave_tragic_games_out_of_the_total():
    matches = sweep(["always-cooperate"], ["ordinal_4_6", "ordinal_7_1"], rounds=2)
    scores = score_by_family(matches, "always-cooperate")
    assert set(scores) == {"T", "W", "all"}
    assert scores["all"].n == scores["W"].n == 1  # the seats of one match are one sample


def test_players_are_compared_in_pairs():
    matches = sweep(
        ["always-defect", "always-cooperate"], [PD], opponents=["always-cooperate"], rounds=3, repetitions=2
    )
    difference = compare_players(matches, "always-defect", "always-cooperate")
    assert difference.estimate == pytest.approx(0.2)
    assert difference.n == 4  # two seats, two repetitions
    with pytest.raises(ConfigurationError, match="never played"):
        compare_players(matches, "always-defect", "grim")


def test_both_seats_of_self_play_are_one_sample():
    matches = play_matches([ScheduledMatch(PD, ("random", "random"), repetition) for repetition in range(6)], {})
    summary = metrics.summarise(matches, "random")
    assert summary["defection"].n == 6
    hand = [np.mean([metrics.defection(match, seat) for seat in (0, 1)]) for match in matches]
    assert summary["defection"].estimate == pytest.approx(np.mean(hand))
    ordinal = play_matches([ScheduledMatch(name, ("random", "random")) for name in sample_games(4)], {})
    assert sum(score_by_family(ordinal, "random")[letter].n for letter in "WBUCSPT" if letter in
               score_by_family(ordinal, "random")) == 4  # fmt: skip


class Sometimes:
    """Plays option 0; raises in given matches."""

    def __init__(self, fails):
        self.fails = fails
        self.matches = 0

    def begin(self, seat):
        self.matches += 1
        if self.fails(self.matches):
            raise SandboxError("down")
        return self

    def act(self, observation, info):
        return 0


def test_only_complete_repetitions_are_ranked():
    broken = Sometimes(lambda match: match == 1)
    with pytest.warns(RuntimeWarning, match="1 of 9 matches failed.*the first, infrastructure: sandbox: down"):
        result = tournament(["mine", "always-defect"], rounds=2, repetitions=3, agents={"mine": broken}, concurrency=1)
    assert result.scores.shape == (2, 2)
    assert np.isfinite(result.scores).all()
    with pytest.raises(ConfigurationError, match="in every repetition"), pytest.warns(RuntimeWarning):
        tournament(["mine", "always-defect"], rounds=2, repetitions=2, agents={"mine": Sometimes(lambda match: True)})


def test_a_player_without_a_legal_move_has_no_cooperation():
    mute = LLMPlayer(ScriptedEngine("neither"), constrained=False)
    result = tournament(["mute", "always-defect"], rounds=3, repetitions=1, agents={"mute": mute})
    assert np.isnan(result.cooperation[0, 1])
    assert result.cooperation[1, 0] == 0


def test_illegal_moves_have_the_penalty_of_the_game():
    result = tournament(["mine", "always-defect"], rounds=4, repetitions=1, agents={"mine": lambda observation: 5})
    assert result.payoffs[0, 1] == -5  # the spread of the classic payoffs, every round
    assert dict(result.ranking())["mine"].estimate < 0
    legal = tournament(["model", "grim"], rounds=4, repetitions=1, agents={"model": lambda observation: 0})
    assert legal.payoffs[0, 1] == pytest.approx(np.mean([m.payoffs[:, 0].mean() for m in legal.played
                                                         if m.scheduled.agents == ("model", "grim")]))  # fmt: skip


def test_an_agent_object_in_a_schedule_is_refused_with_the_right_argument():
    with pytest.raises(ConfigurationError, match="players are names, got function; name it in agents"):
        tournament(["grim", lambda observation: 0])
