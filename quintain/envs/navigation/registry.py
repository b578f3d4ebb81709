"""Registration of the navigation environments."""

from __future__ import annotations

import gymnasium as gym

__all__ = ["register"]


def register() -> None:
    """Register them with Gymnasium. Calling twice is harmless."""
    if "Maze-v0" not in gym.registry:
        gym.register("Maze-v0", entry_point="quintain.envs.navigation.maze:MazeEnv", max_episode_steps=10_000)
