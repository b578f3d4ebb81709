"""Tasks in a MineDojo-compatible voxel simulator: trees, animals, diamonds, survival."""

from quintain.envs.minecraft.blocks import BLOCKS, Block
from quintain.envs.minecraft.items import ITEMS, Item
from quintain.envs.minecraft.recipes import CRAFTS, RECIPES, Recipe
from quintain.envs.minecraft.registry import register
from quintain.envs.minecraft.tasks import NAMED, Task, find_task

__all__ = [
    "BLOCKS", "CRAFTS", "ITEMS", "NAMED", "RECIPES", "Block", "Item", "Recipe", "Task", "find_task", "register",
]  # fmt: skip
