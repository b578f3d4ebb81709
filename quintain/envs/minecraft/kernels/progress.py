"""Starts of episodes, and reward and success of tasks."""

from __future__ import annotations

import numpy as np

from quintain.envs.minecraft.kernels.compiled import compiled
from quintain.envs.minecraft.kernels.mobs import populate, surface
from quintain.envs.minecraft.kernels.rays import in_view
from quintain.envs.minecraft.kernels.tables import LIQUID, N_ITEMS, SOLID, STONE
from quintain.envs.minecraft.kernels.terrain import generate
from quintain.envs.minecraft.kernels.vitals import FULL_AIR
from quintain.envs.minecraft.kernels.world import (
    EYE,
    FOOD_LEVEL,
    HEIGHT,
    HP,
    KILLS,
    KIND,
    MX,
    MY,
    MZ,
    OXYGEN,
    PROGRESS,
    SATURATION_LEVEL,
    START_X,
    START_Z,
    TICKS,
    TIME,
    YAW,
    Bytes,
    Floats,
    Ints,
    Words,
    World,
    X,
    Y,
    Z,
    block_at,
    draw,
    floor,
    uniform,
    wrapped,
)

# Entries of a setup: what the task is, and how its worlds begin.
KIND_OF_TASK, TARGET_LOW, TARGET_HIGH, QUANTITY, NEAR, BIOME, START_LAYER, START_TIME, NIGHT_MOBS, TIME_PASSES = range(
    10
)
ANIMALS, ANIMALS_NEAR, ANIMALS_FAR, TREES, TREES_FAR = 10, 15, 16, 17, 18
N_SETUP = 19
# Kinds of tasks.
OPEN, APPROACH_BLOCK, APPROACH_MOB, HARVEST, COMBAT, TECHTREE, SURVIVAL = range(7)
#: Ticks of a day, and days of the survival task.
DAY, SURVIVAL_DAYS = 24000, 100


@compiled
def near_block(blocks: Bytes, body: Floats, low: int, high: int, near: float) -> bool:
    """Whether a block of a range of ids lies within ``near`` of the eye, in sight."""
    ox, oy, oz = body[X], body[Y] + EYE, body[Z]
    reach = int(near) + 1
    for x in range(floor(ox) - reach, floor(ox) + reach + 1):
        for z in range(floor(oz) - reach, floor(oz) + reach + 1):
            for y in range(floor(oy) - reach, floor(oy) + reach + 1):
                block = block_at(blocks, x, y, z)
                if low <= block <= high and in_view(blocks, body, x + 0.5, y + 0.5, z + 0.5, near):
                    return True
    return False


@compiled
def near_mob(blocks: Bytes, body: Floats, mobs: Floats, kind: int, near: float) -> bool:
    """Whether a mob of a kind lies within ``near`` horizontally and three blocks vertically."""
    side = float(blocks.shape[0])
    for k in range(mobs.shape[0]):
        if mobs[k, KIND] == kind and abs(mobs[k, MY] - body[Y]) < 3.0:
            dx, dz = wrapped(side, mobs[k, MX] - body[X]), wrapped(side, mobs[k, MZ] - body[Z])
            if dx * dx + dz * dz <= near * near:
                return True
    return False


@compiled
def tech_progress(w: World, e: int, item: int) -> tuple[float, bool]:
    """Pay 1 when an item is first obtained and 10 when it is first used."""
    count, reward = w.counts[e], 0.0
    if count[PROGRESS] == 0 and (w.have[e, item] > w.gained[e, item] or w.used[e, item]):
        count[PROGRESS] = 1
        reward += 1.0
    if count[PROGRESS] == 1 and w.used[e, item]:
        count[PROGRESS] = 2
        reward += 10.0
    return reward, bool(count[PROGRESS] == 2)


@compiled
def progress(w: World, e: int, setup: Ints) -> tuple[float, bool]:
    """Return the reward of the last step, and whether the task is done."""
    kind, target, count = setup[KIND_OF_TASK], setup[TARGET_LOW], w.counts[e]
    near = setup[NEAR] / 10.0
    if kind == OPEN:
        return 0.0, False
    if kind == APPROACH_BLOCK:
        done = near_block(w.blocks[e], w.body[e], target, setup[TARGET_HIGH], near)
        return (1.0 if done else 0.0), done
    if kind == APPROACH_MOB:
        done = near_mob(w.blocks[e], w.body[e], w.mobs[e], target, near)
        return (1.0 if done else 0.0), done
    if kind == TECHTREE:
        return tech_progress(w, e, target)
    now = count[TICKS] // DAY
    if kind == HARVEST:
        now = w.have[e, target] - w.gained[e, target]
    elif kind == COMBAT:
        now = count[KILLS + target - 1]
    reward = float(now - count[PROGRESS])
    count[PROGRESS] = now
    return reward, bool(now >= setup[QUANTITY])


