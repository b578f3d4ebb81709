"""Policies that are greedy in action values, and policies that observe dictionaries, as victims of attacks."""

from dataclasses import replace

import gymnasium as gym
import numpy as np
import pytest
from attacked_envs import linear
from gymnasium import spaces
from gymnasium.vector import SyncVectorEnv

import quintain
from quintain.agents.policies import Policy
from quintain.attacks import AdversarySettings, SARLAttack, attack, train_adversary
from quintain.attacks.adversary import ADVERSARY_PPO
from quintain.attacks.budget import Ball
from quintain.attacks.divergence import FGSM, MAD
from quintain.errors import CapabilityError, ConfigurationError
from quintain.experiments.robustness import robustness

#: Q(s, 0) = s_0 - s_1, Q(s, 1) = -s_0: the other action gains most where s_0 falls and s_1 rises.
VALUES = np.array([[1.0, -1.0], [-1.0, 0.0]])
STATES = spaces.Box(-np.inf, np.inf, (2,), np.float64)
SMALL = AdversarySettings(steps=512, ppo=replace(ADVERSARY_PPO, n_envs=4, n_steps=32, batch_size=64))


class Sign(gym.Env):
    """Ten steps; the action ought to be 0 where 2 s_0 > s_1, which pays 1."""

    observation_space, action_space = STATES, spaces.Discrete(2)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.steps, self.state = 0, self.np_random.normal(size=2)
        return self.observe(), {}

    def observe(self):
        return self.state.copy()

    def step(self, action):
        self.steps += 1
        right = int(action) == int(2 * self.state[0] < self.state[1])
        self.state = self.np_random.normal(size=2)
        return self.observe(), float(right), False, self.steps == 10, {}


class Parts(Sign):
    """The same with a dictionary: ``a`` is the second number, ``b`` the first one."""

    observation_space = spaces.Dict({name: spaces.Box(-np.inf, np.inf, (1,), np.float64) for name in ("b", "a")})

    def observe(self):
        return {"b": self.state[:1].copy(), "a": self.state[1:].copy()}


def greedy(scale=1.0, space=STATES):
    weight = VALUES if space is STATES else VALUES[:, ::-1]  # dictionaries are sorted by name
    return Policy(linear(scale * weight), space, spaces.Discrete(2), head="greedy", name="greedy")


def proposed(method, epsilon, states):
    rng = np.random.default_rng(0)
    noise = np.stack([method.draw(rng, Ball(epsilon), states.shape[1]) for _ in states])
    return method.propose(states, noise, Ball(epsilon))


@pytest.mark.parametrize("scale", [1e-9, 1.0, 1e9])
def test_the_gradient_of_action_values_does_not_depend_on_the_scale_of_rewards(scale):
    states = np.random.default_rng(1).normal(size=(20, 2))
    chosen = np.sign(VALUES[0] - VALUES[1]) * np.where(greedy(scale).act_batch(states) == 0, -1, 1)[:, None]
    np.testing.assert_allclose(proposed(FGSM(greedy(scale)), 0.3, states), 0.3 * chosen)
    moved = proposed(MAD(greedy(scale), steps=30), 0.3, states)
    assert np.abs(moved).max() <= 0.3
    assert (np.abs(moved).min(axis=1) > 0.25).mean() > 0.7  # a corner, this one or the opposite
    assert (np.sign(moved[:, 0]) == -np.sign(moved[:, 1])).mean() > 0.7


@pytest.mark.parametrize("make", [Sign, Parts])
@pytest.mark.parametrize("name", ["random", "fgsm", "mad"])
def test_attacks_change_the_actions_of_a_greedy_policy(make, name):
    victim = greedy(1000.0, make.observation_space)
    table = robustness(make, victim, [name], [0.0, 0.5, 3.0], episodes=5)
    rewards = {row.epsilon: row.reward.estimate for row in table.rows if row.attack == name}
    assert rewards[0.0] == 10.0
    assert rewards[3.0] < rewards[0.5] < 10.0
    if name == "fgsm":
        assert rewards[3.0] < 1.0  # nearly every state is within 3 of the other action's


@pytest.mark.parametrize("vector", [False, True])
def test_dictionaries_are_attacked_as_the_flat_vectors_that_they_are_made_of(vector):
    victim = greedy(space=Parts.observation_space)
    env = attack(SyncVectorEnv([Parts] * 2) if vector else Parts(), "random", victim, epsilon=0.2)
    env.reset(seed=1)
    for _ in range(12):
        observation, _, _, _, info = env.step(np.zeros(2, np.int64) if vector else 0)
        report = info["attack"]["random"]
        difference = np.abs(observation - report["true_observation"])
        assert 0 < difference.max() <= 0.2
    # In the order of the space, as the policy flattens them.
    flat = spaces.flatten(
        Parts.observation_space, (env.unwrapped.envs[0] if vector else env.unwrapped).unwrapped.observe()
    )
    np.testing.assert_array_equal(np.atleast_2d(report["true_observation"])[0], flat)


def test_a_single_episode_under_attack_is_played_by_the_policy_itself():
    victim = greedy(space=Parts.observation_space)
    report = quintain.evaluate(lambda: attack(Parts(), "fgsm", victim, epsilon=5.0), victim, episodes=5, progress=False)
    clean = quintain.evaluate(Parts, victim, episodes=5, progress=False)
    assert clean.reward.estimate == 10.0
    assert report.reward.estimate == 0.0
    assert report.errors == 0


@pytest.mark.parametrize("make", [Sign, Parts])
def test_an_adversary_learns_against_a_greedy_policy(make):
    victim = greedy(space=make.observation_space)
    method = train_adversary(make, victim, epsilon=0.5, settings=SMALL, seed=0)
    env = SARLAttack(make(), victim, method, epsilon=0.5)
    observation, info = env.reset(seed=0)
    assert 0 < np.abs(observation - info["attack"]["sa-rl"]["true_observation"]).max() <= 0.5


def test_what_a_greedy_policy_lacks_is_named():
    with pytest.raises(CapabilityError, match="discrete"):
        attack(Sign(), "target", greedy(), greedy(), epsilon=0.1)
    with pytest.raises(CapabilityError, match="critic"):
        attack(Sign(), "critic", greedy(), epsilon=0.1)
    with pytest.raises(ConfigurationError, match="greedy policy does not fit"):
        Policy(linear(VALUES), STATES, spaces.Box(-1, 1, (2,)), head="greedy")


def test_models_of_dqn_and_qrdqn_are_victims():
    torch = pytest.importorskip("torch")
    pytest.importorskip("sb3_contrib")
    from sb3_contrib import QRDQN
    from stable_baselines3 import DQN

    torch.set_num_threads(1)
    for kind in (DQN, QRDQN):
        model = kind("MlpPolicy", "CartPole-v1", buffer_size=10, seed=0)
        table = robustness("CartPole-v1", Policy.from_sb3(model), ["random", "fgsm", "mad"], [0.1], episodes=2)
        assert {row.attack for row in table.rows} == {"clean", "random", "fgsm", "mad"}
