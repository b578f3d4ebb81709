"""Tabular learners: single updates by hand, paired random numbers, and what designed rewards are for."""

from dataclasses import replace

import gymnasium as gym
import numpy as np
import pytest

import quintain
from quintain.agents.policies import TablePolicy, load_policy
from quintain.envs.tabular import line_key
from quintain.errors import CapabilityError, ConfigurationError, RecordError
from quintain.mdp import evaluate_policy, value_iteration
from quintain.rewards.shaping import Episodes, FixedReward, design_exprd, design_potential
from quintain.seeding import SeedStream
from quintain.training.control.tabular import (
    QLearningSettings,
    ReinforceSettings,
    train_q_learning,
    train_reinforce,
)
from quintain.training.control.tabular_learners import QLearner, Reinforce
from quintain.training.control.tabular_runs import TabularRuns
from quintain.training.sources import Worlds


def one(*values, dtype=np.intp):
    return np.array(values, dtype)


def test_a_step_of_q_learning_by_hand():
    learner = QLearner(2, (3, 2), gamma=0.5, alpha=0.5)
    learner.table[:, 1] = [4.0, 2.0]
    learner.step(one(0, 0), one(1, 1), np.array([1.0, 1.0]), one(1, 1), np.array([True, False]))
    # 0 + 0.5 (1 + 0.5 * 4 - 0); the second run has ended and learns nothing.
    assert learner.table[:, 0].tolist() == [[0, 1.5], [0, 0]]


def test_epsilon_greedy_actions_share_ties():
    learner = QLearner(1, (2, 4), gamma=0.9, epsilon=0.2)
    learner.table[0, 1] = [1.0, 1.0, 0.0, 0.0]
    np.testing.assert_allclose(learner.policy()[0], [[0.25] * 4, [0.45, 0.45, 0.05, 0.05]])
    np.testing.assert_allclose(learner.greedy()[0, 1], [0.5, 0.5, 0, 0])
    assert [int(learner.choose(one(1), np.array([u]))[0]) for u in (0.1, 0.5, 0.92, 0.99)] == [0, 1, 2, 3]


def test_a_step_of_reinforce_by_hand():
    learner = Reinforce(1, (2, 2), gamma=0.5, alpha=1.0)
    played = Episodes(
        one([0, 1, 0], dtype=np.intp), one([1, 0, 0]), np.zeros((1, 3)), np.array([[1.0, 2.0, 0.0]]),
        np.array([[True, True, False]]),
    )  # fmt: skip
    learner.update([played])
    # Returns 2 and 2, two steps, uniform policy: +-2 * 0.5 / 2.
    np.testing.assert_allclose(learner.table[0], [[-0.5, 0.5], [0.5, -0.5]])
    np.testing.assert_allclose(learner.policy()[0, 0, 1], 1 / (1 + np.exp(-1)))


def trained(runs, seeds, episodes=40, learner=Reinforce):
    mdp = line_key()
    made = learner(runs, mdp.shape, mdp.gamma)
    tables = np.stack([design_potential(mdp).rewards] * runs)
    TabularRuns(mdp, made, FixedReward(tables), [SeedStream(0, seed) for seed in seeds], 30).play(episodes)
    return made.table


@pytest.mark.parametrize("learner", [Reinforce, QLearner])
def test_a_run_depends_on_its_seed_alone(learner):
    found = trained(3, (1, 2, 1), learner=learner)
    assert np.array_equal(found[0], found[2])
    assert not np.array_equal(found[0], found[1])
    assert np.array_equal(found[1], trained(1, (2,), learner=learner)[0])


def test_a_designed_reward_teaches_where_the_original_one_does_not():
    mdp, n = line_key(), 6
    tables = [mdp.rewards, design_exprd(mdp).rewards, design_potential(mdp).rewards]
    learner = QLearner(3 * n, mdp.shape, mdp.gamma)
    shaper = FixedReward(np.repeat(tables, n, axis=0))
    runs = TabularRuns(mdp, learner, shaper, [SeedStream(0, seed) for _ in tables for seed in range(n)], 30)
    runs.play(250)
    found = evaluate_policy(mdp, learner.greedy()).reshape(3, n).mean(axis=1) / (
        value_iteration(mdp).values @ mdp.initial
    )
    assert found[0] < 0.2
    assert found[1] > 0.5
    assert found[2] > 0.95


