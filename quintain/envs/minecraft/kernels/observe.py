"""Observations as flat buffers: MineDojo's for one world, and arrays for learners of a whole batch."""

from __future__ import annotations

import numpy as np

from quintain.envs.minecraft.items import N_SLOTS, SLOTS
from quintain.envs.minecraft.kernels.compiled import compiled
from quintain.envs.minecraft.kernels.inventory import write_masks
from quintain.envs.minecraft.kernels.rays import cast, crop, direction, lidar, sight
from quintain.envs.minecraft.kernels.tables import DURABILITY, LIQUID, N_ITEMS, TIER, TOOL
from quintain.envs.minecraft.kernels.vitals import armour_points
from quintain.envs.minecraft.kernels.world import (
    DAMAGE_DISTANCE,
    DAMAGE_TAKEN,
    DAMAGE_YAW,
    DIG,
    EYE,
    FEET_IN,
    FIRE,
    FIRE_DAMAGE,
    FOOD_LEVEL,
    HEAD_IN,
    HEIGHT,
    HP,
    HUNGER_DAMAGE,
    MOB_REACH,
    NEAR_FURNACE,
    NEAR_TABLE,
    ON_GROUND,
    OXYGEN,
    PITCH,
    REACH,
    SATURATION_LEVEL,
    TIME,
    VX,
    VY,
    VZ,
    XP,
    YAW,
    Bytes,
    Floats,
    Ints,
    World,
    X,
    Y,
    Z,
    floor,
)

#: Numbers of the agent's state in ``arrays`` and ``flat`` observations; see :func:`write_state`.
N_STATE = 40
#: Rainfall and temperature of the biomes by id, as in Minecraft 1.11.
_RAINFALL = np.array([0.5, 0.4, 0.0, 0.3, 0.8, 0.8])
_TEMPERATURE = np.array([0.5, 0.8, 2.0, 0.2, 0.7, 0.25])


@compiled
def sun_brightness(time: int) -> float:
    """Return the brightness of the sky, from 0.2 at midnight to 1 by day."""
    angle = (time % 24000) / 24000.0 - 0.25
    return float(min(max(np.cos(angle * 2.0 * np.pi) * 2.0 + 0.5, 0.0), 1.0) * 0.8 + 0.2)


@compiled
def light(blocks: Bytes, tops: Bytes, body: Floats, count: Ints) -> tuple[float, float, bool]:
    """Return light level (0 to 15), level of sky light (0 to 1), and whether the sky is visible, at the eye.

    Sky light falls off by 3 per block under cover; torches and lava within 7 blocks count.
    """
    x, y, z = floor(body[X]), floor(body[Y] + EYE), floor(body[Z])
    mask = blocks.shape[0] - 1
    cover = int(tops[x & mask, z & mask]) - y
    sky = 15.0 if cover < 0 else max(0.0, 12.0 - 3.0 * cover)
    return max(sky * sun_brightness(count[TIME]), 0.0), sky / 15.0, cover < 0


