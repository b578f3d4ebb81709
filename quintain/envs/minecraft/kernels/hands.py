"""What the agent does with its hands: dig, hit, place, use, drop."""

from __future__ import annotations

import numpy as np

from quintain.envs.minecraft.items import SLOTS
from quintain.envs.minecraft.kernels.changes import clear, put, spill, yield_drop
from quintain.envs.minecraft.kernels.compiled import compiled
from quintain.envs.minecraft.kernels.inventory import add, take_from, wear
from quintain.envs.minecraft.kernels.mobs import hit
from quintain.envs.minecraft.kernels.rays import MOB_HALF, MOB_TALL, cast, direction, sight
from quintain.envs.minecraft.kernels.tables import (
    BLOCK_TIER,
    BLOCK_TOOL,
    CACTUS,
    DAMAGE,
    DEADBUSH,
    DIRT,
    FOOD,
    GRASS,
    GRAVEL,
    HARDNESS,
    I_BUCKET,
    I_LAVA_BUCKET,
    I_LEAVES,
    I_MILK_BUCKET,
    I_SHEARS,
    I_TALLGRASS,
    I_WATER_BUCKET,
    I_WOOL,
    ICE,
    LAVA,
    LEAVES_BIRCH,
    LEAVES_OAK,
    PLACES,
    PUMPKIN,
    REEDS,
    REPLACEABLE,
    SAND,
    SATURATION,
    SOLID,
    SPEED,
    TALLGRASS,
    TIER,
    TOOL,
    TORCH,
    WATER,
)
from quintain.envs.minecraft.kernels.world import (
    BROKEN,
    COW,
    DIG,
    DIG_DELAY,
    DIG_X,
    DIG_Y,
    DIG_Z,
    EXHAUSTION,
    EYE,
    FOOD_LEVEL,
    HALF,
    HEAD_IN,
    HEIGHT,
    KIND,
    MINED,
    MOB_REACH,
    MSHORN,
    MX,
    MY,
    MZ,
    ON_GROUND,
    PITCH,
    PLACED,
    REACH,
    SATURATION_LEVEL,
    SHEEP,
    TALL,
    YAW,
    Bytes,
    Flags,
    Floats,
    Ints,
    Words,
    X,
    Y,
    Z,
    block_at,
    draw,
    wrapped,
)

_PICKAXE, _AXE, _SHOVEL, _SWORD, _SHEARS = 1, 2, 3, 4, 5


@compiled
def can_harvest(block: int, item: int) -> bool:
    """Whether breaking a block with an item in the hand yields its drop."""
    if BLOCK_TIER[block] == 0:
        return True
    return bool(TOOL[item] == BLOCK_TOOL[block] and TIER[item] >= BLOCK_TIER[block])


@compiled
def dig_per_tick(block: int, item: int, head_in_water: bool, grounded: bool) -> float:
    """Return the part of a block that one tick digs; 1 and more is instant, 0 is never.

    Speed over hardness over 30, or over 100 where the item cannot harvest the block; a fifth of it with the head under
    water, and a fifth while not on the ground.
    """
    if HARDNESS[block] < 0:
        return 0.0
    if HARDNESS[block] == 0:
        return 1.0
    speed = 1.0
    leaves = LEAVES_OAK <= block <= LEAVES_BIRCH
    if TOOL[item] > 0 and TOOL[item] == BLOCK_TOOL[block]:
        speed = 15.0 if leaves else SPEED[item]
    elif TOOL[item] == _SWORD and (leaves or block in (PUMPKIN, CACTUS)):
        speed = 1.5
    if head_in_water:
        speed /= 5.0
    if not grounded:
        speed /= 5.0
    return float(speed / HARDNESS[block] / (30.0 if can_harvest(block, item) else 100.0))


@compiled
def finish(
    blocks: Bytes, tops: Bytes, body: Floats, count: Ints, slots: Ints, have: Ints, used: Flags,
    drops: Floats, queue: Ints, random: Words, block: int, x: int, y: int, z: int,
) -> None:  # fmt: skip
    """Break a block: air, its drop, and wear of the tool."""
    item = slots[0, 0]
    clear(blocks, tops, count, queue, drops, random, x, y, z)
    if item == I_SHEARS and LEAVES_OAK <= block <= LEAVES_BIRCH:
        spill(count, drops, I_LEAVES, 1, 0, x + 0.5, y + 0.25, z + 0.5, 10)
    elif item == I_SHEARS and block == TALLGRASS:
        spill(count, drops, I_TALLGRASS, 1, 0, x + 0.5, y + 0.25, z + 0.5, 10)
    elif can_harvest(block, item):
        yield_drop(count, drops, random, block, x, y, z)
    if block == ICE and SOLID[block_at(blocks, x, y - 1, z)]:
        put(blocks, tops, count, queue, x, y, z, WATER)
    count[MINED] += 1
    body[EXHAUSTION] += 0.005
    if TOOL[item] > 0:
        used[item] = True
        if HARDNESS[block] > 0:
            count[BROKEN] += 1 if wear(slots, have, 0, 2 if TOOL[item] == _SWORD else 1) else 0


