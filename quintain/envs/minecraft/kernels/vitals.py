"""Health, hunger, air and fire, as in Minecraft 1.11 at normal difficulty; amounts are in half hearts and ticks."""

from __future__ import annotations

import numpy as np

from quintain.envs.minecraft.items import SLOTS
from quintain.envs.minecraft.kernels.compiled import compiled
from quintain.envs.minecraft.kernels.inventory import wear
from quintain.envs.minecraft.kernels.motion import any_solid
from quintain.envs.minecraft.kernels.tables import ARMOUR, CACTUS, OPAQUE
from quintain.envs.minecraft.kernels.world import (
    C_CACTUS,
    C_DROWN,
    C_FALL,
    C_FIRE,
    C_LAVA,
    C_STARVE,
    C_WALL,
    C_ZOMBIE,
    DAMAGE_CAUSE,
    DAMAGE_DISTANCE,
    DAMAGE_TAKEN,
    DAMAGE_YAW,
    DEAD,
    EXHAUSTION,
    EYE,
    FALL,
    FEET_IN,
    FIRE,
    FIRE_DAMAGE,
    FOOD_LEVEL,
    FOOD_TIMER,
    HALF,
    HEAD_IN,
    HP,
    HUNGER_DAMAGE,
    HURT_TIMER,
    LAST_DAMAGE,
    ON_GROUND,
    OXYGEN,
    SATURATION_LEVEL,
    TALL,
    Bytes,
    Floats,
    Ints,
    X,
    Y,
    Z,
    block_at,
    floor,
)

#: Air in ticks with a full breath, and ticks that lava sets on fire.
FULL_AIR, LAVA_FIRE = 300, 300


@compiled
def armour_points(slots: Ints) -> int:
    """Add up the armour points of what is worn."""
    total = 0
    for k in range(SLOTS, SLOTS + 4):
        total += ARMOUR[slots[k, 0]]
    return total


@compiled
def hurt(body: Floats, count: Ints, slots: Ints, have: Ints, amount: float, cause: int) -> None:
    """Take damage; within ten ticks of a hit only what exceeds it counts. Armour helps against mobs, lava, cactus."""
    if count[DEAD] or amount <= 0:
        return
    full = amount
    if count[HURT_TIMER] > 10:
        amount -= body[LAST_DAMAGE]
        if amount <= 0:
            return
    else:
        count[HURT_TIMER] = 20
    body[LAST_DAMAGE] = full
    if cause in (C_ZOMBIE, C_LAVA, C_CACTUS):
        points = float(armour_points(slots))
        worth = min(20.0, max(points / 5.0, points - amount / 2.0))
        for k in range(SLOTS, SLOTS + 4):
            if slots[k, 0] > 0:
                wear(slots, have, k, max(1, int(amount / 4.0)))
        amount *= 1.0 - worth / 25.0
    if cause != C_FALL and cause != C_DROWN and cause != C_STARVE and cause != C_WALL and cause != C_FIRE:
        body[EXHAUSTION] += 0.1
    body[HP] -= amount
    body[DAMAGE_TAKEN] += amount
    count[DAMAGE_CAUSE] = cause
    if cause == C_STARVE:
        body[HUNGER_DAMAGE] += amount
    if cause in (C_LAVA, C_FIRE):
        count[FIRE_DAMAGE] = 1
    if body[HP] <= 0:
        body[HP] = 0.0
        count[DEAD] = cause


@compiled
def land(body: Floats, count: Ints, slots: Ints, have: Ints) -> None:
    """Take the damage of a fall that has ended: blocks fallen minus three, rounded up."""
    if count[ON_GROUND]:
        if count[FEET_IN] == 0 and body[FALL] > 3.0 + 1e-6:
            hurt(body, count, slots, have, np.ceil(body[FALL] - 3.0 - 1e-6), C_FALL)
        body[FALL] = 0.0


@compiled
def breathe(body: Floats, count: Ints, slots: Ints, have: Ints) -> None:
    """Use up air under water: after 300 ticks 2 damage every 20 ticks."""
    if count[HEAD_IN] != 1:
        count[OXYGEN] = FULL_AIR
        return
    count[OXYGEN] -= 1
    if count[OXYGEN] == -20:
        count[OXYGEN] = 0
        hurt(body, count, slots, have, 2.0, C_DROWN)