@compiled
def write_minedojo(
    blocks: Bytes, tops: Bytes, biomes: Bytes, body: Floats, count: Ints, slots: Ints, have: Ints, seen: Ints,
    crafted: bool, f: Floats, i: Ints, b: Bytes,
) -> None:  # fmt: skip
    """Write MineDojo's observation of one world into three buffers, in the order of ``views.MINEDOJO``."""
    for k in range(N_SLOTS):
        item, most = slots[k, 0], DURABILITY[slots[k, 0]]
        i[k] = item
        f[k], f[N_SLOTS + k] = slots[k, 1], most
        f[2 * N_SLOTS + k] = most - slots[k, 2] if most >= 0 else -1.0
    at = 3 * N_SLOTS
    f[at], f[at + 1], f[at + 2] = body[HP], armour_points(slots), body[FOOD_LEVEL]
    f[at + 3], f[at + 4], f[at + 5] = body[SATURATION_LEVEL], min(count[XP], 1395), max(count[OXYGEN], 0)
    f[at + 6], f[at + 7], f[at + 8] = body[X], body[Y], body[Z]
    f[at + 9], f[at + 10] = body[YAW], body[PITCH]
    level, sky, visible = light(blocks, tops, body, count)
    mask = blocks.shape[0] - 1
    biome = biomes[floor(body[X]) & mask, floor(body[Z]) & mask]
    f[at + 11], f[at + 12], f[at + 13] = np.floor(level), sky, sun_brightness(count[TIME])
    f[at + 14], f[at + 15], f[at + 16] = _RAINFALL[biome], _TEMPERATURE[biome], 21.0
    f[at + 17], f[at + 18], f[at + 19] = min(body[DAMAGE_TAKEN], 40.0), body[DAMAGE_DISTANCE], 0.0
    f[at + 20], f[at + 21] = body[DAMAGE_YAW], body[HUNGER_DAMAGE]
    i[N_SLOTS], i[N_SLOTS + 1] = biome, 1 if visible else 0
    b[0], b[1], b[2] = count[NEAR_TABLE], count[NEAR_FURNACE], count[FIRE_DAMAGE]
    b[3] = 1 if body[HUNGER_DAMAGE] > 0 else 0
    write_masks(slots, have, count, b[4:])
    base, fbase = N_SLOTS + 2, at + 22
    for k in range(10):
        i[base + k], f[fbase + k] = 0, 0.0
    gains, losses, start = 0, 0, 0 if crafted else 5
    for item in range(1, N_ITEMS):
        change = have[item] - seen[item]
        if change > 0 and gains == 0:
            i[base + start], f[fbase + start] = item, change
            gains = 1
        elif change < 0 and losses < 4:
            i[base + start + 1 + losses], f[fbase + start + 1 + losses] = item, -change
            losses += 1
        seen[item] = have[item]


@compiled
def write_state(blocks: Bytes, tops: Bytes, body: Floats, count: Ints, slots: Ints, mobs: Floats, out: Floats) -> None:
    """Write the agent's state, scaled to about [-1, 1].

    0 life, 1 armour, 2 food, 3 saturation, 4 oxygen, 5 on fire, 6 on the ground, 7 feet in water, 8 feet in lava,
    9 head in water, 10 height, 11-13 velocity, 14-15 sine and cosine of yaw, 16 pitch, 17-18 sine and cosine of the
    time of the day, 19 sky visible, 20 light, 21 table near, 22 furnace near, 23-28 class of the tool in the hand
    (none, pickaxe, axe, shovel, sword, shears), 29 its tier, 30 its durability, 31 digging progress, 32 something is
    in the crosshair, 33 it is a mob, 34 its distance over the reach, 35 it is a liquid, 36 damage taken, 37 falling,
    38 hand empty, 39 constant 1.
    """
    out[0], out[1], out[2] = body[HP] / 20.0, armour_points(slots) / 20.0, body[FOOD_LEVEL] / 20.0
    out[3], out[4], out[5] = body[SATURATION_LEVEL] / 20.0, count[OXYGEN] / 300.0, 1.0 if count[FIRE] > 0 else 0.0
    out[6], out[7] = count[ON_GROUND], 1.0 if count[FEET_IN] == 1 else 0.0
    out[8], out[9] = 1.0 if count[FEET_IN] == 2 else 0.0, 1.0 if count[HEAD_IN] == 1 else 0.0
    out[10], out[11], out[12], out[13] = body[Y] / HEIGHT, body[VX], body[VY], body[VZ]
    yaw = np.radians(body[YAW])
    out[14], out[15], out[16] = np.sin(yaw), np.cos(yaw), body[PITCH] / 90.0
    day = (count[TIME] % 24000) / 24000.0 * 2.0 * np.pi
    level, _, visible = light(blocks, tops, body, count)
    out[17], out[18], out[19], out[20] = np.sin(day), np.cos(day), 1.0 if visible else 0.0, level / 15.0
    out[21], out[22] = count[NEAR_TABLE], count[NEAR_FURNACE]
    item = slots[0, 0]
    for k in range(6):
        out[23 + k] = 1.0 if TOOL[item] == k and item > 0 else 0.0
    out[29] = TIER[item] / 4.0
    out[30] = 1.0 - slots[0, 2] / DURABILITY[item] if DURABILITY[item] > 0 else 0.0
    out[31] = body[DIG]
    block, x, y, z, _, row = sight(blocks, body, mobs, REACH, MOB_REACH)
    out[32], out[33] = 1.0 if block > 0 or row >= 0 else 0.0, 1.0 if row >= 0 else 0.0
    gap = np.sqrt((x + 0.5 - body[X]) ** 2 + (y + 0.5 - body[Y] - EYE) ** 2 + (z + 0.5 - body[Z]) ** 2)
    out[34] = min(gap / REACH, 2.0) if block > 0 else 2.0
    ahead = direction(yaw, np.radians(body[PITCH]))
    wet = cast(blocks, body[X], body[Y] + EYE, body[Z], ahead[0], ahead[1], ahead[2], REACH, True)[0]
    out[35] = 1.0 if LIQUID[wet] > 0 else 0.0
    out[36], out[37] = body[DAMAGE_TAKEN] / 20.0, 1.0 if body[VY] < -0.1 else 0.0
    out[38], out[39] = 1.0 if item == 0 else 0.0, 1.0


