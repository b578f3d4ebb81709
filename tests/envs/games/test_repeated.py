"""Repeated games: payoffs, observations, infos, endings and registration."""

import warnings
from functools import partial
from types import SimpleNamespace

import gymnasium
import numpy as np
import pettingzoo
import pytest
from pettingzoo.test import (
    api_test,
    max_cycles_test,
    parallel_api_test,
    parallel_seed_test,
    render_test,
    seed_test,
)

from quintain.envs.games import GAME_IDS, RepeatedGame, load_game, register, repeated_game_v0
from quintain.errors import ConfigurationError

register()

IDS = ["RepeatedGame-v0", *GAME_IDS, "OrdinalGame-6-7-v0", "OrdinalGame-12-1-v0"]


def play(env, *columns, seed=0):
    """Play the given moves of each seat; return all results of ``step``."""
    env.reset(seed=seed)
    results = []
    for moves in zip(*columns, strict=True):
        results.append(env.step({f"player_{seat}": move for seat, move in enumerate(moves)}))
    return results


# -- the published protocol ----------------------------------------------------------------------------------------


def test_ten_rounds_of_grim_against_defect_once_score_90():
    env = RepeatedGame("prisoners_dilemma", rounds=10)
    results = play(env, [0] + [1] * 9, [1] + [0] * 9)
    assert sum(rewards["player_0"] for _, rewards, *_ in results) == 90
    final = results[-1][4]["player_0"]["metrics"]
    assert final["score"] == 90
    assert final["normalised_score"] == pytest.approx(0.9)
    assert results[-1][2] == {"player_0": True, "player_1": True}
    assert env.agents == []


def test_an_alternator_coordinates_with_a_constant_player_in_half_the_rounds():
    results = play(RepeatedGame("battle_of_the_sexes"), [0] * 10, [0, 1] * 5)
    assert [rewards["player_0"] for _, rewards, *_ in results] == [10, 0] * 5


def test_a_player_who_follows_the_alternator_scores_85():
    results = play(RepeatedGame("battle_of_the_sexes"), [0, 1] * 5, [0, 1] * 5)
    assert [results[-1][4][seat]["metrics"]["score"] for seat in ("player_0", "player_1")] == [85, 85]


# -- observations -------------------------------------------------------------------------------------------------


def test_each_seat_sees_its_own_move_first():
    (observations, _, _, _, infos), *_ = play(RepeatedGame(rounds=2), [0, 0], [1, 1])
    assert infos["player_0"]["moves"] == (0, 1)
    assert infos["player_1"]["moves"] == (1, 0)
    assert infos["player_1"]["payoffs"] == (10.0, 0.0)
    assert observations["player_0"]["observation"].tolist() == [1, 0, 0, 1, 0, 0.5]
    assert observations["player_1"]["observation"].tolist() == [0, 1, 1, 0, 0, 0.5]


def test_before_the_first_round_only_the_start_flag_is_set():
    observations, infos = RepeatedGame().reset(seed=0)
    assert observations["player_0"]["observation"].tolist() == [0, 0, 0, 0, 1, 0]
    assert infos["player_0"]["moves"] is None


def test_longer_memory_puts_the_latest_round_first():
    *_, (observations, *_) = play(RepeatedGame(memory=3, rounds=5), [0, 1, 1, 0], [0, 0, 1, 1])
    assert observations["player_0"]["observation"][:12].tolist() == [1, 0, 0, 1, 0, 1, 0, 1, 0, 1, 1, 0]


def test_private_histories_hide_the_opponents_moves():
    (observations, _, _, _, infos), *_ = play(RepeatedGame(history="private", view="both", rounds=1), [0], [1])
    assert infos["player_0"]["moves"] == (0, -1)
    assert infos["player_0"]["payoffs"] == (0.0, None)
    assert observations["player_0"]["observation"][2:4].tolist() == [0, 0]
    assert "chose defect" not in observations["player_0"]["text"]


def test_a_hidden_horizon_is_in_no_observation_text_or_rules():
    env = RepeatedGame(rounds=37, horizon="hidden", view="both")
    observations, infos = env.reset(seed=0)
    assert infos["player_0"]["rules"]["rounds"] is None
    assert "37" not in observations["player_0"]["text"]
    observations, *_ = env.step({"player_0": 0, "player_1": 0})
    assert observations["player_0"]["observation"][-1] == 0


def test_text_observations_are_per_player_and_text_actions_are_accepted():
    env = RepeatedGame("battle_of_the_sexes", rounds=2, view="text", unit="coins")
    observations, _ = env.reset(seed=0)
    assert "If you choose ballet and the other player chooses ballet, you earn 10 coins" in observations["player_1"]
    observations, rewards, *_ = env.step({"player_0": "Football", "player_1": "I choose football."})
    assert rewards == {"player_0": 10.0, "player_1": 7.0}
    assert (
        "Round 1: you chose football and earned 7 coins; the other player chose football and earned 10 coins."
        in (observations["player_1"])
    )


