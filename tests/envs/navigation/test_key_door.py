"""KeyDoor-v0: the door is closed without the key, opens with it or after a delay, and closes for the next visit."""

import gymnasium as gym
import numpy as np
import pytest

import quintain
from quintain.errors import ConfigurationError


def walk(env, seed=0):
    """Follow the oracle; return the observations and the last info."""
    observation, info = env.reset(seed=seed)
    seen, over = [observation], False
    while not over:
        observation, _, terminated, truncated, info = env.step(env.unwrapped.solution())
        seen.append(observation)
        over = terminated or truncated
    return np.array(seen), info


@pytest.mark.filterwarnings("ignore")
def test_every_environment_check_passes():
    assert quintain.check("KeyDoor-v0", {"size": 2, "delay": 3}).ok


def test_the_goal_cannot_be_reached_without_the_door():
    for seed in range(5):
        env = gym.make("KeyDoor-v0", openings=0.3).unwrapped
        env.reset(seed=seed)
        assert np.isinf(env.closed.shortest())
        assert np.isfinite(env.layout.shortest())
        assert (env.closed.walls != env.layout.walls).sum() == 2


def test_the_oracle_fetches_the_key_in_every_visit():
    seen, info = walk(gym.make("KeyDoor-v0", visits=2, noise=0.0))
    assert info["success"]
    assert info["metrics"]["ratio_1"] == info["metrics"]["ratio_2"] < 1.2
    assert set(seen[:, 2]) == {0.0, 1.0}
    assert (np.diff(seen[:, 2]) < 0).sum() == 1  # the second visit begins without the key
    assert (seen[:, 5] == 1).all()


def test_the_door_opens_after_the_delay():
    seen, info = walk(gym.make("KeyDoor-v0", delay=4, noise=0.0), seed=3)
    opening = seen[:, 2]
    found = int(np.argmax(opening > 0))
    assert opening[found : found + 4].tolist() == [0.25, 0.5, 0.75, 1.0]
    assert info["success"]
    for delay in (-1, 1.5):
        with pytest.raises(ConfigurationError, match="delay"):
            gym.make("KeyDoor-v0", delay=delay)


def test_hebbian_search_finds_the_key_without_being_told_of_it():
    report = quintain.evaluate("KeyDoor-v0", "hebbian-search", episodes=3, seed=0, env_kwargs={"size": 3, "visits": 2})
    assert report.success.estimate == 1.0
