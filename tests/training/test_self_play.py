"""Learners in repeated games converge to the behaviour predicted by theory."""

import gymnasium
import numpy as np
import pytest

import quintain
from quintain.agents.games.learners import PolicyGradient, QLearner
from quintain.envs.games import RepeatedGame
from quintain.errors import ConfigurationError
from quintain.training.self_play import SelfPlay, self_play


@pytest.mark.parametrize("make", [lambda: QLearner(gamma=0.5), lambda: PolicyGradient(rate=0.2, gamma=0.5)])
def test_learners_defect_against_unconditional_cooperators(make):
    learner = make()
    curve = self_play(
        RepeatedGame(rounds=20), {"player_0": learner, "player_1": "always-cooperate"}, episodes=300, seed=1
    ).rewards
    assert curve[-30:, 0].mean() > 9.3 > curve[0, 0]


@pytest.mark.parametrize("seed", range(3))
def test_q_learning_with_high_discount_cooperates_with_tit_for_tat(seed):
    """With a high discount factor, mutual cooperation at 8 per round is worth more than defection followed by 5."""
    learner = QLearner(gamma=0.95, epsilon=0.3, alpha=0.05)
    self_play(RepeatedGame(rounds=60), {"player_0": learner, "player_1": "tit-for-tat"}, episodes=300, seed=seed)
    learner.epsilon = 0.0
    report = quintain.play(RepeatedGame(rounds=60), {"player_0": learner, "player_1": "tit-for-tat"})
    # The state before the first round is visited once an episode, so the first move alone may still be a defection:
    # 10 and then 0, instead of 8 twice.
    assert report.returns["player_0"].estimate in (60 * 8, 10 + 0 + 58 * 8)


def test_independent_learners_converge_to_defection_in_the_one_shot_dilemma():
    learners = {seat: PolicyGradient(rate=0.5) for seat in ("player_0", "player_1")}
    curve = self_play(RepeatedGame(rounds=1), learners, episodes=1500, seed=0).rewards
    assert curve[-100:].mean() < 5.6


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


def test_training_is_reproducible_and_the_learner_can_be_evaluated():
    curves = []
    for _ in range(2):
        learner = QLearner()
        curves.append(
            self_play(RepeatedGame(), {"player_0": learner, "player_1": "random"}, episodes=20, seed=3).rewards
        )
    assert np.array_equal(*curves)
    assert quintain.play(RepeatedGame(), {"player_0": learner, "player_1": "grim"}).errors == 0


def test_results_have_a_column_for_every_seat():
    found = SelfPlay(["player_0", "player_1"], np.array([[8.0, 8.0], [10.0, 0.0]]))
    assert found.to_rows()[1] == {"match": 1, "player_0": 10.0, "player_1": 0.0}
    with pytest.raises(ValueError, match="longer"):
        SelfPlay(["player_0"], np.zeros((1, 2))).to_rows()


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
    with pytest.raises(ConfigurationError, match="one player"):
        self_play(RepeatedGame(), {"player_0": QLearner()}, episodes=1)
