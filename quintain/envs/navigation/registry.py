"""Registration of the navigation environments."""

from __future__ import annotations

import gymnasium as gym

__all__ = ["register"]


_ENVS = {
    "Maze-v0": "quintain.envs.navigation.maze:MazeEnv",
    "KeyDoor-v0": "quintain.envs.navigation.key_door:KeyDoorEnv",
    "SparseGoal-v0": "quintain.envs.navigation.sparse_goal:SparseGoalEnv",
}


def register() -> None:
    """Register them with Gymnasium. Calling twice is harmless."""
    for env_id, entry_point in _ENVS.items():
        if env_id not in gym.registry:
            gym.register(env_id, entry_point=entry_point, max_episode_steps=10_000)