def test_array_and_text_views_describe_the_same_state():
    moves = [0, 1, 1, 0], [1, 1, 0, 0]
    numeric, both = (play(RepeatedGame(view=view, rounds=4), *moves) for view in ("numeric", "both"))
    for left, right in zip(numeric, both, strict=True):
        assert left[1:] == right[1:]
        for seat in left[0]:
            assert np.array_equal(left[0][seat]["observation"], right[0][seat]["observation"])


# -- illegal moves, noise, endings ---------------------------------------------------------------------------------


@pytest.mark.parametrize("action", [2, -1, None, "cooperate", 0.0, True, float("nan"), [0], np.array([0, 1])])
def test_an_illegal_move_voids_the_round_with_a_penalty(action):
    (_, rewards, _, _, infos), *_ = play(RepeatedGame(), [action], [1])
    assert rewards == {"player_0": -10.0, "player_1": 0.0}
    assert infos["player_0"]["invalid_action"]
    assert not infos["player_1"]["invalid_action"]
    assert infos["player_1"]["moves"] == (1, -1)
    assert sum(infos["player_0"]["reward_terms"].values()) == -10.0


@pytest.mark.parametrize("action", ["", "both cooperate and defect", "\ud800", "x" * 100_000, 0, None])
def test_text_that_names_no_option_is_a_parse_error(action):
    (_, rewards, _, _, infos), *_ = play(RepeatedGame(view="text"), [action], ["defect"])
    assert rewards["player_0"] == -10.0
    assert infos["player_0"]["parse_error"]
    assert not infos["player_0"]["invalid_action"]


def test_a_player_with_an_illegal_move_has_no_success():
    results = play(RepeatedGame("prisoners_dilemma", rounds=3), [9, 1, 1], [0, 0, 0])
    assert not results[-1][4]["player_0"]["success"]
    assert results[-1][4]["player_0"]["metrics"]["illegal_moves"] == 1


def test_numpy_integers_are_legal_moves():
    (_, rewards, *_), *_ = play(RepeatedGame(), [np.int64(1)], [np.array(0)])
    assert rewards == {"player_0": 10.0, "player_1": 0.0}


def test_trembling_hand_noise_has_the_given_rate():
    env = RepeatedGame(rounds=2000, noise=0.2)
    play(env, [0] * 2000, [1] * 2000)
    slips = np.mean([[own != 0, other != 1] for own, other in env.history], axis=0)
    assert np.all(np.abs(slips - 0.2) < 4 * np.sqrt(0.2 * 0.8 / 2000))


def test_noise_of_probability_1_always_plays_another_option():
    env = RepeatedGame("rock_paper_scissors", rounds=60, noise=1.0)
    play(env, [0] * 60, [1] * 60)
    assert {own for own, _ in env.history} == {1, 2}
    assert {other for _, other in env.history} == {0, 2}


def test_random_endings_have_the_geometric_mean():
    env, lengths = RepeatedGame(rounds=1000, continuation=0.8), []
    for seed in range(400):
        env.reset(seed=seed)
        while env.agents:
            _, _, terminations, truncations, _ = env.step({"player_0": 0, "player_1": 0})
        lengths.append(len(env.history))
        assert terminations["player_0"]
        assert not truncations["player_0"]
    assert abs(np.mean(lengths) - 5) < 4 * np.sqrt(0.8 / 0.04 / 400)  # mean 1/(1-p), variance p/(1-p)^2


def test_reaching_the_cap_of_a_random_horizon_truncates():
    *_, (_, _, terminations, truncations, _) = play(RepeatedGame(rounds=1, continuation=0.999), [0], [0])
    assert (terminations["player_0"], truncations["player_0"]) == (False, True)


def test_instances_do_not_influence_each_other():
    def trace(*envs):
        for env in envs:
            env.reset(seed=5)
        for _ in range(20):
            for env in envs:
                env.step({"player_0": 0, "player_1": 0})
        return [env.history for env in envs]

    make = lambda: RepeatedGame(rounds=20, noise=0.5)  # noqa: E731
    alone = trace(make())
    assert trace(make(), make()) == alone * 2


def test_outcomes_do_not_share_mutable_state():
    env = RepeatedGame(rounds=3)
    _, first = env.reset(seed=0)
    first["player_0"]["rules"]["payoffs"][0][0][0] = 99
    _, _, _, _, infos = env.step({"player_0": 0, "player_1": 0})
    infos["player_0"]["reward_terms"]["payoff"] = 99
    observations, _, _, _, again = env.step({"player_0": 0, "player_1": 0})
    assert again["player_0"]["reward_terms"]["payoff"] == 8
    assert env.reset()[1]["player_0"]["rules"]["payoffs"][0][0][0] == 8
    for shared in observations["player_0"].values():
        with pytest.raises(ValueError, match="read-only"):
            shared[0] = 1


