import sys
from pathlib import Path

import gymnasium as gym
import pytest

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(autouse=True)
def _hold_world():
    if "Robustness/Hold-v0" not in gym.registry:
        gym.register("Robustness/Hold-v0", entry_point="holding:Long", max_episode_steps=25)