@compiled
def attack(
    blocks: Bytes, tops: Bytes, body: Floats, count: Ints, slots: Ints, have: Ints, used: Flags,
    mobs: Floats, drops: Floats, queue: Ints, random: Words,
) -> None:  # fmt: skip
    """Hit the mob, or go on digging the block, that the crosshair points at."""
    block, x, y, z, _, row = sight(blocks, body, mobs, REACH, MOB_REACH)
    item = slots[0, 0]
    if row >= 0:
        body[DIG] = 0.0
        if hit(mobs[row], drops, count, random, DAMAGE[item], body[YAW]):
            body[EXHAUSTION] += 0.1
            if TOOL[item] > 0:
                used[item] = True
                count[BROKEN] += 1 if wear(slots, have, 0, 1 if TOOL[item] == _SWORD else 2) else 0
        return
    if x != count[DIG_X] or y != count[DIG_Y] or z != count[DIG_Z] or block == 0:
        body[DIG] = 0.0
        count[DIG_X], count[DIG_Y], count[DIG_Z] = x, y, z
    if block == 0:
        return
    if count[DIG_DELAY] > 0:
        return
    part = dig_per_tick(block, item, count[HEAD_IN] == 1, count[ON_GROUND] == 1)
    body[DIG] += part
    if body[DIG] >= 1.0 - 1e-9:
        body[DIG] = 0.0
        if part < 1.0:
            count[DIG_DELAY] = 6  # five ticks pass before the next block, this one's end included
        finish(blocks, tops, body, count, slots, have, used, drops, queue, random, block, x, y, z)


@compiled
def stands_in(body: Floats, mobs: Floats, side: float, x: int, y: int, z: int) -> bool:
    """Whether the agent or a mob is in the way of a block."""
    if abs(x + 0.5 - body[X]) < 0.5 + HALF and abs(z + 0.5 - body[Z]) < 0.5 + HALF and y - TALL < body[Y] < y + 1:
        return True
    for k in range(mobs.shape[0]):
        kind = int(mobs[k, KIND])
        reach = 0.5 + MOB_HALF[kind]
        if kind == 0 or not y - MOB_TALL[kind] < mobs[k, MY] < y + 1:
            continue
        dx, dz = wrapped(side, x + 0.5 - mobs[k, MX]), wrapped(side, z + 0.5 - mobs[k, MZ])
        if abs(dx) < reach and abs(dz) < reach:
            return True
    return False


@compiled
def has_support(block: int, below: int, hit_solid: bool) -> bool:
    """Whether a block can stand above another one; torches also hang on walls."""
    if block == TORCH:
        return SOLID[below] or hit_solid
    if block == CACTUS:
        return below in (SAND, CACTUS)
    if block == REEDS:
        return below in (SAND, GRASS, DIRT, REEDS)
    if block == DEADBUSH:
        return below in (SAND, DIRT)
    if not SOLID[block]:
        return below in (GRASS, DIRT)
    return True


@compiled
def beside(x: int, y: int, z: int, face: int) -> tuple[int, int, int]:
    """Return the cell from which a ray entered a block by ``face``."""
    step = -1 if face < 3 else 1
    axis = face % 3
    return x + (step if axis == 0 else 0), y + (step if axis == 1 else 0), z + (step if axis == 2 else 0)


@compiled
def place(
    blocks: Bytes, tops: Bytes, body: Floats, count: Ints, slots: Ints, have: Ints, used: Flags,
    mobs: Floats, queue: Ints, k: int,
) -> bool:  # fmt: skip
    """Place the block of slot ``k`` where the crosshair points; return whether it was possible."""
    item = slots[k, 0]
    if item == 0 or PLACES[item] < 0:
        return False
    new = PLACES[item]
    block, x, y, z, face, _ = sight(blocks, body, mobs, REACH, 0.0)
    if block == 0 or face < 0:
        return False
    solid = SOLID[block] and face != 1
    if not REPLACEABLE[block]:
        x, y, z = beside(x, y, z, face)
    if not 0 < y < HEIGHT - 1 or not REPLACEABLE[block_at(blocks, x, y, z)]:
        return False
    if SOLID[new] and stands_in(body, mobs, float(blocks.shape[0]), x, y, z):
        return False
    if not has_support(new, block_at(blocks, x, y - 1, z), solid):
        return False
    while (new in (SAND, GRAVEL)) and y > 1 and REPLACEABLE[block_at(blocks, x, y - 1, z)]:
        y -= 1
    put(blocks, tops, count, queue, x, y, z, new)
    take_from(slots, have, k, 1)
    used[item] = True
    count[PLACED] += 1
    return True