@pytest.mark.parametrize(
    "arguments",
    [
        {"rounds": 0},
        {"rounds": 2.5},
        {"rounds": True},
        {"continuation": 1.0},
        {"noise": 1.5},
        {"noise": float("nan")},
        {"history": "secret"},
        {"unit": "euros"},
        {"view": "pixels"},
        {"memory": 0},
        {"max_cycles": 0},
        {"game": {"payoff": []}},
        {"game": {"payoffs": np.zeros((2, 2, 2)).tolist(), "options": [["a", "a"], ["b", "c"]]}},
    ],
)
def test_arguments_out_of_range_are_refused(arguments):
    with pytest.raises(ConfigurationError):
        RepeatedGame(**arguments)


# -- the libraries' own checkers -----------------------------------------------------------------------------------


def pettingzoo_checks(env_id):
    """Run all applicable API tests of PettingZoo."""
    parallel, aec = partial(pettingzoo.make, "parallel", env_id), partial(pettingzoo.make, "aec", env_id)
    chance = {"noise": 0.3, "continuation": 0.9, "rounds": 50}
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Observation (space|is not)")  # a Dict, because of the mask
        parallel_api_test(parallel(), num_cycles=25)
        api_test(aec(), num_cycles=25)
        api_test(aec(view="both"), num_cycles=25)
    seed_test(lambda: aec(**chance), num_cycles=10)
    parallel_seed_test(lambda: parallel(**chance), num_cycles=10)
    max_cycles_test(SimpleNamespace(parallel_env=parallel, env=aec))
    render_test(lambda render_mode: aec(render_mode=render_mode))


@pytest.mark.parametrize("env_id", IDS)
def test_pettingzoo_api_tests_pass(env_id, capsys):
    pettingzoo_checks(env_id)


@pytest.mark.parametrize("row", range(1, 13))
def test_pettingzoo_api_tests_pass_for_the_ordinal_games(row, capsys):
    for column in range(1, 13):
        pettingzoo_checks(f"OrdinalGame-{row}-{column}-v0")


def test_the_text_view_passes_the_parallel_api_test():
    parallel_api_test(pettingzoo.make("parallel", "RepeatedGame-v0", view="text"), num_cycles=25)


def test_the_classic_pettingzoo_module_interface_stops_at_max_cycles():
    max_cycles_test(repeated_game_v0)


def test_moves_are_hidden_until_all_have_chosen():
    env = pettingzoo.make("aec", "RepeatedGame-v0")
    env.reset(seed=0)
    before = env.observe("player_1")["observation"].tolist()
    env.step(1)
    assert env.agent_selection == "player_1"
    assert env.observe("player_1")["observation"].tolist() == before


def test_all_144_games_are_registered_everywhere_with_their_payoffs():
    for row in range(1, 13):
        for column in range(1, 13):
            env_id = f"OrdinalGame-{row}-{column}-v0"
            made = pettingzoo.make("parallel", env_id)
            assert made.game.fingerprint == load_game(f"ordinal_{row}_{column}").fingerprint
            assert env_id in gymnasium.registry


@pytest.mark.parametrize("env_id", IDS)
def test_every_id_passes_the_checks_as_registered(env_id):
    import quintain  # its registration names the strategies as opponents

    report = quintain.check(env_id)
    assert report.ok
    assert report.skipped["different seeds differ"].startswith("nothing is random")


@pytest.mark.parametrize("arguments", [{"opponent": "random"}, {"noise": 0.2}, {"continuation": 0.8}])
def test_games_of_chance_differ_between_seeds(arguments):
    import quintain

    both = [f"pettingzoo {kind} {what}" for kind in ("parallel", "aec") for what in ("api", "seeds")]  # no opponent
    assert "different seeds differ" in quintain.check("RepeatedGame-v0", arguments, skip=both).passed


def test_success_at_the_minimax_value_is_robust_to_rounding():
    env = RepeatedGame([[[0.3, 0.3], [0.0, 0.0]], [[0.3, 0.0], [0.3, 0.0]]], rounds=7)
    env.reset(seed=0)
    for k in range(7):
        _, _, _, _, infos = env.step({"player_0": 0, "player_1": k % 2})
    assert infos["player_0"]["metrics"]["score"] < 7 * 0.3  # by rounding
    assert infos["player_0"]["success"]


def test_large_scores_are_shown_with_all_their_digits():
    game = RepeatedGame({"name": "big", "payoffs": [[[1000001, 0], [0, 0]]] * 2}, rounds=3)
    game.reset(seed=0)
    game.step({"player_0": 0, "player_1": 0})
    assert "1000001" in game.render()
