"""Cows, sheep, pigs and chickens that wander and flee, and zombies that come at night, chase, and burn by day."""

from __future__ import annotations

import numpy as np

from quintain.envs.minecraft.items import ITEM_ID
from quintain.envs.minecraft.kernels.changes import spill
from quintain.envs.minecraft.kernels.compiled import compiled
from quintain.envs.minecraft.kernels.motion import sweep_x, sweep_y, sweep_z
from quintain.envs.minecraft.kernels.rays import MOB_HALF, MOB_TALL
from quintain.envs.minecraft.kernels.tables import GRASS, LIQUID, SAND, SNOW, SOLID
from quintain.envs.minecraft.kernels.vitals import hurt, remember_attacker
from quintain.envs.minecraft.kernels.world import (
    C_ZOMBIE,
    CHICKEN,
    HEIGHT,
    HP,
    KILLS,
    KIND,
    MFLEE,
    MGOAL,
    MHP,
    MHURT,
    MSHORN,
    MTIMER,
    MVX,
    MVY,
    MVZ,
    MX,
    MY,
    MYAW,
    MZ,
    SHEEP,
    TICKS,
    TIME,
    TORCHES,
    VX,
    VY,
    VZ,
    XP,
    ZOMBIE,
    Bytes,
    Floats,
    Ints,
    Words,
    X,
    Y,
    Z,
    block_at,
    draw,
    floor,
    uniform,
    wrapped,
)

#: Health, walking and running speed (blocks per tick) by kind.
MOB_HP = np.array([0.0, 10.0, 8.0, 10.0, 4.0, 20.0])
_WALK = np.array([0.0, 0.045, 0.05, 0.05, 0.05, 0.05])
_RUN = np.array([0.0, 0.1, 0.11, 0.11, 0.12, 0.105])
#: Item, least and largest number that a mob drops, two rows a kind.
_LOOT = np.array([
    (0, 0, 0), (0, 0, 0), (ITEM_ID["beef"], 1, 3), (ITEM_ID["leather"], 0, 2), (ITEM_ID["mutton"], 1, 2),
    (ITEM_ID["wool"], 1, 1), (ITEM_ID["porkchop"], 1, 3), (0, 0, 0), (ITEM_ID["chicken"], 1, 1),
    (ITEM_ID["feather"], 0, 2), (ITEM_ID["rotten_flesh"], 0, 2), (0, 0, 0),
], np.int64)  # fmt: skip
#: Zombies that chase at a time, distance at which they notice, and ticks between two of their blows.
_MOST_ZOMBIES, _NOTICE, _BLOW = 4, 24.0, 20
#: First and last tick of the day at which zombies come.
NIGHT, MORNING = 13000, 23000


@compiled
def is_night(time: int) -> bool:
    """Whether zombies come at this time of the day."""
    return NIGHT <= time % 24000 < MORNING


@compiled
def place_mob(mobs: Floats, kind: int, x: float, y: float, z: float, yaw: float) -> bool:
    """Put a mob of full health into a free row; return whether there was one."""
    for k in range(mobs.shape[0]):
        if mobs[k, KIND] == 0:
            for column in range(mobs.shape[1]):
                mobs[k, column] = 0.0
            mobs[k, KIND], mobs[k, MX], mobs[k, MY], mobs[k, MZ] = kind, x, y, z
            mobs[k, MYAW], mobs[k, MHP], mobs[k, MGOAL] = yaw, MOB_HP[kind], -1.0
            mobs[k, MTIMER] = float(k % 8)
            return True
    return False


@compiled
def surface(blocks: Bytes, tops: Bytes, x: int, z: int) -> int:
    """Return the height of feet on the surface of a column, or -1 where a mob cannot stand."""
    mask = blocks.shape[0] - 1
    y = int(tops[x & mask, z & mask])
    ground = block_at(blocks, x, y, z)
    free = not SOLID[block_at(blocks, x, y + 1, z)] and LIQUID[block_at(blocks, x, y + 1, z)] == 0
    if (ground in (GRASS, SAND, SNOW)) and free and y + 3 < HEIGHT:
        return y + 1
    return -1


@compiled
def populate(
    blocks: Bytes,
    tops: Bytes,
    mobs: Floats,
    random: Words,
    kind: int,
    number: int,
    x: float,
    z: float,
    near: float,
    far: float,
) -> None:
    """Put animals on the surface at distances between ``near`` and ``far`` of a place."""
    for _ in range(number):
        for _ in range(40):
            angle, distance = uniform(random) * 6.2832, near + (far - near) * np.sqrt(uniform(random))
            px, pz = floor(x + distance * np.cos(angle)), floor(z + distance * np.sin(angle))
            y = surface(blocks, tops, px, pz)
            if y > 0:
                place_mob(mobs, kind, px + 0.5, float(y), pz + 0.5, uniform(random) * 360.0)
                break


