"""An environment with one short task."""

import gymnasium as gym
import pytest


@pytest.fixture
def env():
    env = gym.make("CodeReason-v0", tasks="letters")
    yield env
    env.close()
