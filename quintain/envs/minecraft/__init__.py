"""Tasks in a MineDojo-compatible voxel simulator: trees, animals, diamonds, survival.

Its tables are imported when an environment is made: see :mod:`~quintain.envs.minecraft.tasks`,
:mod:`~quintain.envs.minecraft.blocks`, :mod:`~quintain.envs.minecraft.items` and
:mod:`~quintain.envs.minecraft.recipes`.
"""

from quintain.envs.minecraft.registry import register

__all__ = ["register"]