@compiled
def spawn_zombies(blocks: Bytes, tops: Bytes, body: Floats, count: Ints, mobs: Floats, random: Words) -> None:
    """Let a zombie come at night, at 16 to 28 blocks; torches in the world make them rarer."""
    if count[TIME] % 40 != 0 or not is_night(count[TIME]):
        return
    here = 0
    for k in range(mobs.shape[0]):
        if mobs[k, KIND] == ZOMBIE:
            here += 1
    if here < _MOST_ZOMBIES and uniform(random) < 0.5 / (1.0 + 0.2 * count[TORCHES]):
        populate(blocks, tops, mobs, random, ZOMBIE, 1, body[X], body[Z], 16.0, 28.0)


@compiled
def die(mob: Floats, count: Ints, drops: Floats, random: Words) -> None:
    """Remove a mob and drop what it leaves; a shorn sheep leaves no wool."""
    kind = int(mob[KIND])
    for row in range(2 * kind, 2 * kind + 2):
        item, least, most = _LOOT[row]
        number = least + draw(random, most - least + 1)
        if item > 0 and not (kind == SHEEP and row == 2 * kind + 1 and mob[MSHORN] > 0):
            spill(count, drops, item, number, 0, mob[MX], mob[MY] + 0.3, mob[MZ], 10)
    mob[KIND] = 0.0


@compiled
def hit(mob: Floats, drops: Floats, count: Ints, random: Words, damage: float, yaw: float) -> bool:
    """Hit a mob, from the direction ``yaw`` in degrees; return whether it counted: at most twice a second."""
    if mob[MHURT] > 0:
        return False
    mob[MHP] -= damage
    mob[MHURT], mob[MFLEE] = 10.0, 50.0
    mob[MVX], mob[MVZ] = -0.4 * np.sin(np.radians(yaw)), 0.4 * np.cos(np.radians(yaw))
    mob[MVY] = 0.3
    mob[MGOAL], mob[MTIMER] = yaw + (uniform(random) - 0.5) * 60.0, 40.0
    if mob[MHP] <= 0:
        count[KILLS + int(mob[KIND]) - 1] += 1
        count[XP] += 5 if mob[KIND] == ZOMBIE else 1 + draw(random, 3)
        die(mob, count, drops, random)
    return True


@compiled
def is_safe_ahead(blocks: Bytes, mob: Floats) -> bool:
    """Whether the cell ahead has ground within two blocks and no liquid."""
    x = floor(mob[MX] - 0.9 * np.sin(np.radians(mob[MYAW])))
    z = floor(mob[MZ] + 0.9 * np.cos(np.radians(mob[MYAW])))
    y = floor(mob[MY] + 0.01)
    for level in (y, y - 1, y - 2, y - 3):
        block = block_at(blocks, x, level, z)
        if LIQUID[block] > 0:
            return False
        if SOLID[block]:
            return True
    return False


@compiled
def decide(blocks: Bytes, body: Floats, count: Ints, slots: Ints, have: Ints, mob: Floats, random: Words) -> float:
    """Choose heading and speed: chase, flee, wander or stand. A zombie in reach strikes."""
    kind = int(mob[KIND])
    if mob[MTIMER] > 0:
        mob[MTIMER] -= 1.0
    if kind == ZOMBIE:
        side = float(blocks.shape[0])
        dx, dz = wrapped(side, body[X] - mob[MX]), wrapped(side, body[Z] - mob[MZ])
        distance = np.sqrt(dx * dx + dz * dz)
        if distance < _NOTICE:
            mob[MYAW] = np.degrees(np.arctan2(-dx, dz))
            if distance < 1.4 and abs(body[Y] - mob[MY]) < 2.0 and mob[MTIMER] == 0:
                mob[MTIMER] = _BLOW
                before = body[HP]
                hurt(body, count, slots, have, 3.0, C_ZOMBIE)
                if body[HP] < before:
                    remember_attacker(body, mob[MYAW] + 180.0, distance)
                    body[VX] += 0.4 * dx / max(distance, 0.01)
                    body[VZ] += 0.4 * dz / max(distance, 0.01)
                    body[VY] = max(body[VY], 0.3)
            return 0.0 if distance < 0.8 else _RUN[kind]
    if mob[MFLEE] > 0:
        mob[MFLEE] -= 1.0
        mob[MYAW] = mob[MGOAL]
        return _RUN[kind] if is_safe_ahead(blocks, mob) or mob[MVY] != 0 else 0.0
    if mob[MTIMER] == 0:
        mob[MTIMER] = 40.0 + draw(random, 80)
        mob[MGOAL] = -1.0 if uniform(random) < 0.7 else uniform(random) * 360.0
    if mob[MGOAL] < 0:
        return 0.0
    mob[MYAW] = mob[MGOAL]
    if mob[MTIMER] % 4 == 0 and not is_safe_ahead(blocks, mob):
        mob[MGOAL] = -1.0
        return 0.0
    return float(_WALK[kind])


