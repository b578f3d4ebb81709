import gymnasium as gym
import numpy as np
import pytest
from attacked_envs import Walk

from quintain.attacks import ActionAttack, Schedule
from quintain.errors import ConfigurationError


def executed(env, actions, seed=0):
    env.reset(seed=seed)
    return np.array([env.step(a)[4]["attack"][env.perturbation.name]["executed_action"] for a in actions])


ACTIONS = np.arange(12.0).reshape(6, 2) / 10


def test_info_attack_contains_the_executed_action():
    env = ActionAttack(Walk(length=99), "noise", epsilon=0.5)
    start, _ = env.reset(seed=0)
    action, total = np.array([0.3, -0.2]), np.zeros(2)
    for _ in range(6):
        observation, _, _, _, info = env.step(action)
        report = info["attack"]["action noise"]
        total += report["executed_action"]
        np.testing.assert_array_equal(report["chosen_action"], action)
    np.testing.assert_allclose(observation[:2] - start[:2], total)


def test_a_delay_shifts_the_actions_in_time():
    shifted = executed(ActionAttack(Walk(), "delay", steps=2), ACTIONS)
    np.testing.assert_array_equal(shifted[:2], np.zeros((2, 2)))  # the middle of the box
    np.testing.assert_array_equal(shifted[2:], ACTIONS[:-2])


def test_a_shift_is_constant_in_an_episode_and_differs_between_episodes():
    env = ActionAttack(Walk(), "shift", epsilon=0.5)
    first, second = (executed(env, ACTIONS, seed) - ACTIONS for seed in (0, 1))
    np.testing.assert_allclose(first, np.repeat(first[:1], 6, axis=0))
    assert not np.allclose(first, second)


def test_a_drift_is_a_bounded_random_walk():
    env = ActionAttack(Walk(length=999), "drift", epsilon=0.5, norm="l2")
    path = executed(env, np.zeros((400, 2)))
    assert np.linalg.norm(path, axis=1).max() <= 0.5
    assert np.linalg.norm(np.diff(path, axis=0), axis=1).max() <= 0.05 + 1e-9
    assert np.linalg.norm(path, axis=1).max() > 0.2


def test_sticky_actions_repeat_the_last_executed_action():
    done = executed(ActionAttack(Walk(length=999), "sticky", probability=0.5), np.arange(400.0).reshape(200, 2))
    repeats = np.all(done[1:] == done[:-1], axis=1)
    assert 0.35 < repeats.mean() < 0.65  # four standard errors
    np.testing.assert_array_equal(done[0], [0, 1])


def test_discrete_actions_can_be_delayed_but_not_noisy():
    env = ActionAttack(gym.make("CartPole-v1"), "delay", steps=1)
    np.testing.assert_array_equal(executed(env, [1, 1, 0, 1]), [0, 1, 1, 0])
    with pytest.raises(ConfigurationError, match="needs a Box of floats"):
        ActionAttack(gym.make("CartPole-v1"), "noise", epsilon=0.1)


def test_executed_actions_stay_in_the_action_space():
    env = ActionAttack(gym.make("Pendulum-v1"), "noise", epsilon=5.0)
    done = executed(env, np.full((30, 1), 1.9, np.float32))
    assert done.max() <= 2.0
    assert done.dtype == np.float32


def test_a_schedule_limits_the_attack():
    env = ActionAttack(Walk(length=99), "noise", epsilon=0.5, schedule=Schedule(start=2, stop=4))
    changed = np.any(executed(env, ACTIONS) != ACTIONS, axis=1)
    np.testing.assert_array_equal(changed, [False, False, True, True, False, False])


@pytest.mark.parametrize(
    "bad", [{"kind": "nosie"}, {"kind": "delay", "steps": 0}, {"kind": "sticky", "probability": 1.5}]
)
def test_invalid_arguments_are_refused(bad):
    with pytest.raises(ConfigurationError):
        ActionAttack(Walk(), **bad)