@compiled
def observe_all(
    w: World, low: Ints, rays: Floats, state: Floats, voxels: Bytes, ids: Ints, kinds: Ints, cells: Ints, gaps: Floats,
    masks: Bytes,
) -> None:  # fmt: skip
    """Write state, voxels, rays and masks of all worlds; parts of size 0 are left out."""
    for e in range(state.shape[0]):
        blocks, body, count, slots, mobs = w.blocks[e], w.body[e], w.counts[e], w.slots[e], w.mobs[e]
        write_state(blocks, w.top[e], body, count, slots, mobs, state[e])
        if voxels.shape[1] > 0:
            crop(blocks, body, low, voxels[e])
        if rays.shape[0] > 0:
            lidar(blocks, body, mobs, rays, ids[e], kinds[e], cells[e], gaps[e])
        if masks.shape[1] > 0:
            write_masks(slots, w.have[e], count, masks[e])


@compiled
def write_all_masks(w: World, out: Bytes) -> None:
    """Write what is possible in every world, shape ``(E, 360)``."""
    for e in range(out.shape[0]):
        write_masks(w.slots[e], w.have[e], w.counts[e], out[e])


@compiled
def see(
    w: World, e: int, low: Ints, rays: Floats, voxels: Bytes, ids: Ints, kinds: Ints, cells: Ints, gaps: Floats
) -> None:
    """Write voxels and rays of one world; parts of size 0 are left out."""
    if voxels.shape[0] > 0:
        crop(w.blocks[e], w.body[e], low, voxels)
    if rays.shape[0] > 0:
        lidar(w.blocks[e], w.body[e], w.mobs[e], rays, ids, kinds, cells, gaps)


@compiled
def observe_one(w: World, e: int, seen: Ints, crafted: bool, f: Floats, i: Ints, b: Bytes) -> None:
    """Write MineDojo's observation of world ``e``."""
    write_minedojo(
        w.blocks[e], w.top[e], w.biome[e], w.body[e], w.counts[e], w.slots[e], w.have[e], seen, crafted, f, i, b
    )  # fmt: skip


#: Lengths of the three buffers of MineDojo's observation.
MINEDOJO_FLOATS, MINEDOJO_INTS, MINEDOJO_BYTES = 3 * N_SLOTS + 32, N_SLOTS + 12, 4 + 8 + 244 + 3 * SLOTS
