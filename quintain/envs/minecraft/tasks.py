"""Tasks: the named ones, MineDojo's programmatic ids, and why others cannot be had in the voxel simulator."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from quintain.envs.minecraft.blocks import BLOCKS
from quintain.envs.minecraft.items import ITEM_ID, ITEMS
from quintain.envs.minecraft.recipes import RECIPES
from quintain.errors import ConfigurationError, UnknownNameError

__all__ = ["BIOMES", "MOBS", "NAMED", "Task", "find_task"]

#: Biome -> MineDojo's id.
BIOMES = {"ocean": 0, "plains": 1, "desert": 2, "extreme_hills": 3, "forest": 4, "taiga": 5}
#: Mob -> number of its kind.
MOBS = {"cow": 1, "sheep": 2, "pig": 3, "chicken": 4, "zombie": 5}
#: Animals of an ordinary world: cows, sheep, pigs, chickens, zombies.
_HERDS = (3, 3, 3, 3, 0)
_MATERIALS = ("wooden", "stone", "iron", "golden", "diamond")
#: What a task of the technology tree starts with.
_TECH_STARTS: Mapping[str, Mapping[str, int]] = {
    "barehand": {},
    "wood": {"log": 8, "crafting_table": 1, "wooden_pickaxe": 1},
    "stone": {"cobblestone": 16, "stick": 8, "crafting_table": 1, "furnace": 1, "stone_pickaxe": 1},
    "iron": {"iron_ingot": 16, "stick": 8, "crafting_table": 1, "furnace": 1, "iron_pickaxe": 1},
    "gold": {"gold_ingot": 16, "stick": 8, "crafting_table": 1, "furnace": 1, "iron_pickaxe": 1},
    "diamond": {"diamond": 16, "stick": 8, "crafting_table": 1, "furnace": 1, "diamond_pickaxe": 1},
}
_GRAMMAR = (
    "harvest_{1|8}_{item}[_{biome}][_with_{tool}|_with_crafting_table|_with_furnace_and_fuel], "
    "combat_{mob}_{biome}_{barehand|MATERIAL_armors_MATERIAL_sword_shield}, techtree_from_{start}_to_{item}, survival"
)


@dataclass(frozen=True)
class Task:
    """What is to be done, and how its worlds begin.

    Attributes:
        name: Its name or MineDojo's id.
        prompt: The task in words.
        kind: ``"approach_block"``, ``"approach_mob"``, ``"harvest"``, ``"combat"``, ``"techtree"`` or ``"survival"``.
        target: Name of the block, mob or item; empty for survival.
        quantity: How many of them.
        near: Distance at which a target counts as reached, in blocks.
        biome: Biome of the whole world; ``None`` for several.
        inventory: Item -> number at the start.
        equipment: Equipment slot -> item at the start.
        layer: Height at which the episode begins underground; 0 for the surface.
        time: Time of the day at the start, in ticks; 13000 is nightfall.
        night_mobs: Whether zombies come at night.
        animals: Numbers of cows, sheep, pigs, chickens and zombies at the start.
        distance: Range of distances of these from the agent, in blocks.
        trees: Factor on the density of trees.
        clearing: Distance around the start that is free of target blocks, in blocks.
        max_steps: Usual limit of the episode, in steps.
    """

    name: str
    prompt: str
    kind: str
    target: str = ""
    quantity: int = 1
    near: float = 2.5
    biome: str | None = None
    inventory: Mapping[str, int] = field(default_factory=dict)
    equipment: Mapping[str, str] = field(default_factory=dict)
    layer: int = 0
    time: int = 1000
    night_mobs: bool = True
    animals: tuple[int, int, int, int, int] = _HERDS
    distance: tuple[int, int] = (6, 28)
    trees: float = 1.0
    clearing: int = 0
    max_steps: int = 2000


def _approach(mob: str) -> Task:
    animals = tuple(2 if kind == mob else 0 for kind in MOBS)
    return Task(
        f"approach_{mob}", f"walk up to a {mob} in the plains", "approach_mob", mob, biome="plains",
        animals=animals, distance=(12, 26), max_steps=500,  # type: ignore[arg-type]
    )  # fmt: skip


#: The named tasks: those of Auto MC-Reward (Li et al. 2024) and survival.
NAMED: dict[str, Task] = {
    task.name: task
    for task in (
        Task(
            "approach_tree", "walk up to a tree in the plains", "approach_block", "log", biome="plains", trees=0.8,
            clearing=8, max_steps=500,
        ),
        Task(
            "explore_diamond", "find diamond ore underground, at layer 11, without dying in lava", "approach_block",
            "diamond_ore", near=4.0, layer=11, inventory={"iron_pickaxe": 1}, animals=(0, 0, 0, 0, 0), max_steps=1000,
        ),
        *(_approach(mob) for mob in ("cow", "sheep", "pig", "chicken")),
        Task("obtain_diamond", "obtain a diamond, starting with nothing", "harvest", "diamond", max_steps=18000),
        Task("survival", "survive for 100 days", "survival", quantity=100, max_steps=24000),
    )
}  # fmt: skip


def find_task(name: str) -> Task:
    """Return a task by its name or MineDojo's programmatic id.

    Args:
        name: One of ``NAMED``, or an id such as ``"harvest_1_log"``, ``"combat_zombie_plains_barehand"`` or
            ``"techtree_from_barehand_to_wooden_pickaxe"``.

    Raises:
        UnknownNameError: If the id follows no known grammar.
        ConfigurationError: If the simulator lacks the item, mob or biome; the message says which, and what is near.
    """
    if not isinstance(name, str):
        raise ConfigurationError(f"task must be a string, got {name!r}")
    if name in NAMED:
        return NAMED[name]
    for prefix, parse in (("harvest_", _harvest), ("combat_", _combat), ("techtree_from_", _techtree)):
        if name.startswith(prefix):
            return parse(name, name.removeprefix(prefix))
    if name.startswith("creative") or name == "playthrough":
        raise ConfigurationError(f"task {name!r}: creative tasks and the playthrough have no success test here")
    raise UnknownNameError("task", name, [*NAMED, "harvest_1_log", "combat_cow_plains_barehand"], f"; {_GRAMMAR}")


def _item(task: str, name: str) -> str:
    """Return the name of an item that an agent can get here; say why not otherwise."""
    name = {"milk": "milk_bucket"}.get(name, name)
    if name not in ITEM_ID or name == "air":
        also = UnknownNameError("item", name, [item.name for item in ITEMS[1:]])
        raise ConfigurationError(f"task {task!r}: the voxel simulator has no item {name!r} ({also})")
    made = {recipe.makes for recipe in RECIPES.values()} | {block.drop for block in BLOCKS}
    found = {
        "flint", "apple", "leaves", "beef", "leather", "mutton", "wool", "porkchop", "chicken", "feather",
        "rotten_flesh", "water_bucket", "lava_bucket", "milk_bucket", "tallgrass",
    }  # fmt: skip
    if name not in made | found:
        raise ConfigurationError(f"task {task!r}: nothing in the voxel simulator yields {name!r}")
    return name


def _split_biome(text: str) -> tuple[str, str | None]:
    for biome in BIOMES:
        if text.endswith(f"_{biome}"):
            return text.removesuffix(f"_{biome}"), biome
    return text, None


def _check_biome(task: str, text: str) -> None:
    for biome in ("swampland", "swamp", "jungle", "nether", "end", "mushroom_island"):
        if text.endswith(f"_{biome}"):
            raise ConfigurationError(
                f"task {task!r}: the voxel simulator has no biome {biome!r}; it has {', '.join(BIOMES)}"
            )


def _kit(task: str, text: str) -> dict[str, int]:
    """Read what a task starts with, as in ``iron_pickaxe`` or ``furnace_and_fuel``."""
    kit: dict[str, int] = {}
    for part in text.split("_and_"):
        name = {"fuel": "coal", "empty_bucket": "bucket", "an_empty_bucket": "bucket"}.get(part, part)
        if name in MOBS:
            continue
        if name not in ITEM_ID:
            raise ConfigurationError(f"task {task!r}: the voxel simulator has no item {name!r} to start with")
        kit[name] = 8 if name == "coal" else 1
    return kit


def _harvest(task: str, text: str) -> Task:
    head, _, tools = text.partition("_with_")
    match = re.fullmatch(r"(?:(\d+)_)?(.+)", head)
    assert match is not None
    _check_biome(task, head)
    name, biome = _split_biome(match[2])
    quantity = int(match[1] or 1)
    if not 1 <= quantity <= 64:
        raise ConfigurationError(f"task {task!r}: the number of items must be 1 to 64")
    item = _item(task, name)
    kit = _kit(task, tools) if tools else {}
    words = f"obtain {quantity} {item}" + (f" in {biome}" if biome else "") + (f" with {tools}" if tools else "")
    near = (4, 10) if any(mob in tools.split("_and_") for mob in MOBS) else (6, 28)
    return Task(task, words, "harvest", item, quantity, biome=biome, inventory=kit, distance=near)


def _combat(task: str, text: str) -> Task:
    biomes = "|".join((*BIOMES, "nether", "end", "swamp", "mushroom_island"))
    match = re.fullmatch(rf"(\w+?)_({biomes})_(?:barehand|(\w+)_armors_(\w+)_sword_shield)", text)
    if match is None:
        raise UnknownNameError("task", task, ["combat_cow_plains_barehand"], f"; {_GRAMMAR}")
    mob, biome, armour, weapon = match.groups()
    if mob not in MOBS:
        raise ConfigurationError(f"task {task!r}: the voxel simulator has no {mob!r}; it has {', '.join(MOBS)}")
    if biome not in BIOMES:
        raise ConfigurationError(
            f"task {task!r}: no biome {biome!r} in the voxel simulator; it has {', '.join(BIOMES)}"
        )
    kit: dict[str, int] = {}
    worn: dict[str, str] = {}
    if armour:
        if armour not in ("leather", "iron", "golden", "diamond") or weapon not in _MATERIALS:
            raise ConfigurationError(f"task {task!r}: no armour of {armour!r} or no sword of {weapon!r}")
        kit = {f"{weapon}_sword": 1}
        pieces = {"feet": "boots", "legs": "leggings", "chest": "chestplate", "head": "helmet"}
        worn = {slot: f"{armour}_{piece}" for slot, piece in pieces.items()} | {"off_hand": "shield"}
    herd = tuple(1 if kind == mob else 0 for kind in MOBS)
    night = 13000 if mob == "zombie" else 1000
    return Task(
        task, f"kill a {mob}", "combat", mob, biome=biome, inventory=kit, equipment=worn, time=night,
        night_mobs=False, animals=herd, distance=(3, 7),  # type: ignore[arg-type]
    )  # fmt: skip


def _techtree(task: str, text: str) -> Task:
    start, _, goal = text.partition("_to_")
    if start not in _TECH_STARTS:
        raise UnknownNameError("start of the technology tree", start, _TECH_STARTS)
    if goal in ("archery", "explosives") or goal.startswith("redstone_"):
        raise ConfigurationError(f"task {task!r}: the voxel simulator has no {goal}")
    item = _item(task, goal)
    if item.endswith("_hoe"):
        raise ConfigurationError(f"task {task!r}: nothing can be tilled in the voxel simulator, so no hoe is used")
    return Task(task, f"make and use a {item}", "techtree", item, inventory=_TECH_STARTS[start], max_steps=6000)


def describe(task: Task) -> dict[str, Any]:
    """Return what identifies a task, as plain data."""
    return {"task": task.name, "kind": task.kind, "target": task.target, "quantity": task.quantity}
