import math

import numpy as np
import pytest
from attacked_envs import Walk

from quintain.attacks import RewardAttack
from quintain.errors import ConfigurationError

ACTION = np.array([1.0, 0.0])


def perturbed_and_true(env, steps, seed=0):
    env.reset(seed=seed)
    pairs = []
    for _ in range(steps):
        _, reward, _, _, info = env.step(ACTION)
        assert math.isclose(reward, math.fsum(info["reward_terms"].values()))
        pairs.append((reward, info["attack"][env.perturbation.name]["true_reward"]))
    return np.array(pairs).T


def test_flip_shift_and_delay():
    perturbed, true = perturbed_and_true(RewardAttack(Walk(), "flip"), 5)
    np.testing.assert_array_equal(perturbed, -true)
    perturbed, true = perturbed_and_true(RewardAttack(Walk(), "shift", epsilon=-2.0), 5)
    np.testing.assert_array_equal(perturbed, true - 2)
    perturbed, true = perturbed_and_true(RewardAttack(Walk(), "delay", steps=3), 5)
    np.testing.assert_array_equal(perturbed, [0, 0, 0, *true[:2]])


@pytest.mark.parametrize("kind", ["noise", "drift"])
def test_noise_and_drift_stay_within_epsilon(kind):
    perturbed, true = perturbed_and_true(RewardAttack(Walk(length=999), kind, epsilon=0.3), 300)
    assert 0.1 < np.abs(perturbed - true).max() <= 0.3 + 1e-9


def test_sticky_rewards_repeat_the_last_reward():
    perturbed, true = perturbed_and_true(RewardAttack(Walk(length=999), "sticky", probability=0.5), 200)
    repeated = perturbed[1:] == perturbed[:-1]
    np.testing.assert_array_equal(perturbed[1:][~repeated], true[1:][~repeated])
    assert 0.35 < repeated.mean() < 0.65  # four standard errors


@pytest.mark.parametrize("bad", [{"kind": "x"}, {"kind": "noise", "epsilon": -1.0}, {"kind": "delay", "steps": 0}])
def test_invalid_arguments_are_refused(bad):
    with pytest.raises(ConfigurationError):
        RewardAttack(Walk(), **bad)