@compiled
def exchange(count: Ints, slots: Ints, have: Ints, drops: Floats, body: Floats, new: int) -> None:
    """Replace one item of the main hand by another one, which is dropped if it does not fit."""
    take_from(slots, have, 0, 1)
    spill(count, drops, new, add(slots, have, new, 1, 0), 0, body[X], body[Y] + 1.0, body[Z], 10)


@compiled
def pour(
    blocks: Bytes, tops: Bytes, body: Floats, count: Ints, slots: Ints, have: Ints, drops: Floats, queue: Ints
) -> bool:
    """Fill an empty bucket from a source, or empty a full one; return whether it was possible."""
    item = slots[0, 0]
    dx, dy, dz = direction(np.radians(body[YAW]), np.radians(body[PITCH]))
    block, x, y, z, face, _ = cast(blocks, body[X], body[Y] + EYE, body[Z], dx, dy, dz, REACH, item == I_BUCKET)
    if item == I_BUCKET:
        if block != WATER and block != LAVA:
            return False
        put(blocks, tops, count, queue, x, y, z, 0)
        exchange(count, slots, have, drops, body, I_WATER_BUCKET if block == WATER else I_LAVA_BUCKET)
        return True
    if block == 0 or face < 0:
        return False
    if not REPLACEABLE[block]:
        x, y, z = beside(x, y, z, face)
    if not 0 < y < HEIGHT - 1 or not REPLACEABLE[block_at(blocks, x, y, z)]:
        return False
    put(blocks, tops, count, queue, x, y, z, WATER if item == I_WATER_BUCKET else LAVA)
    exchange(count, slots, have, drops, body, I_BUCKET)
    return True


@compiled
def use(
    blocks: Bytes, tops: Bytes, body: Floats, count: Ints, slots: Ints, have: Ints, used: Flags,
    mobs: Floats, drops: Floats, queue: Ints, random: Words,
) -> None:  # fmt: skip
    """Use what the main hand holds: eat, shear, milk, fill or empty a bucket, or place a block."""
    item = slots[0, 0]
    if item == 0:
        return
    if FOOD[item] > 0:
        if body[FOOD_LEVEL] < 20:
            body[FOOD_LEVEL] = min(20.0, body[FOOD_LEVEL] + FOOD[item])
            body[SATURATION_LEVEL] = min(body[FOOD_LEVEL], body[SATURATION_LEVEL] + SATURATION[item])
            used[item] = True
            take_from(slots, have, 0, 1)
        return
    if item in (I_SHEARS, I_BUCKET):
        row = sight(blocks, body, mobs, REACH, MOB_REACH)[5]
        if row >= 0 and item == I_BUCKET and mobs[row, KIND] == COW:
            used[item] = True
            exchange(count, slots, have, drops, body, I_MILK_BUCKET)
            return
        if row >= 0 and item == I_SHEARS and mobs[row, KIND] == SHEEP and mobs[row, MSHORN] == 0:
            mobs[row, MSHORN] = 1.0
            used[item] = True
            spill(count, drops, I_WOOL, 1 + draw(random, 3), 0, mobs[row, MX], mobs[row, MY] + 1.0, mobs[row, MZ], 10)
            count[BROKEN] += 1 if wear(slots, have, 0, 1) else 0
            return
    if item in (I_BUCKET, I_WATER_BUCKET, I_LAVA_BUCKET):
        if pour(blocks, tops, body, count, slots, have, drops, queue):
            used[item] = True
    elif PLACES[item] >= 0:
        place(blocks, tops, body, count, slots, have, used, mobs, queue, 0)


@compiled
def throw(body: Floats, count: Ints, slots: Ints, have: Ints, drops: Floats) -> bool:
    """Drop one item of the main hand before the feet; return whether there was one."""
    if slots[0, 0] == 0:
        return False
    spill(count, drops, slots[0, 0], 1, slots[0, 2], body[X], body[Y] + 1.3, body[Z], 40)
    take_from(slots, have, 0, 1)
    return True


@compiled
def destroy(slots: Ints, have: Ints, k: int) -> bool:
    """Delete what slot ``k`` holds; return whether there was something."""
    if slots[k, 0] == 0:
        return False
    take_from(slots, have, k, slots[k, 1])
    return k < SLOTS
