"""Slots, crafting, smelting, equipment, and the masks of what is possible."""

from __future__ import annotations

from quintain.envs.minecraft.items import SLOTS
from quintain.envs.minecraft.kernels.compiled import compiled
from quintain.envs.minecraft.kernels.tables import (
    CRAFTING_TABLE,
    DURABILITY,
    EQUIP_SLOT,
    FUEL,
    FUEL_ORDER,
    FURNACE,
    N_CRAFTS,
    PLACES,
    RECIPE_OF,
    RECIPE_ROWS,
    STACK,
)
from quintain.envs.minecraft.kernels.world import (
    BURN,
    EYE,
    FURNACES,
    NEAR_FURNACE,
    NEAR_TABLE,
    TABLES,
    Bytes,
    Flags,
    Floats,
    Ints,
    X,
    Y,
    Z,
    block_at,
    floor,
)


@compiled
def free_for(slots: Ints, item: int) -> int:
    """Return how many of an item the inventory can still take."""
    room = 0
    for k in range(SLOTS):
        if slots[k, 0] == 0:
            room += STACK[item]
        elif slots[k, 0] == item:
            room += STACK[item] - slots[k, 1]
    return room


@compiled
def add(slots: Ints, have: Ints, item: int, number: int, uses: int) -> int:
    """Put items into the inventory, first onto stacks, then into empty slots; return how many did not fit."""
    for empty in range(2):
        for k in range(SLOTS):
            if number == 0:
                return 0
            fits = slots[k, 0] == 0 if empty else slots[k, 0] == item and STACK[item] > 1
            if fits:
                moved = min(number, STACK[item] - slots[k, 1])
                slots[k, 0], slots[k, 2] = item, uses
                slots[k, 1] += moved
                have[item] += moved
                number -= moved
    return number


@compiled
def take_from(slots: Ints, have: Ints, k: int, number: int) -> None:
    """Remove items from slot ``k``, which holds enough of them."""
    if k < SLOTS:
        have[slots[k, 0]] -= number
    slots[k, 1] -= number
    if slots[k, 1] == 0:
        slots[k, 0] = slots[k, 2] = 0


@compiled
def take(slots: Ints, have: Ints, item: int, number: int) -> None:
    """Remove items of a kind, of which there are enough, from the last slots first."""
    for k in range(SLOTS - 1, -1, -1):
        if number == 0:
            return
        if slots[k, 0] == item:
            moved = min(number, slots[k, 1])
            take_from(slots, have, k, moved)
            number -= moved


@compiled
def wear(slots: Ints, have: Ints, k: int, uses: int) -> bool:
    """Use up durability of the item in slot ``k``; return whether it broke."""
    item = slots[k, 0]
    if DURABILITY[item] < 0:
        return False
    slots[k, 2] += uses
    if slots[k, 2] <= DURABILITY[item]:
        return False
    take_from(slots, have, k, 1)
    return True


@compiled
def swap(slots: Ints, have: Ints, one: int, other: int) -> None:
    """Exchange two slots, of which the equipment does not count as inventory."""
    for k in (one, other):
        if k < SLOTS:
            have[slots[k, 0]] -= slots[k, 1]
    for column in range(3):
        slots[one, column], slots[other, column] = slots[other, column], slots[one, column]
    for k in (one, other):
        if k < SLOTS:
            have[slots[k, 0]] += slots[k, 1]


@compiled
def can_equip(slots: Ints, k: int) -> bool:
    """Whether slot ``k`` holds something to equip; the main hand only armour or a shield."""
    item = slots[k, 0]
    return item > 0 and (k > 0 or EQUIP_SLOT[item] > 0)


@compiled
def equip(slots: Ints, have: Ints, used: Flags, k: int) -> bool:
    """Put the item of slot ``k`` where it belongs: on the body, or into the main hand."""
    if not can_equip(slots, k):
        return False
    item = slots[k, 0]
    if EQUIP_SLOT[item] > 0:
        used[item] = True
        swap(slots, have, k, SLOTS - 1 + EQUIP_SLOT[item])
    else:
        swap(slots, have, k, 0)
    return True


