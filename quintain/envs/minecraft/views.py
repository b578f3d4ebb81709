"""Observations for learners and language agents: MineDojo's nested dictionary, and arrays.

Names of blocks, items and mobs are numbers; ``BLOCK_NAMES[id]``, ``ITEM_NAMES[id]`` and ``MOB_NAMES[id]`` give
MineDojo's names (with underscores). Everything else has MineDojo's keys, shapes and units.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from quintain.envs.minecraft.blocks import BLOCKS
from quintain.envs.minecraft.items import ITEMS, SLOTS
from quintain.envs.minecraft.kernels import observe
from quintain.envs.minecraft.kernels.world import World
from quintain.envs.minecraft.recipes import CRAFTS
from quintain.envs.minecraft.tasks import MOBS
from quintain.errors import ConfigurationError

__all__ = ["BLOCK_NAMES", "DEFAULT_RAYS", "ITEM_NAMES", "MOB_NAMES", "MineDojoView", "Sight"]

#: Names of blocks by id, MineDojo's with underscores; variants share a name.
BLOCK_NAMES: tuple[str, ...] = tuple(block.name for block in BLOCKS)
#: Names of items by id, MineDojo's with underscores; 0 is air, an empty slot.
ITEM_NAMES: tuple[str, ...] = tuple(item.name for item in ITEMS)
#: Names of mobs by number; 0 is none.
MOB_NAMES: tuple[str, ...] = ("", *MOBS)

_F, _I, _B = np.float32, np.int64, np.bool_
_N = len(ITEMS) - 1
#: Parts of MineDojo's observation: keys, buffer (f floats, i integers, b bools), first entry, shape, low, high.
_LAYOUT: tuple[tuple[tuple[str, ...], str, int, tuple[int, ...], float, float], ...] = (
    (("inventory", "name"), "i", 0, (36,), 0, _N),
    (("inventory", "quantity"), "f", 0, (36,), 0, 64),
    (("inventory", "max_durability"), "f", 41, (36,), -1, np.inf),
    (("inventory", "cur_durability"), "f", 82, (36,), -1, np.inf),
    (("life_stats", "life"), "f", 123, (1,), 0, 20),
    (("life_stats", "armor"), "f", 124, (1,), 0, 20),
    (("life_stats", "food"), "f", 125, (1,), 0, 20),
    (("life_stats", "saturation"), "f", 126, (1,), 0, 20),
    (("life_stats", "xp"), "f", 127, (1,), 0, 1395),
    (("life_stats", "oxygen"), "f", 128, (1,), 0, 300),
    (("location_stats", "pos"), "f", 129, (3,), -np.inf, np.inf),
    (("location_stats", "yaw"), "f", 132, (1,), -180, 180),
    (("location_stats", "pitch"), "f", 133, (1,), -90, 90),
    (("location_stats", "light_level"), "f", 134, (1,), 0, 15),
    (("location_stats", "sky_light_level"), "f", 135, (1,), 0, 1),
    (("location_stats", "sun_brightness"), "f", 136, (1,), 0, 1),
    (("location_stats", "rainfall"), "f", 137, (1,), 0, 1),
    (("location_stats", "temperature"), "f", 138, (1,), -np.inf, np.inf),
    (("location_stats", "sea_level"), "f", 139, (1,), 0, 255),
    (("location_stats", "biome_id"), "i", 41, (), 0, 167),
    (("location_stats", "can_see_sky"), "i", 42, (), 0, 1),
    (("damage_source", "damage_amount"), "f", 140, (1,), 0, 40),
    (("damage_source", "damage_distance"), "f", 141, (1,), 0, np.inf),
    (("damage_source", "damage_pitch"), "f", 142, (1,), -90, 90),
    (("damage_source", "damage_yaw"), "f", 143, (1,), -np.inf, np.inf),
    (("damage_source", "hunger_damage"), "f", 144, (1,), 0, 20),
    (("damage_source", "is_fire_damage"), "b", 2, (), 0, 1),
    (("damage_source", "is_unblockable"), "b", 3, (), 0, 1),
    (("nearby_tools", "table"), "b", 0, (), 0, 1),
    (("nearby_tools", "furnace"), "b", 1, (), 0, 1),
    (("delta_inv", "inc_name_by_craft"), "i", 43, (1,), 0, _N),
    (("delta_inv", "inc_quantity_by_craft"), "f", 145, (1,), 0, np.inf),
    (("delta_inv", "dec_name_by_craft"), "i", 44, (4,), 0, _N),
    (("delta_inv", "dec_quantity_by_craft"), "f", 146, (4,), 0, np.inf),
    (("delta_inv", "inc_name_by_other"), "i", 48, (1,), 0, _N),
    (("delta_inv", "inc_quantity_by_other"), "f", 150, (1,), 0, np.inf),
    (("delta_inv", "dec_name_by_other"), "i", 49, (4,), 0, _N),
    (("delta_inv", "dec_quantity_by_other"), "f", 151, (4,), 0, np.inf),
    (("masks", "action_type"), "b", 4, (8,), 0, 1),
    (("masks", "craft_smelt"), "b", 12, (244,), 0, 1),
    (("masks", "equip"), "b", 256, (36,), 0, 1),
    (("masks", "place"), "b", 292, (36,), 0, 1),
    (("masks", "destroy"), "b", 328, (36,), 0, 1),
)
_DTYPES: Mapping[str, type] = {"f": _F, "i": _I, "b": _B}
#: Functions that take an argument, as a mask.
_ACTION_ARG = np.array([[0], [0], [0], [0], [1], [1], [1], [1]], np.bool_)

_FAN = [(p, y) for p in (-30, -15, 0, 15, 30) for y in range(-60, 61, 15)]
#: 46 rays as (pitch, yaw, distance): a fan of 60 degrees by 120 degrees, and one that looks down; radians and blocks.
DEFAULT_RAYS: tuple[tuple[float, float, float], ...] = tuple(
    (float(np.radians(pitch)), float(np.radians(yaw)), 16.0) for pitch, yaw in (*_FAN, (60, 0))
)


class Sight:
    """What is seen around the agent: a crop of voxels and a fan of rays.

    Args:
        voxel_size: Offsets ``xmin, ymin, zmin, xmax, ymax, zmax`` around the block of the feet, or ``None``.
        rays: Rays as (pitch, yaw, distance) relative to the view, radians and blocks; empty for none.

    Raises:
        ConfigurationError: If a range is empty, too large or not made of numbers.
    """

    def __init__(self, voxel_size: Mapping[str, int] | None, rays: Sequence[Sequence[float]]) -> None:
        self.low, self.shape = np.zeros(3, np.int64), (0, 0, 0)
        if voxel_size is not None:
            try:
                bounds = [(int(voxel_size[f"{axis}min"]), int(voxel_size[f"{axis}max"])) for axis in "xyz"]
            except (KeyError, TypeError, ValueError):
                raise ConfigurationError(
                    f"voxel_size must have the integers xmin, ymin, zmin, xmax, ymax and zmax, got {voxel_size!r}"
                ) from None
            if any(not -32 <= low <= high <= 32 for low, high in bounds):
                raise ConfigurationError(f"voxel_size must have -32 <= min <= max <= 32, got {voxel_size!r}")
            self.low = np.array([low for low, _ in bounds], np.int64)
            self.shape = tuple(high - low + 1 for low, high in bounds)  # type: ignore[assignment]
        self.rays = np.array(rays, np.float64).reshape(-1, 3) if len(rays) else np.zeros((0, 3))
        if not np.isfinite(self.rays).all() or (len(self.rays) and not (self.rays[:, 2] > 0).all()):
            raise ConfigurationError("rays must be (pitch, yaw, distance) with distances > 0")


class MineDojoView:
    """MineDojo's observation of one world, each part a new array.

    Args:
        sight: Voxels and rays, which add the keys ``voxels`` and ``rays``.
    """

    def __init__(self, sight: Sight) -> None:
        self.sight = sight
        self.space = _space(sight)
        self._seen = np.zeros(len(ITEMS), np.int64)

    def restart(self, world: World, e: int) -> None:
        """Forget the inventory of the episode before."""
        self._seen[:] = world.have[e]

    def observe(self, world: World, e: int, crafted: bool) -> dict[str, Any]:
        """Return the observation; ``crafted`` says whether the last action was to craft."""
        floats, whole = np.zeros(observe.MINEDOJO_FLOATS), np.zeros(observe.MINEDOJO_INTS, np.int64)
        flags = np.zeros(observe.MINEDOJO_BYTES, np.uint8)
        observe.observe_one(world, e, self._seen, crafted, floats, whole, flags)
        typed: dict[str, NDArray[Any]] = {"f": floats.astype(np.float32), "i": whole, "b": flags.view(np.bool_)}
        found: dict[str, Any] = {}
        for (group, name), kind, first, shape, _, _ in _LAYOUT:
            size = shape[0] if shape else 1
            part = typed[kind][first : first + size]
            found.setdefault(group, {})[name] = part if shape else part.reshape(())
        found["masks"]["action_arg"] = _ACTION_ARG.copy()
        found["life_stats"]["is_sleeping"] = np.zeros((), np.int64)
        found["location_stats"]["is_raining"] = np.zeros((), np.int64)
        found["equipment"] = {
            "name": np.concatenate((typed["i"][:1], typed["i"][36:41])),
            **{
                key: np.concatenate((typed["f"][at : at + 1], typed["f"][at + 36 : at + 41]))
                for key, at in (("quantity", 0), ("max_durability", 41), ("cur_durability", 82))
            },
        }
        if self.sight.shape[0] or len(self.sight.rays):
            self._look(world, e, found)
        return found

    def _look(self, world: World, e: int, found: dict[str, Any]) -> None:
        sight, n = self.sight, len(self.sight.rays)
        voxels = np.zeros(sight.shape, np.uint8)
        ids, kinds = np.zeros(n, np.int64), np.zeros(n, np.int64)
        cells, gaps = np.zeros((n, 3), np.int64), np.zeros((n, 2))
        observe.see(world, e, sight.low, sight.rays, voxels, ids, kinds, cells, gaps)
        if voxels.size:
            found["voxels"] = {"block_name": voxels.astype(np.int64), **_properties(voxels)}
        if n:
            found["rays"] = {
                "block_name": ids,
                "block_distance": gaps[:, 0].astype(np.float32),
                "entity_name": kinds,
                "entity_distance": gaps[:, 1].astype(np.float32),
                "ray_pitch": sight.rays[:, 0].astype(np.float32),
                "ray_yaw": sight.rays[:, 1].astype(np.float32),
                "traced_block": cells,
                **_properties(ids, collidable=False),
            }


_META = np.array([block.meta for block in BLOCKS], np.int64)
_TOOL_FREE = np.array([block.tier == 0 for block in BLOCKS])
_SOLID = np.array([block.solid for block in BLOCKS])
_LIQUID = np.array([block.liquid > 0 for block in BLOCKS])
_BURNS = np.array([block.burns for block in BLOCKS])
_OPAQUE = np.array([block.opaque for block in BLOCKS])


def _properties(ids: NDArray[Any], collidable: bool = True) -> dict[str, Any]:
    """Return MineDojo's properties of blocks by their ids."""
    found = {
        "block_meta": _META[ids],
        "is_tool_not_required": _TOOL_FREE[ids],
        "blocks_movement": _SOLID[ids],
        "is_liquid": _LIQUID[ids],
        "is_solid": _SOLID[ids],
        "can_burn": _BURNS[ids],
    }
    if collidable:
        found |= {"is_collidable": (ids > 0) & ~_LIQUID[ids], "blocks_light": _OPAQUE[ids]}
    return found


