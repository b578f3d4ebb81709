"""Registration of the MuJoCo environments; MuJoCo, and Meta-World, are imported when one is made."""

from __future__ import annotations

import gymnasium as gym

__all__ = ["register"]

_TASKS = {
    "Tabletop/Reach-v0": "reach",
    "Tabletop/Push-v0": "push",
    "Tabletop/SlideHandle-v0": "slide-handle",
    "Tabletop/TurnLever-v0": "turn-lever",
}


def register() -> None:
    """Register them with Gymnasium. Calling twice is harmless."""
    for env_id, task in _TASKS.items():
        if env_id not in gym.registry:
            gym.register(
                env_id,
                entry_point="quintain.envs.mujoco.tabletop:TabletopEnv",
                kwargs={"task": task},
                max_episode_steps=60,
            )
    if "MetaWorld/MT1-v0" not in gym.registry:
        gym.register(
            "MetaWorld/MT1-v0",
            entry_point="quintain.envs.mujoco.metaworld:MetaWorldEnv",
            max_episode_steps=500,
        )