@compiled
def near(blocks: Bytes, body: Floats, block: int) -> bool:
    """Whether a block lies within 4.5 blocks of the eye."""
    ox, oy, oz = body[X], body[Y] + EYE, body[Z]
    for x in range(floor(ox) - 4, floor(ox) + 5):
        for z in range(floor(oz) - 4, floor(oz) + 5):
            for y in range(floor(oy) - 4, floor(oy) + 5):
                if block_at(blocks, x, y, z) != block:
                    continue
                if (x + 0.5 - ox) ** 2 + (y + 0.5 - oy) ** 2 + (z + 0.5 - oz) ** 2 <= 4.5 * 4.5:
                    return True
    return False


@compiled
def look_around(blocks: Bytes, body: Floats, count: Ints) -> None:
    """Find out whether a crafting table and a furnace are near; only players place them."""
    count[NEAR_TABLE] = 1 if count[TABLES] > 0 and near(blocks, body, CRAFTING_TABLE) else 0
    count[NEAR_FURNACE] = 1 if count[FURNACES] > 0 and near(blocks, body, FURNACE) else 0


@compiled
def fuel_for(have: Ints, count: Ints, item: int, spent: int) -> int:
    """Return what a furnace would burn to smelt once: -1 the heat that is left, 0 nothing, else an item.

    ``spent`` of ``item`` are the ingredients themselves, which cannot burn too.
    """
    if count[BURN] >= 200:
        return -1
    for k in range(FUEL_ORDER.shape[0]):
        fuel = FUEL_ORDER[k]
        needed = (200 - count[BURN] + FUEL[fuel] - 1) // FUEL[fuel]
        if have[fuel] - (spent if fuel == item else 0) >= needed:
            return int(fuel)
    return 0


@compiled
def can_craft(slots: Ints, have: Ints, count: Ints, row: int) -> bool:
    """Whether a recipe can be made now: ingredients, table or furnace, fuel, and room for the result."""
    place = RECIPE_ROWS[row, 3]
    if (place == 1 and count[NEAR_TABLE] == 0) or (place == 2 and count[NEAR_FURNACE] == 0):
        return False
    for k in range(4, 10, 2):
        if RECIPE_ROWS[row, k + 1] > 0 and have[RECIPE_ROWS[row, k]] < RECIPE_ROWS[row, k + 1]:
            return False
    if place == 2 and fuel_for(have, count, RECIPE_ROWS[row, 4], RECIPE_ROWS[row, 5]) == 0:
        return False
    return bool(free_for(slots, RECIPE_ROWS[row, 1]) >= RECIPE_ROWS[row, 2])


@compiled
def craft(slots: Ints, have: Ints, count: Ints, used: Flags, argument: int) -> bool:
    """Craft or smelt once; return whether it was possible."""
    row = RECIPE_OF[argument]
    if row < 0 or not can_craft(slots, have, count, row):
        return False
    if RECIPE_ROWS[row, 3] == 2:
        fuel = fuel_for(have, count, RECIPE_ROWS[row, 4], RECIPE_ROWS[row, 5])
        while fuel > 0 and count[BURN] < 200:
            take(slots, have, fuel, 1)
            count[BURN] += FUEL[fuel]
        count[BURN] -= 200
    for k in range(4, 10, 2):
        if RECIPE_ROWS[row, k + 1] > 0:
            used[RECIPE_ROWS[row, k]] = True
            take(slots, have, RECIPE_ROWS[row, k], RECIPE_ROWS[row, k + 1])
    add(slots, have, RECIPE_ROWS[row, 1], RECIPE_ROWS[row, 2], 0)
    return True


@compiled
def write_masks(slots: Ints, have: Ints, count: Ints, out: Bytes) -> None:
    """Write what is possible: 8 functions, 244 craft arguments, then 36 slots to equip, to place and to destroy."""
    for k in range(out.shape[0]):
        out[k] = 0
    out[0] = out[1] = out[3] = 1
    out[2] = 1 if slots[0, 0] > 0 else 0
    for row in range(RECIPE_ROWS.shape[0]):
        if have[RECIPE_ROWS[row, 4]] > 0 and can_craft(slots, have, count, row):
            out[8 + RECIPE_ROWS[row, 0]] = out[4] = 1
    base = 8 + N_CRAFTS
    for k in range(SLOTS):
        if slots[k, 0] > 0:
            out[base + 2 * SLOTS + k] = out[7] = 1
            if can_equip(slots, k):
                out[base + k] = out[5] = 1
            if PLACES[slots[k, 0]] >= 0:
                out[base + SLOTS + k] = out[6] = 1
