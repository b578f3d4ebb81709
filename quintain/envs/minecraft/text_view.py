"""The text view for language agents: what is seen, what is carried, and what can be crafted."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from quintain.envs.minecraft.items import ARMOUR_SLOTS, SLOTS
from quintain.envs.minecraft.kernels import observe
from quintain.envs.minecraft.kernels import world as w
from quintain.envs.minecraft.kernels.rays import sight
from quintain.envs.minecraft.recipes import CRAFTS
from quintain.envs.minecraft.simulator import Simulator
from quintain.envs.minecraft.tasks import BIOMES
from quintain.envs.minecraft.views import BLOCK_NAMES, ITEM_NAMES, MOB_NAMES

__all__ = ["Thing", "describe_world", "look_for_things"]

#: Rays of the text view, as (pitch, yaw, distance): 90 degrees by 135 degrees every 7.5 degrees; radians and blocks.
RAYS = np.array(
    [
        (math.radians(pitch), math.radians(yaw), 32.0)
        for pitch in np.arange(-45, 45.1, 7.5)
        for yaw in np.arange(-67.5, 67.6, 7.5)
    ]
)
_WINDS = ("south", "southwest", "west", "northwest", "north", "northeast", "east", "southeast")
_BIOME_NAMES = {number: name for name, number in BIOMES.items()}
_SHOWN = 12


@dataclass(frozen=True, slots=True)
class Thing:
    """The nearest block or mob of a name that is seen.

    Attributes:
        name: Its name, as MineDojo has it.
        distance: Its distance from the eye, in blocks.
        turn: Angle from the view to the right, in degrees.
        drop: Angle from the view downwards, in degrees.
    """

    name: str
    distance: float
    turn: float
    drop: float

    def __str__(self) -> str:
        """Say where it is in terms of commands."""
        parts = [f"{self.name} {self.distance:.0f} blocks away"]
        if abs(self.turn) >= 7.5:
            parts.append(f"turn {'right' if self.turn > 0 else 'left'} {15 * round(abs(self.turn) / 15) or 15}")
        if abs(self.drop) >= 7.5:
            parts.append(f"look {'down' if self.drop > 0 else 'up'} {15 * round(abs(self.drop) / 15) or 15}")
        return ", ".join(parts)


def look_for_things(simulator: Simulator) -> list[Thing]:
    """Return the nearest block or mob of each name in view, nearest first; mobs stand before blocks."""
    n = len(RAYS)
    ids, kinds = np.zeros(n, np.int64), np.zeros(n, np.int64)
    cells, gaps = np.zeros((n, 3), np.int64), np.zeros((n, 2))
    observe.see(simulator.world, 0, np.zeros(3, np.int64), RAYS, np.zeros((0, 0, 0), np.uint8), ids, kinds, cells, gaps)
    nearest: dict[tuple[bool, str], Thing] = {}
    for r in range(n):
        block, kind = int(ids[r]), int(kinds[r])
        if block == 0 and kind == 0:
            continue
        mob = kind > 0
        name, distance = (MOB_NAMES[kind], gaps[r, 1]) if mob else (BLOCK_NAMES[block], gaps[r, 0])
        known = nearest.get((not mob, name))
        if known is None or distance < known.distance:
            turn, drop = math.degrees(RAYS[r, 1]), math.degrees(RAYS[r, 0])
            nearest[not mob, name] = Thing(name, float(distance), turn, drop)
    return [nearest[key] for key in sorted(nearest, key=lambda key: (key[0], nearest[key].distance))]


def describe_world(simulator: Simulator) -> str:
    """Describe world 0 in a few lines."""
    world = simulator.world
    body, count = world.body[0], world.counts[0]
    mask = world.biome.shape[1] - 1
    biome = _BIOME_NAMES[int(world.biome[0, math.floor(body[w.X]) & mask, math.floor(body[w.Z]) & mask])]
    lines = [
        f"Health {body[w.HP]:.0f} of 20, food {body[w.FOOD_LEVEL]:.0f} of 20.{_states(simulator)}",
        f"You are at x {body[w.X]:.0f}, height {body[w.Y]:.0f}, z {body[w.Z]:.0f}, in {biome.replace('_', ' ')}, "
        f"{'by day' if observe.sun_brightness(int(count[w.TIME])) > 0.6 else 'at night'}. You face "
        f"{_WINDS[round(body[w.YAW] / 45.0) % 8]}{_slope(float(body[w.PITCH]))}.",
        f"In the crosshair: {_target(simulator)}.",
    ]
    things = look_for_things(simulator)
    seen = "; ".join(map(str, things[:_SHOWN])) or "nothing but air"
    lines.append(f"You see: {seen}.")
    lines.append(f"You carry: {_carried(simulator)}.")
    crafts = [CRAFTS[k] for k in np.flatnonzero(simulator.masks()[0, 8:252])]
    lines.append(f"You can craft: {', '.join(dict.fromkeys(crafts)) or 'nothing'}.")
    return "\n".join(lines)


def _states(simulator: Simulator) -> str:
    """Say what threatens or helps: water, lava, fire, little air, a table or a furnace."""
    count = simulator.world.counts[0]
    liquid = {1: " You are in water.", 2: " You are in lava!"}.get(int(count[w.FEET_IN]), "")
    fire = " You are on fire!" if count[w.FIRE] > 0 and count[w.FEET_IN] != 2 else ""
    air = f" Air for {max(int(count[w.OXYGEN]), 0) // 20} seconds." if count[w.HEAD_IN] == 1 else ""
    near = [name for name, at in (("crafting table", w.NEAR_TABLE), ("furnace", w.NEAR_FURNACE)) if count[at]]
    return liquid + fire + air + (f" Within reach: {' and '.join(near)}." if near else "")


def _slope(pitch: float) -> str:
    if abs(pitch) < 1:
        return ""
    return f", looking {abs(pitch):.0f} degrees {'down' if pitch > 0 else 'up'}"


def _target(simulator: Simulator) -> str:
    """Name what attack and dig would reach."""
    world = simulator.world
    block, _, _, _, _, row = sight(world.blocks[0], world.body[0], world.mobs[0], w.REACH, w.MOB_REACH)
    if row >= 0:
        return MOB_NAMES[int(world.mobs[0, row, w.KIND])]
    return BLOCK_NAMES[block] if block else "nothing within reach"


def _carried(simulator: Simulator) -> str:
    slots, have = simulator.world.slots[0], simulator.world.have[0]
    parts = [f"{ITEM_NAMES[item]} x{have[item]}" for item in np.flatnonzero(have) if item]
    text = ", ".join(parts) or "nothing"
    text += f"; in the hand {ITEM_NAMES[slots[0, 0]] if slots[0, 0] else 'nothing'}"
    worn = [ITEM_NAMES[slots[SLOTS + k, 0]] for k in range(len(ARMOUR_SLOTS)) if slots[SLOTS + k, 0]]
    return text + (f"; worn: {', '.join(worn)}" if worn else "")
