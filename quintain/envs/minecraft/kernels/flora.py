"""Trees, cactuses, flowers and other plants of the world generator, by biome."""

from __future__ import annotations

import numpy as np

from quintain.envs.minecraft.kernels.compiled import compiled
from quintain.envs.minecraft.kernels.tables import (
    AIR,
    CACTUS,
    DEADBUSH,
    DIRT,
    GRASS,
    LEAVES_OAK,
    LOG_OAK,
    PUMPKIN,
    RED_FLOWER,
    REEDS,
    SAND,
    SNOW,
    TALLGRASS,
    WATER,
    YELLOW_FLOWER,
)
from quintain.envs.minecraft.kernels.world import HEIGHT, SEA_LEVEL, Bytes, Words, draw, uniform

#: Chance of a tree, of tall grass and of a flower per column, by biome: ocean, plains, desert, hills, forest, taiga.
_TREES = np.array([0.0, 0.0012, 0.0, 0.006, 0.035, 0.03])
_GRASS = np.array([0.0, 0.18, 0.0, 0.05, 0.08, 0.04])
_FLOWERS = np.array([0.0, 0.02, 0.0, 0.004, 0.012, 0.002])


@compiled
def grow_tree(land: Bytes, random: Words, x: int, y: int, z: int, kind: int) -> None:
    """Grow a tree on top of block ``y``: kind 0 oak, 1 spruce, 2 birch."""
    mask = land.shape[0] - 1
    trunk = 4 + draw(random, 2) + (2 if kind == 1 else 0)
    trunk = min(trunk, HEIGHT - 4 - y)
    top = y + trunk
    low = y + 3 if kind == 1 else top - 2
    for level in range(low, top + 2):
        if kind == 1:
            radius = 0 if level > top else 1 + ((top - level) % 2 if level < top - 1 else 0)
        else:
            radius = 2 if level < top else 1
        for i in range(-radius, radius + 1):
            for k in range(-radius, radius + 1):
                corner = abs(i) == radius and abs(k) == radius and radius > 0
                if corner and (level >= top or kind == 1 or uniform(random) < 0.5):
                    continue
                cell = land[(x + i) & mask, (z + k) & mask]
                if cell[level] == AIR:
                    cell[level] = LEAVES_OAK + kind
    land[x & mask, z & mask, y] = DIRT
    for level in range(y + 1, top + 1):
        land[x & mask, z & mask, level] = LOG_OAK + kind


@compiled
def has_room(land: Bytes, x: int, y: int, z: int) -> bool:
    """Whether no trunk stands within two blocks."""
    mask = land.shape[0] - 1
    for i in range(-2, 3):
        for k in range(-2, 3):
            block = land[(x + i) & mask, (z + k) & mask, y + 2]
            if LOG_OAK <= block <= LOG_OAK + 2:
                return False
    return True


@compiled
def stack(land: Bytes, random: Words, x: int, z: int, y: int, block: int) -> None:
    """Put one to three of a block on top of block ``y``."""
    for level in range(y + 1, y + 2 + draw(random, 3)):
        land[x, z, level] = block


@compiled
def plant(land: Bytes, random: Words, biome: int, x: int, z: int, y: int, trees: float) -> None:
    """Plant something on one column of which ``y`` is the highest block, or nothing."""
    side = land.shape[0]
    mask = side - 1
    column = land[x, z]
    chance = uniform(random)
    if column[y] == SAND:
        if biome == 2 and chance < 0.008:
            stack(land, random, x, z, y, CACTUS)
        elif biome == 2 and chance < 0.02:
            column[y + 1] = DEADBUSH
        elif y == SEA_LEVEL and chance > 0.7 and land[(x + 1) & mask, z, y] == WATER:
            stack(land, random, x, z, y, REEDS)
        return
    wood = _TREES[biome] * trees
    if (column[y] == GRASS or column[y] == SNOW) and chance < wood and has_room(land, x, y, z):
        kind = 1 if biome == 5 or biome == 3 else 2 if uniform(random) < 0.25 else 0
        grow_tree(land, random, x, y, z, kind)
    elif column[y] == GRASS and column[y + 1] == AIR:
        chance = uniform(random)
        if chance < _GRASS[biome]:
            column[y + 1] = TALLGRASS
        elif chance < _GRASS[biome] + _FLOWERS[biome]:
            column[y + 1] = YELLOW_FLOWER if uniform(random) < 0.6 else RED_FLOWER
        elif chance > 0.9995:
            column[y + 1] = PUMPKIN


@compiled
def plant_columns(land: Bytes, biomes: Bytes, tops: Bytes, random: Words, trees: float) -> None:
    """Plant all columns; ``trees`` is a factor on the density of trees."""
    side = land.shape[0]
    for x in range(side):
        for z in range(side):
            y = int(tops[x, z])
            if land[x, z, y] != AIR and land[x, z, y + 1] == AIR:
                plant(land, random, biomes[x, z], x, z, y, trees)
