"""The world generator: heights and biomes from periodic value noise, caves, ores by depth, lava, plants.

A world is a function of its seed and of the biome that the task asks for. Layers: bedrock at 0, diamonds and redstone
below 12, lava in caves up to 6 and in hidden pockets up to 16, gold below 16, iron below 30, coal everywhere, sea level
at 21.
"""

from __future__ import annotations

import numpy as np

from quintain.envs.minecraft.kernels.compiled import compiled
from quintain.envs.minecraft.kernels.flora import plant_columns
from quintain.envs.minecraft.kernels.tables import (
    BEDROCK,
    CLAY,
    COAL_ORE,
    DIAMOND_ORE,
    DIRT,
    GOLD_ORE,
    GRASS,
    GRAVEL,
    ICE,
    IRON_ORE,
    LAVA,
    OPAQUE,
    REDSTONE_ORE,
    SAND,
    SANDSTONE,
    SNOW,
    STONE,
    WATER,
)
from quintain.envs.minecraft.kernels.world import HEIGHT, LAVA_LEVEL, SEA_LEVEL, Bytes, Words, World, draw, uniform

#: MineDojo's ids of the biomes that the generator makes; desert, extreme hills, forest and taiga need no lakes.
OCEAN, PLAINS, DESERT, HILLS, FOREST, TAIGA = 0, 1, 2, 3, 4, 5
#: Ore, highest layer, veins in a world of 64 x 64, largest vein.
_VEINS = np.array([
    (COAL_ORE, 40, 26, 12), (IRON_ORE, 30, 22, 8), (GOLD_ORE, 16, 6, 7), (REDSTONE_ORE, 12, 7, 7),
    (DIAMOND_ORE, 12, 5, 6), (GRAVEL, 30, 6, 16), (DIRT, 30, 6, 16), (LAVA, 16, 14, 4),
], np.int64)  # fmt: skip