@compiled
def clear_state(w: World, e: int, slots: Ints) -> None:
    """Empty everything but the blocks, and fill the inventory."""
    for column in range(w.body.shape[1]):
        w.body[e, column] = 0.0
    for column in range(w.counts.shape[1]):
        w.counts[e, column] = 0
    for k in range(w.mobs.shape[1]):
        w.mobs[e, k, KIND] = 0.0
    for k in range(w.drops.shape[1]):
        w.drops[e, k, 0] = 0.0
    for item in range(N_ITEMS):
        w.have[e, item] = 0
        w.used[e, item] = False
    for k in range(slots.shape[0]):
        for column in range(3):
            w.slots[e, k, column] = slots[k, column]
        if k < 36:
            w.have[e, slots[k, 0]] += slots[k, 1]
    w.have[e, 0] = 0
    for item in range(N_ITEMS):
        w.gained[e, item] = w.have[e, item]


@compiled
def far_from(blocks: Bytes, x: int, z: int, low: int, high: int, reach: int) -> bool:
    """Whether no block of a range of ids lies within ``reach`` columns above the layers of caves."""
    mask = blocks.shape[0] - 1
    for i in range(-reach, reach + 1, 1):
        for k in range(-reach, reach + 1):
            column = blocks[(x + i) & mask, (z + k) & mask]
            for y in range(22, HEIGHT - 4):
                if low <= column[y] <= high:
                    return False
    return True


@compiled
def start_surface(blocks: Bytes, tops: Bytes, body: Floats, random: Words, setup: Ints) -> None:
    """Put the agent on dry land, if possible away from the trees of the task."""
    side = blocks.shape[0]
    for attempt in range(200):
        x, z = draw(random, side), draw(random, side)
        y = surface(blocks, tops, x, z)
        if y < 0:
            continue
        reach = setup[TREES_FAR] if attempt < 60 else 0
        if reach == 0 or far_from(blocks, x, z, setup[TARGET_LOW], setup[TARGET_HIGH], reach):
            body[X], body[Y], body[Z] = x + 0.5, y, z + 0.5
            return
    x, z = side // 2, side // 2
    body[X], body[Y], body[Z] = x + 0.5, tops[x, z] + 1.0, z + 0.5


@compiled
def start_below(blocks: Bytes, body: Floats, random: Words, layer: int) -> None:
    """Put the agent into a chamber of 3 x 3 x 3 blocks at a layer underground, away from liquids."""
    side = blocks.shape[0]
    mask = side - 1
    x, z = 0, 0
    for _ in range(200):
        x, z = draw(random, side), draw(random, side)
        dry = True
        for i in range(-3, 4):
            for k in range(-3, 4):
                for y in range(layer - 1, layer + 5):
                    if LIQUID[block_at(blocks, x + i, y, z + k)] > 0:
                        dry = False
        if dry:
            break
    for i in range(-1, 2):
        for k in range(-1, 2):
            column = blocks[(x + i) & mask, (z + k) & mask]
            for y in range(layer, layer + 3):
                column[y] = 0
            if not SOLID[column[layer - 1]]:
                column[layer - 1] = STONE
    body[X], body[Y], body[Z] = x + 0.5, float(layer), z + 0.5


@compiled
def begin(w: World, e: int, seed: int, setup: Ints, slots: Ints) -> None:
    """Start an episode in a new world."""
    clear_state(w, e, slots)
    generate(w, e, seed, setup[BIOME], setup[TREES] / 100.0)
    blocks, tops, body, count = w.blocks[e], w.top[e], w.body[e], w.counts[e]
    random = w.random[e : e + 1]
    if setup[START_LAYER] > 0:
        start_below(blocks, body, random, setup[START_LAYER])
    else:
        start_surface(blocks, tops, body, random, setup)
    body[YAW] = np.floor(uniform(random) * 24.0) * 15.0 - 180.0
    body[HP], body[FOOD_LEVEL], body[SATURATION_LEVEL] = 20.0, 20.0, 5.0
    body[START_X], body[START_Z] = body[X], body[Z]
    count[OXYGEN], count[TIME] = FULL_AIR, setup[START_TIME]
    for kind in range(1, 6):
        near, far = float(setup[ANIMALS_NEAR]), float(setup[ANIMALS_FAR])
        populate(blocks, tops, w.mobs[e], random, kind, setup[ANIMALS + kind - 1], body[X], body[Z], near, far)


@compiled
def begin_all(w: World, seeds: Ints, which: Ints, setup: Ints, slots: Ints) -> None:
    """Start episodes in the worlds ``which``, with one seed each."""
    for k in range(which.shape[0]):
        begin(w, which[k], seeds[k], setup, slots)