@compiled
def burn(body: Floats, count: Ints, slots: Ints, have: Ints) -> None:
    """Take the damage of lava (4) and of being on fire (1 every 20 ticks), which water puts out."""
    if count[FEET_IN] == 1:
        count[FIRE] = 0
    if count[FIRE] > 0:
        if count[FIRE] % 20 == 0 and count[FEET_IN] != 2:
            hurt(body, count, slots, have, 1.0, C_FIRE)
        count[FIRE] -= 1
    if count[FEET_IN] == 2 or count[HEAD_IN] == 2:
        hurt(body, count, slots, have, 4.0, C_LAVA)
        count[FIRE] = LAVA_FIRE


@compiled
def touch(blocks: Bytes, body: Floats, count: Ints, slots: Ints, have: Ints) -> None:
    """Take the damage of a head inside a block, and of touching a cactus: 1 each."""
    x, y, z = body[X], body[Y], body[Z]
    if OPAQUE[block_at(blocks, floor(x), floor(y + EYE), floor(z))]:
        hurt(body, count, slots, have, 1.0, C_WALL)
    reach = HALF + 0.0625
    x0, x1, z0, z1 = floor(x - reach), floor(x + reach), floor(z - reach), floor(z + reach)
    if not any_solid(blocks, x0, x1, floor(y - 0.01), floor(y + TALL), z0, z1):
        return
    for i in range(x0, x1 + 1):
        for k in range(z0, z1 + 1):
            for j in range(floor(y - 0.01), floor(y + TALL) + 1):
                if block_at(blocks, i, j, k) == CACTUS:
                    hurt(body, count, slots, have, 1.0, C_CACTUS)


@compiled
def digest(body: Floats, count: Ints, slots: Ints, have: Ints) -> None:
    """Turn exhaustion into hunger, and food into health; starve at 0 food, to 1 half heart."""
    if body[EXHAUSTION] > 4.0:
        body[EXHAUSTION] -= 4.0
        if body[SATURATION_LEVEL] > 0:
            body[SATURATION_LEVEL] = max(body[SATURATION_LEVEL] - 1.0, 0.0)
        else:
            body[FOOD_LEVEL] = max(body[FOOD_LEVEL] - 1.0, 0.0)
    hungry = body[FOOD_LEVEL]
    count[FOOD_TIMER] += 1
    if body[SATURATION_LEVEL] > 0 and hungry >= 20 and body[HP] < 20:
        if count[FOOD_TIMER] >= 10:
            spent = min(body[SATURATION_LEVEL], 6.0)
            body[HP] = min(body[HP] + spent / 6.0, 20.0)
            body[EXHAUSTION] += spent
            count[FOOD_TIMER] = 0
    elif hungry >= 18 and body[HP] < 20:
        if count[FOOD_TIMER] >= 80:
            body[HP] = min(body[HP] + 1.0, 20.0)
            body[EXHAUSTION] += 6.0
            count[FOOD_TIMER] = 0
    elif hungry <= 0:
        if count[FOOD_TIMER] >= 80:
            if body[HP] > 1.0:
                hurt(body, count, slots, have, 1.0, C_STARVE)
            count[FOOD_TIMER] = 0
    else:
        count[FOOD_TIMER] = 0


@compiled
def live(blocks: Bytes, body: Floats, count: Ints, slots: Ints, have: Ints) -> None:
    """Advance health, air, fire and hunger by one tick, after the motion."""
    if count[HURT_TIMER] > 0:
        count[HURT_TIMER] -= 1
    land(body, count, slots, have)
    breathe(body, count, slots, have)
    burn(body, count, slots, have)
    touch(blocks, body, count, slots, have)
    digest(body, count, slots, have)


@compiled
def remember_attacker(body: Floats, yaw: float, distance: float) -> None:
    """Note the direction (degrees) and distance that the last damage by a mob came from."""
    body[DAMAGE_YAW], body[DAMAGE_DISTANCE] = yaw, distance
