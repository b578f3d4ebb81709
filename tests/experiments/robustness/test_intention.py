from functools import partial

import gymnasium as gym
import numpy as np
import pytest
from holding import reacher

import quintain  # noqa: F401 - registers the environments
from quintain.attacks.episodes import play_attacked
from quintain.experiments.robustness.intention import mirror_image

pytest.importorskip("mujoco")
MAKE = partial(gym.make, "Tabletop/Reach-v0", scenario="opposite")


def test_the_mirror_image_policy_reaches_the_attackers_goal():
    victim, seeds = reacher(), range(20)
    assert all(e.success and not e.attacker_success for e in play_attacked(MAKE, victim, seeds))
    mirrored = play_attacked(MAKE, mirror_image(victim), seeds)
    assert all(e.attacker_success and not e.success for e in mirrored)


def test_a_mirrored_state_gets_the_mirrored_action():
    victim = reacher()
    intention = mirror_image(victim)
    state = np.random.default_rng(0).normal(0, 0.1, (50, 6))
    across = state * [-1, 1, -1, 1, 1, 1]  # the goal stays
    np.testing.assert_allclose(intention.act_batch(across), victim.act_batch(state) * [-1, 1], atol=1e-6)


def test_the_mirror_image_policys_gradient_equals_finite_differences():
    network = mirror_image(reacher()).network
    x = np.random.default_rng(1).normal(0, 1, (3, 6))
    outputs, back = network.vjp(x)
    np.testing.assert_allclose(outputs, network(x))
    slope = back(np.tile([1.0, 0.0], (3, 1)))
    for j in range(6):
        step = np.zeros(6)
        step[j] = 1e-6
        np.testing.assert_allclose((network(x + step) - network(x - step))[:, 0] / 2e-6, slope[:, j], atol=1e-6)