@compiled
def walk(blocks: Bytes, mob: Floats, speed: float) -> None:
    """Move a mob by one tick; it jumps at walls and swims up in liquids."""
    kind = int(mob[KIND])
    half, tall = MOB_HALF[kind], MOB_TALL[kind]
    x, y, z = mob[MX], mob[MY], mob[MZ]
    wet = LIQUID[block_at(blocks, floor(x), floor(y + 0.3), floor(z))] > 0
    mob[MVY] = 0.06 if wet else (mob[MVY] - 0.08) * 0.98
    if kind == CHICKEN and mob[MVY] < -0.1:
        mob[MVY] = -0.1
    dy = sweep_y(blocks, x, y, z, half, tall, mob[MVY])
    grounded = dy != mob[MVY] and mob[MVY] < 0
    if dy != mob[MVY]:
        mob[MVY] = 0.0
    mob[MY] = y + dy
    dx = mob[MVX] - speed * np.sin(np.radians(mob[MYAW]))
    dz = mob[MVZ] + speed * np.cos(np.radians(mob[MYAW]))
    mob[MVX] *= 0.6
    mob[MVZ] *= 0.6
    if abs(dx) + abs(dz) < 1e-3:
        mob[MVX] = mob[MVZ] = 0.0
        return
    moved_x = sweep_x(blocks, x, mob[MY], z, half, tall, dx)
    mob[MX] = x + moved_x
    moved_z = sweep_z(blocks, mob[MX], mob[MY], z, half, tall, dz)
    mob[MZ] = z + moved_z
    if (moved_x != dx or moved_z != dz) and (grounded or wet):
        mob[MVY] = 0.42


@compiled
def suffer(blocks: Bytes, tops: Bytes, mob: Floats, drops: Floats, count: Ints, random: Words) -> None:
    """Burn in lava, and burn zombies under the open sky by day."""
    x, z = floor(mob[MX]), floor(mob[MZ])
    mask = blocks.shape[0] - 1
    liquid = LIQUID[block_at(blocks, x, floor(mob[MY] + 0.2), z)]
    damage = 4.0 if liquid == 2 else 0.0
    if mob[KIND] == ZOMBIE and not is_night(count[TIME]) and liquid == 0 and mob[MY] > tops[x & mask, z & mask]:
        damage = 1.0
    if damage > 0:
        mob[MHP] -= damage
        if mob[MHP] <= 0:
            die(mob, count, drops, random)


@compiled
def live_mobs(
    blocks: Bytes,
    tops: Bytes,
    body: Floats,
    count: Ints,
    slots: Ints,
    have: Ints,
    mobs: Floats,
    drops: Floats,
    random: Words,
) -> None:
    """Advance all mobs by one tick.

    An animal that walks on the ground moves every second tick, twice as far; one that stands is looked at every 16
    ticks. What blocks lie around mobs is seldom in the processor's cache, and reading it is what they cost.
    """
    for k in range(mobs.shape[0]):
        if mobs[k, KIND] == 0:
            continue
        turn = (count[TICKS] + k) % 16
        calm = mobs[k, MVY] == 0 and mobs[k, MVX] == 0 and mobs[k, MVZ] == 0 and mobs[k, KIND] != ZOMBIE
        if (
            calm
            and turn > 0
            and (turn % 2 == 1 or (mobs[k, MGOAL] < 0 and mobs[k, MTIMER] > 0 and mobs[k, MFLEE] == 0))
        ):
            mobs[k, MTIMER] -= 0.0 if turn % 2 == 1 else 1.0
            continue
        mob = mobs[k]
        if mob[MHURT] > 0:
            mob[MHURT] -= 1.0
        speed = decide(blocks, body, count, slots, have, mob, random)
        if speed > 0 or not calm or turn == 0:
            walk(blocks, mob, 2.0 * speed if calm else speed)
        if turn == 0:
            suffer(blocks, tops, mob, drops, count, random)
