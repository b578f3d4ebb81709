import sys
from pathlib import Path

import gymnasium as gym
import pytest

# The small environments and agents of the evaluation tests.
sys.path.insert(0, str(Path(__file__).parents[2] / "evaluation"))


@pytest.fixture(autouse=True)
def _sum_env():
    if "Sum-v0" not in gym.registry:
        gym.register("Sum-v0", entry_point="toy_envs:Sum")
