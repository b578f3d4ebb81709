import sys
from pathlib import Path

import gymnasium as gym
import pytest

sys.path.insert(0, str(Path(__file__).parent))  # worker processes inherit the path and find `toy_envs`


@pytest.fixture(autouse=True)
def _sum_env():
    if "Sum-v0" not in gym.registry:
        gym.register("Sum-v0", entry_point="toy_envs:Sum")