def _bools(shape: tuple[int, ...], *names: str) -> dict[str, spaces.Space[Any]]:
    return {name: spaces.Box(0, 1, shape, np.bool_) for name in names}


def _space(sight: Sight) -> spaces.Dict:
    groups: dict[str, dict[str, spaces.Space[Any]]] = {}
    for (group, name), kind, _, shape, low, high in _LAYOUT:
        groups.setdefault(group, {})[name] = spaces.Box(low, high, shape, _DTYPES[kind])
    groups["masks"]["action_arg"] = spaces.Box(0, 1, (8, 1), np.bool_)
    groups["life_stats"]["is_sleeping"] = spaces.Box(0, 1, (), np.int64)
    groups["location_stats"]["is_raining"] = spaces.Box(0, 1, (), np.int64)
    groups["equipment"] = {
        "name": spaces.Box(0, _N, (6,), np.int64),
        "quantity": spaces.Box(0, 64, (6,), np.float32),
        "max_durability": spaces.Box(-1, np.inf, (6,), np.float32),
        "cur_durability": spaces.Box(-1, np.inf, (6,), np.float32),
    }
    flags = ("is_tool_not_required", "blocks_movement", "is_liquid", "is_solid", "can_burn")
    if sight.shape[0]:
        groups["voxels"] = {
            "block_name": spaces.Box(0, len(BLOCKS) - 1, sight.shape, np.int64),
            "block_meta": spaces.Box(0, 120, sight.shape, np.int64),
            **_bools(sight.shape, *flags, "is_collidable", "blocks_light"),
        }
    if n := len(sight.rays):
        groups["rays"] = {
            "block_name": spaces.Box(0, len(BLOCKS) - 1, (n,), np.int64),
            "block_meta": spaces.Box(0, 120, (n,), np.int64),
            "block_distance": spaces.Box(-1, np.inf, (n,), np.float32),
            "entity_name": spaces.Box(0, len(MOBS), (n,), np.int64),
            "entity_distance": spaces.Box(-1, np.inf, (n,), np.float32),
            "ray_pitch": spaces.Box(-np.pi, np.pi, (n,), np.float32),
            "ray_yaw": spaces.Box(-np.pi, np.pi, (n,), np.float32),
            "traced_block": spaces.Box(-(2**62), 2**62, (n, 3), np.int64),
            **_bools((n,), *flags),
        }
    return spaces.Dict({name: spaces.Dict(parts) for name, parts in groups.items()})


assert len(CRAFTS) == 244
assert SLOTS == 36