def test_a_learned_table_is_an_agent_with_records(tmp_path):
    mdp = line_key()
    q = value_iteration(mdp).action_values
    policy = TablePolicy(np.eye(3)[q.argmax(axis=1)], name="best")
    report = quintain.evaluate("Tabular/LineKey-v0", policy, episodes=40, seed=0, out=tmp_path / "run")
    assert report.success.estimate > 0.6
    policy.save(tmp_path / "policy.npz", {"method": "test"})
    again = quintain.evaluate("Tabular/LineKey-v0", str(tmp_path / "policy.npz"), episodes=40, seed=0)
    assert [e.reward for e in again.episodes] == [e.reward for e in report.episodes]
    assert quintain.compare(report, again).ties == 40


def test_a_table_plays_only_where_it_fits(tmp_path):
    policy = TablePolicy(np.full((21, 3), 1 / 3))
    with pytest.raises(CapabilityError, match=r"Discrete\(21\) observations"):
        quintain.evaluate("Tabular/Room-v0", policy, episodes=1)
    with pytest.raises(ConfigurationError, match="add up to 1"):
        TablePolicy(np.ones((2, 2)))
    policy.save(tmp_path / "policy.npz")
    with pytest.raises(ConfigurationError, match=r"TablePolicy\.load"):
        load_policy(tmp_path / "policy.npz")
    with pytest.raises(ConfigurationError, match="no table"):
        TablePolicy.load(tmp_path / "other.npz")


class Opposite(gym.RewardWrapper):
    def reward(self, reward):
        return -reward


QUICK = {"episodes": 4, "horizon": 5, "eval_every": 2}
TRAINERS = [(train_q_learning, QLearningSettings), (train_reinforce, ReinforceSettings)]


@pytest.mark.parametrize(("train", "settings"), TRAINERS)
def test_a_wrapper_that_would_have_no_effect_is_refused(train, settings):
    made = []

    def make(*wrappers):
        def factory():
            env = gym.make("FrozenLake-v1")  # in Gymnasium's own wrappers, a time limit among them
            for wrapper in wrappers:
                env = wrapper(env)
            made.append(closed(env))
            return env

        return Worlds(factory)

    assert train(None, make(), settings(**QUICK)).curve
    with pytest.raises(ConfigurationError, match="the wrapper Opposite would have no effect"):
        train(None, make(Opposite), settings(**QUICK))
    assert [len(closings) for closings in made] == [1, 1]


def closed(env):
    """Return a list that notes the closings of an environment."""
    closings, close = [], env.unwrapped.close
    env.unwrapped.close = lambda: (closings.append(1), close())
    return closings


def test_a_reward_of_another_environment_is_refused(tmp_path):
    design_potential(line_key()).save(tmp_path / "line.npz")
    settings = QLearningSettings(reward=str(tmp_path / "line.npz"), **QUICK)
    with pytest.raises(
        ConfigurationError, match=r"of another environment: expected the shape \(50, 4\), got \(21, 3\)"
    ):
        train_q_learning(None, Worlds("Tabular/Room-v0"), settings)


def test_a_training_is_resumed_only_with_the_same_reward_table(tmp_path):
    reward, worlds = tmp_path / "line.npz", Worlds("Tabular/LineKey-v0")
    table = design_potential(line_key())
    table.save(reward)
    settings = QLearningSettings(reward=str(reward), **QUICK)
    train_q_learning(None, worlds, settings, out=tmp_path / "run")
    train_q_learning(None, worlds, settings, out=tmp_path / "run", resume=True)
    replace(table, rewards=2 * table.rewards).save(reward)
    with pytest.raises(RecordError, match="reward_hash"):
        train_q_learning(None, worlds, settings, out=tmp_path / "run", resume=True)
