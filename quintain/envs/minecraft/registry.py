"""Registration of the environments of the voxel simulator; Numba is imported when one is made."""

from __future__ import annotations

import gymnasium as gym

__all__ = ["IDS", "register"]

#: Id -> task and step limit.
IDS: dict[str, tuple[str, int]] = {
    "Minecraft/ApproachTree-v0": ("approach_tree", 500),
    "Minecraft/ExploreDiamond-v0": ("explore_diamond", 1000),
    "Minecraft/ApproachCow-v0": ("approach_cow", 500),
    "Minecraft/ApproachSheep-v0": ("approach_sheep", 500),
    "Minecraft/ApproachPig-v0": ("approach_pig", 500),
    "Minecraft/ApproachChicken-v0": ("approach_chicken", 500),
    "Minecraft/ObtainDiamond-v0": ("obtain_diamond", 18000),
    "Minecraft/Survival-v0": ("survival", 24000),
    "Minecraft/Task-v0": ("harvest_1_log", 2000),
}


def register() -> None:
    """Register them with Gymnasium. Calling twice is harmless."""
    for env_id, (task, limit) in IDS.items():
        if env_id not in gym.registry:
            gym.register(
                env_id,
                entry_point="quintain.envs.minecraft.env:MinecraftEnv",
                vector_entry_point="quintain.envs.minecraft.vector_env:make_vec",
                kwargs={"task": task},
                max_episode_steps=limit,
            )
