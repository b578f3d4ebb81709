"""Learners in repeated games converge to the behaviour predicted by theory."""

import gymnasium
import numpy as np
import pytest

import quintain
from quintain.agents.games.learners import PolicyGradient, QLearner
from quintain.envs.games import RepeatedGame
from quintain.errors import ConfigurationError
from quintain.training.self_play import SelfPlaySettings, train_self_play
from quintain.training.sources import Matches


def matches(rounds, **opponents):
    return Matches("RepeatedGame-v0", opponents, {"rounds": rounds})


def rewards(trained, *seats):
    return np.array([[row[f"reward/{seat}"] for seat in seats] for row in trained.curve])


@pytest.mark.parametrize("make", [lambda: QLearner(gamma=0.5), lambda: PolicyGradient(rate=0.2, gamma=0.5)])
def test_learners_defect_against_unconditional_cooperators(make):
    settings = SelfPlaySettings(episodes=300)
    trained = train_self_play({"player_0": make()}, matches(20, player_1="always-cooperate"), settings, seed=1)
    curve = rewards(trained, "player_0")
    assert curve[-30:].mean() > 9.3 > curve[0]


@pytest.mark.parametrize("seed", range(3))
def test_q_learning_with_high_discount_cooperates_with_tit_for_tat(seed):
    """With a high discount factor, mutual cooperation at 8 per round is worth more than defection followed by 5."""
    learner = QLearner(gamma=0.95, epsilon=0.3, alpha=0.05)
    train_self_play(learner, matches(60, player_1="tit-for-tat"), SelfPlaySettings(episodes=300), seed=seed)
    learner.epsilon = 0.0
    report = quintain.play(RepeatedGame(rounds=60), {"player_0": learner, "player_1": "tit-for-tat"})
    # The state before the first round is visited once an episode, so the first move alone may still be a defection:
    # 10 and then 0, instead of 8 twice.
    assert report.returns["player_0"].estimate in (60 * 8, 10 + 0 + 58 * 8)


def test_independent_learners_converge_to_defection_in_the_one_shot_dilemma():
    learners = {seat: PolicyGradient(rate=0.5) for seat in ("player_0", "player_1")}
    trained = train_self_play(learners, matches(1), SelfPlaySettings(episodes=1500))
    assert rewards(trained, "player_0", "player_1")[-100:].mean() < 5.6


def test_one_learner_alone_learns_from_both_seats():
    learner = PolicyGradient(rate=0.5)
    trained = train_self_play(learner, matches(1), SelfPlaySettings(episodes=600))
    assert rewards(trained, "player_0", "player_1")[-60:].mean() < 5.6
    assert trained.policy.players == {"player_0": learner, "player_1": learner}


def test_one_q_learning_update_equals_the_hand_computed_one():
    learner = QLearner(alpha=0.5, gamma=0.9)
    learner.learn([0, 1], [1, 0], [10.0, 8.0])
    assert learner.table[0, 1] == 5.0  # 0.5 (10 + 0.9 * 0)
    assert learner.table[1, 0] == 4.0  # 0.5 * 8, nothing follows


def test_the_policy_gradient_points_to_the_higher_return():
    learner = PolicyGradient(rate=1.0, gamma=0.0)
    learner.learn([0], [0], [1.0])
    learner.learn([0], [1], [3.0])
    assert learner.table[0, 1] > learner.table[0, 0]


def test_what_was_trained_plays_every_seat_that_it_has_learned():
    learner = QLearner()
    trained = train_self_play({"player_0": learner}, matches(10, player_1="random"), SelfPlaySettings(episodes=20))
    assert quintain.play(RepeatedGame(), {"player_0": trained, "player_1": "grim"}).errors == 0
    with pytest.raises(ConfigurationError, match="no player of seat 'player_1'"):
        quintain.play(RepeatedGame(), {"player_0": "grim", "player_1": trained})


@pytest.mark.slow
def test_stable_baselines3_learns_in_the_single_agent_view():
    sb3 = pytest.importorskip("stable_baselines3", reason="stable-baselines3 is not installed")
    import torch

    torch.set_num_threads(1)
    env = gymnasium.make("RepeatedGame-v0", view="flat", opponent="always-cooperate")
    model = sb3.PPO("MlpPolicy", env, n_steps=200, batch_size=100, learning_rate=3e-3, seed=0, device="cpu")
    model.learn(2000)
    report = quintain.evaluate(
        "RepeatedGame-v0", model, episodes=3, env_kwargs={"view": "flat", "opponent": "always-cooperate"}
    )
    assert report.errors == 0
    assert report.reward.estimate > 80  # what a cooperator earns


def test_invalid_arguments_are_refused():
    with pytest.raises(ConfigurationError):
        QLearner(alpha=0)
    with pytest.raises(ConfigurationError):
        PolicyGradient((1, 2))
    with pytest.raises(ConfigurationError, match="episodes"):
        SelfPlaySettings(episodes=0)


@pytest.mark.parametrize(
    ("policy", "opponents", "message"),
    [
        ({"player_0": QLearner()}, {}, "for each of player_0, player_1"),
        ({"player_0": QLearner()}, {"player_0": "grim", "player_1": "grim"}, "for each of"),
        (QLearner(), {"player_0": "grim", "player_1": "grim"}, "one learner at least"),
        (QLearner(), {"player_7": "grim"}, "opponents for player_7"),
        ({"player_0": "grim"}, {"player_1": "grim"}, "tabular learners"),
        ("grim", {}, "tabular learners"),
    ],
)
def test_seats_without_a_player_and_other_learners_are_refused(policy, opponents, message):
    with pytest.raises(ConfigurationError, match=message):
        train_self_play(policy, matches(2, **opponents))