@compiled
def lattice(x: int, z: int, salt: int) -> float:
    """Hash a lattice point to [0, 1)."""
    h = np.uint64(x * 374761393 + z * 668265263) ^ np.uint64(salt)
    h = (h ^ (h >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    h = (h ^ (h >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return float((h ^ (h >> np.uint64(31))) >> np.uint64(40)) / 16777216.0


@compiled
def add_noise(out: np.ndarray, cell: int, amplitude: float, salt: int) -> None:
    """Add value noise of period ``len(out)``, with lattice points every ``cell`` blocks and values in +-amplitude."""
    side = out.shape[0]
    points = side // cell
    values = np.empty((points + 1, points + 1))
    for i in range(points + 1):
        for k in range(points + 1):
            values[i, k] = (2.0 * lattice(i % points, k % points, salt) - 1.0) * amplitude
    for x in range(side):
        i, t = x // cell, (x % cell) / cell
        t = t * t * (3.0 - 2.0 * t)
        for k in range(points):
            low = values[i, k] + (values[i + 1, k] - values[i, k]) * t
            high = values[i, k + 1] + (values[i + 1, k + 1] - values[i, k + 1]) * t
            for j in range(cell):
                u = j / cell
                out[x, k * cell + j] += low + (high - low) * u * u * (3.0 - 2.0 * u)


@compiled
def biome_of(temperature: float, wetness: float, relief: float) -> int:
    """Choose a biome from three noises in about [-1, 1]."""
    if relief > 0.45:
        return HILLS
    if temperature < -0.35:
        return TAIGA
    if temperature > 0.35 and wetness < 0.1:
        return DESERT
    return FOREST if wetness > 0.05 else PLAINS


@compiled
def fill_column(land: Bytes, x: int, z: int, height: int, biome: int) -> None:
    """Fill one column up to ``height`` and with water up to the sea level."""
    column = land[x, z]
    soil, top = DIRT, GRASS
    if biome == DESERT:
        soil, top = SANDSTONE, SAND
    elif height <= SEA_LEVEL:
        soil, top = SAND, SAND
        if (x * 7 + z * 13) % 11 == 0 and height < SEA_LEVEL - 1:
            top = CLAY
    elif biome == HILLS and height > 34:
        soil, top = STONE, STONE
    if (biome == TAIGA and height > SEA_LEVEL + 6) or height > 37:
        top = SNOW
    for y in range(height):
        column[y] = STONE
    for y in range(height + 1, HEIGHT):
        column[y] = 0
    for y in range(height + 1, SEA_LEVEL + 1):
        column[y] = WATER
    column[height - 3] = column[height - 2] = soil
    column[height - 1] = top if biome == DESERT else soil
    column[height] = top
    column[0] = BEDROCK
    if biome == TAIGA and height < SEA_LEVEL:
        column[SEA_LEVEL] = ICE


@compiled
def shape_land(land: Bytes, biomes: Bytes, tops: Bytes, salt: int, only: int) -> None:
    """Draw heights and biomes and fill all columns; ``only`` >= 0 makes the whole world one biome."""
    side = land.shape[0]
    height, relief = np.zeros((side, side)), np.zeros((side, side))
    heat, wet = np.zeros((side, side)), np.zeros((side, side))
    add_noise(height, 32, 3.5, salt + 1)
    add_noise(height, 16, 2.0, salt + 2)
    add_noise(height, 8, 1.0, salt + 3)
    add_noise(relief, 32, 1.0, salt + 4)
    add_noise(heat, 32, 1.0, salt + 5)
    add_noise(wet, 32, 0.8, salt + 6)
    add_noise(wet, 16, 0.3, salt + 7)
    for x in range(side):
        for z in range(side):
            biome = biome_of(heat[x, z], wet[x, z], relief[x, z]) if only < 0 else only
            hills = relief[x, z] + 0.55 if only == HILLS else relief[x, z] if only < 0 else 0.0
            level = 25.0 + height[x, z] + max(0.0, hills - 0.2) * 14.0
            if only in (PLAINS, DESERT):
                level = 25.5 + 0.5 * height[x, z]
            elif only < 0:
                level -= max(0.0, -0.3 - relief[x, z]) * 9.0  # lakes
            y = min(max(int(level), 8), HEIGHT - 9)
            if only < 0 and y < SEA_LEVEL and biome != TAIGA:
                biome = OCEAN
            biomes[x, z], tops[x, z] = biome, y
            fill_column(land, x, z, y, biome)


@compiled
def carve(land: Bytes, x: float, y: float, z: float, radius: float) -> None:
    """Hollow out a ball in the stone: air, and lava at the bottom of the world."""
    mask = land.shape[0] - 1
    reach = int(radius)
    cx, cy, cz = int(x), int(y), int(z)
    for i in range(-reach, reach + 1):
        for k in range(-reach, reach + 1):
            room = radius * radius - i * i - k * k
            if room < 0.0:
                continue
            half = int(np.sqrt(room / 1.4))
            column = land[(cx + i) & mask, (cz + k) & mask]
            for level in range(max(cy - half, 1), min(cy + half, HEIGHT - 10) + 1):
                above = column[level + 1]
                if OPAQUE[column[level]] and above != WATER and above != SAND and above != GRAVEL and above != ICE:
                    column[level] = LAVA if level <= LAVA_LEVEL else 0


@compiled
def dig_caves(land: Bytes, random: Words) -> None:
    """Carve tunnels that wander through the underground."""
    side = land.shape[0]
    for _ in range(side * side // 700):
        x, y, z = uniform(random) * side, 5.0 + uniform(random) * 17.0, uniform(random) * side
        yaw, pitch, radius = uniform(random) * 6.2832, 0.0, 1.5 + 1.1 * uniform(random)
        for _ in range(20 + draw(random, 30)):
            carve(land, x + side, y, z + side, radius)
            x = (x + 1.6 * np.cos(yaw)) % side
            z = (z + 1.6 * np.sin(yaw)) % side
            y = min(max(y + 1.2 * np.sin(pitch), 4.0), 26.0)
            yaw += (uniform(random) - 0.5) * 0.9
            pitch = 0.8 * pitch + (uniform(random) - 0.5) * 0.7


@compiled
def is_enclosed(land: Bytes, x: int, y: int, z: int) -> bool:
    """Whether all six neighbours are opaque or lava."""
    mask = land.shape[0] - 1
    for dx, dy, dz in ((1, 0, 0), (-1, 0, 0), (0, 1, 0), (0, -1, 0), (0, 0, 1), (0, 0, -1)):
        block = land[(x + dx) & mask, (z + dz) & mask, y + dy]
        if block != LAVA and not OPAQUE[block]:
            return False
    return True


@compiled
def lay_veins(land: Bytes, random: Words) -> None:
    """Replace stone by veins of ore; lava lies in pockets that stone encloses."""
    side = land.shape[0]
    for row in range(_VEINS.shape[0]):
        ore, limit, number, most = _VEINS[row]
        for _ in range(number * side * side // 4096):
            x, y, z = draw(random, side), 2 + draw(random, limit - 2), draw(random, side)
            for _ in range(2 + draw(random, most - 1)):
                if land[x, z, y] == STONE and (ore != LAVA or is_enclosed(land, x, y, z)):
                    land[x, z, y] = ore
                way = draw(random, 6)
                step = 1 if way % 2 == 0 else -1
                if way < 2:
                    x = (x + step) % side
                elif way < 4:
                    z = (z + step) % side
                else:
                    y = min(max(y + step, 2), limit)


@compiled
def settle(land: Bytes, tops: Bytes) -> None:
    """Set the height of light of every column, and turn grass that is covered into dirt."""
    side = land.shape[0]
    for x in range(side):
        for z in range(side):
            column = land[x, z]
            y = HEIGHT - 1
            while y > 0 and not OPAQUE[column[y]]:
                y -= 1
            tops[x, z] = y
            while y > 18 and column[y] != GRASS:
                y -= 1
            if column[y] == GRASS and OPAQUE[column[y + 1]]:
                column[y] = DIRT


@compiled
def generate(w: World, e: int, seed: int, only: int, trees: float) -> None:
    """Make a new world.

    Args:
        w: The worlds.
        e: Which of them.
        seed: Seed, any integer of 63 bits.
        only: Id of the biome of the whole world, or -1 for several.
        trees: Factor on the density of trees.
    """
    random = w.random[e : e + 1]
    random[0] = np.uint64(seed)
    land, biomes, tops = w.blocks[e], w.biome[e], w.top[e]
    shape_land(land, biomes, tops, int(uniform(random) * 4611686018427387904.0), only)
    dig_caves(land, random)
    lay_veins(land, random)
    plant_columns(land, biomes, tops, random, trees)
    settle(land, tops)
