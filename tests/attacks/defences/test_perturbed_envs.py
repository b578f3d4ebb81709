import numpy as np
import pytest
from attacked_envs import Shift, Walk

pytest.importorskip("stable_baselines3")

import gymnasium as gym

from quintain.agents.policies import Normaliser
from quintain.attacks.budget import Ball
from quintain.attacks.defences.perturbed_envs import PerturbedEnvs
from quintain.errors import ConfigurationError
from quintain.seeding import SeedStream

UNITS = Normaliser(np.array([1.0, 0.0, -1.0]), np.array([2.0, 1.0, 0.5]), 100.0)
ACTIONS = np.array([[0.5, -0.25], [1.0, 1.0]])


def envs(space="raw", normaliser=UNITS, seed=0):
    return PerturbedEnvs(Walk, 2, space, normaliser, SeedStream(seed, "test"))


def under_attack(space):
    made = envs(space)
    made.attack, made.ball = Shift(), Ball(0.25)
    return made


@pytest.mark.parametrize(("space", "moved"), [("raw", 0.25 / UNITS.scale), ("normalised", [0.25] * 3)])
def test_observations_are_perturbed_and_the_environments_step_from_the_true_state(space, moved):
    clean, attacked = envs(space), under_attack(space)
    np.testing.assert_allclose(attacked.reset() - clean.reset(), np.tile(moved, (2, 1)), atol=1e-6)
    for _ in range(4):
        (seen, reward, done, _), (true, own_reward, own_done, _) = attacked.step(ACTIONS), clean.step(ACTIONS)
        np.testing.assert_array_equal(attacked.true, clean.true)
        np.testing.assert_array_equal(reward, own_reward)
        np.testing.assert_array_equal(done, own_done)
        np.testing.assert_allclose(true, UNITS(clean.true), atol=1e-6)
        np.testing.assert_allclose(seen - true, np.tile(moved, (2, 1)), atol=1e-6)
    np.testing.assert_allclose(attacked.radius, moved)


def test_the_final_observation_is_perturbed_and_the_environment_resets():
    made = under_attack("normalised")
    made.reset()
    made.transitions = []
    for _ in range(5):
        before = made.true
        seen, _, done, infos = made.step(ACTIONS)
    assert done.all()
    assert all(info["TimeLimit.truncated"] for info in infos)
    end = before + np.stack([ACTIONS[:, 0], ACTIONS[:, 1], ACTIONS[:, 0] - ACTIONS[:, 1]], 1)
    np.testing.assert_allclose(infos[0]["terminal_observation"], (UNITS(end) + 0.25)[0], atol=1e-6)
    x, actions, rewards, following, ended = made.transitions[-1]
    np.testing.assert_allclose(x, UNITS(before))
    np.testing.assert_allclose(following, UNITS(end))
    np.testing.assert_array_equal(actions, ACTIONS)
    np.testing.assert_allclose(rewards, end[:, 0])
    assert not ended.any()  # truncated, not terminated
    np.testing.assert_allclose(seen, UNITS(made.true) + 0.25, atol=1e-6)


def test_running_statistics_are_those_of_the_true_observations_until_they_are_frozen():
    made = envs(normaliser=None)
    made.attack, made.ball = Shift(), Ball(0.25)
    gathered = [made.reset() * 0 + made.true]
    for _ in range(3):
        made.step(ACTIONS)
        gathered.append(made.true)
    np.testing.assert_allclose(made.normaliser.mean, np.concatenate(gathered).mean(0), atol=1e-3)
    made.freeze()
    frozen = made.normaliser
    made.step(ACTIONS)
    assert made.normaliser is frozen


def test_equal_seeds_are_equal_environments():
    np.testing.assert_array_equal(envs(seed=3).reset(), envs(seed=3).reset())
    assert not np.array_equal(envs(seed=3).reset(), envs(seed=4).reset())


def test_unsupported_spaces_are_refused():
    with pytest.raises(ConfigurationError, match="continuous actions"):
        PerturbedEnvs(lambda: gym.make("CartPole-v1"), 1, "raw", None, SeedStream(0))
    with pytest.raises(ConfigurationError, match="Box of one axis"):
        PerturbedEnvs(lambda: gym.make("FrozenLake-v1"), 1, "raw", None, SeedStream(0))
    with pytest.raises(ConfigurationError, match="'raw' or 'normalised'"):
        envs("pixels")
