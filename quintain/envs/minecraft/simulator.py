"""E voxel worlds and their task: the arrays, the setup that kernels read, and the calls of the kernels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quintain.envs.minecraft.blocks import BLOCKS
from quintain.envs.minecraft.items import ARMOUR_SLOTS, ITEM_ID, ITEMS, N_SLOTS, SLOTS
from quintain.envs.minecraft.kernels import progress as p
from quintain.envs.minecraft.kernels import stepping
from quintain.envs.minecraft.kernels import world as w
from quintain.envs.minecraft.kernels.observe import write_all_masks
from quintain.envs.minecraft.tasks import BIOMES, MOBS, Task
from quintain.errors import ConfigurationError, UnknownNameError

__all__ = ["Simulator"]

_KINDS = {
    "open": p.OPEN, "approach_block": p.APPROACH_BLOCK, "approach_mob": p.APPROACH_MOB, "harvest": p.HARVEST,
    "combat": p.COMBAT, "techtree": p.TECHTREE, "survival": p.SURVIVAL,
}  # fmt: skip


_CAUSES = np.array(w.CAUSES, dtype=object)


class Simulator:
    """A batch of worlds with one task, stepped together. A world does not depend on the others.

    Args:
        num_envs: Number of worlds, >= 1.
        task: The task.
        world_size: Side of the worlds, in blocks: 32, 64, 128 or 256.

    Attributes:
        world: The state, as arrays; see :class:`~quintain.envs.minecraft.kernels.world.World`.
        setup: What kernels know of the task.
        rewards: Rewards of the last step, shape ``(num_envs,)``.
        succeeded: Whether the last step did the task, shape ``(num_envs,)``.
        failures: Why worlds have failed, ``""`` for those that have not; the voxel simulator has none that fail.
    """

    def __init__(self, num_envs: int, task: Task, world_size: int = 64) -> None:
        if world_size not in (32, 64, 128, 256):
            raise ConfigurationError(f"world_size must be 32, 64, 128 or 256, got {world_size!r}")
        self.task = task
        self.world = w.empty_world(num_envs, world_size)
        self.setup = _setup(task)
        self.slots = _slots(task)
        self.rewards = np.zeros(num_envs)
        self.succeeded = np.zeros(num_envs, np.bool_)
        self.failures = [""] * num_envs

    def begin(self, which: NDArray[np.int64], seeds: NDArray[np.int64]) -> None:
        """Start new episodes in the worlds ``which``, with one seed each."""
        p.begin_all(self.world, seeds, which, self.setup, self.slots)

    def step(self, actions: NDArray[np.int64], active: NDArray[np.bool_]) -> None:
        """Advance the active worlds by one action each, shape ``(num_envs, 8)``."""
        stepping.step_all(self.world, actions, active, self.setup, self.rewards, self.succeeded)

    def picture(self, e: int) -> NDArray[np.uint8]:
        """Draw the first-person view of world ``e`` with life, food, slots and map, shape ``(360, 640, 3)``."""
        from quintain.envs.minecraft.pictures import compose

        return compose(self.world, e)

    def map(self, e: int, scale: int) -> NDArray[np.uint8]:
        """Draw the map of world ``e`` from above, ``scale`` pixels a block."""
        from quintain.envs.minecraft.pictures import map_from_above

        return map_from_above(self.world, e, scale)

    def close(self) -> None:
        """Release what the worlds hold; here nothing."""

    def is_dead(self, e: int) -> bool:
        """Whether the agent of world ``e`` has died."""
        return bool(self.world.counts[e, w.DEAD])

    def masks(self) -> NDArray[np.uint8]:
        """Return what is possible, shape ``(num_envs, 360)``, in the order of ``actions.marginal_mask``."""
        return masks_of(self.world)

    def dead(self) -> NDArray[np.bool_]:
        """Return which agents have died, shape ``(num_envs,)``."""
        return self.world.counts[:, w.DEAD] > 0

    def damage(self) -> NDArray[np.float64]:
        """Return the damage taken in the last step, in points, shape ``(num_envs,)``."""
        return self.world.body[:, w.DAMAGE_TAKEN]

    def death_causes(self) -> NDArray[np.object_]:
        """Return what the agents have died of, ``""`` for the living, shape ``(num_envs,)``."""
        return _CAUSES[self.world.counts[:, w.DEAD]]

    def facts(self, e: int) -> dict[str, Any]:
        """Return what ``info`` says about world ``e``: cause of death or damage, distance walked, counters."""
        body, count = self.world.body[e], self.world.counts[e]
        return {
            "death_cause": w.CAUSES[count[w.DEAD]],
            "impossible_action": bool(count[w.FAILED]),
            "metrics": {
                "health": float(body[w.HP]),
                "food": float(body[w.FOOD_LEVEL]),
                "distance": float(np.hypot(body[w.X] - body[w.START_X], body[w.Z] - body[w.START_Z])),
                "blocks_mined": int(count[w.MINED]),
                "blocks_placed": int(count[w.PLACED]),
                "ticks": int(count[w.TICKS]),
            },
        }


def masks_of(world: w.World) -> NDArray[np.uint8]:
    """Return what is possible in every world, shape ``(E, 360)``."""
    found = np.empty((len(world.body), 360), np.uint8)
    write_all_masks(world, found)
    return found


def _block_range(name: str) -> tuple[int, int]:
    """Return the ids of the variants of a block, which follow each other."""
    ids = [number for number, block in enumerate(BLOCKS) if block.name == name]
    return ids[0], ids[-1]


def _setup(task: Task) -> NDArray[np.int64]:
    setup = np.zeros(p.N_SETUP, np.int64)
    setup[p.KIND_OF_TASK] = _KINDS[task.kind]
    if task.kind == "approach_block":
        setup[p.TARGET_LOW], setup[p.TARGET_HIGH] = _block_range(task.target)
    elif task.target:
        setup[p.TARGET_LOW] = MOBS[task.target] if task.kind in ("approach_mob", "combat") else ITEM_ID[task.target]
    setup[p.QUANTITY], setup[p.NEAR] = task.quantity, round(10 * task.near)
    setup[p.BIOME] = -1 if task.biome is None else BIOMES[task.biome]
    setup[p.START_LAYER], setup[p.START_TIME] = task.layer, task.time
    setup[p.NIGHT_MOBS], setup[p.TIME_PASSES] = task.night_mobs, 1
    setup[p.ANIMALS : p.ANIMALS + 5] = task.animals
    setup[p.ANIMALS_NEAR], setup[p.ANIMALS_FAR] = task.distance
    setup[p.TREES], setup[p.TREES_FAR] = round(100 * task.trees), task.clearing
    return setup


def _slots(task: Task) -> NDArray[np.int64]:
    slots = np.zeros((N_SLOTS, 3), np.int64)
    for k, (name, number) in enumerate(task.inventory.items()):
        slots[k, :2] = ITEM_ID[name], number
    for name, item in task.equipment.items():
        slots[SLOTS + ARMOUR_SLOTS.index(name), :2] = ITEM_ID[item], 1
    return slots


def with_inventory(task: Task, inventory: Mapping[str, int] | None) -> Task:
    """Return the task with another initial inventory, or as it is.

    Raises:
        ConfigurationError: If an item is unknown or a number does not fit.
    """
    if inventory is None:
        return task
    if len(inventory) > SLOTS:
        raise ConfigurationError(f"initial_inventory has {len(inventory)} stacks, and the inventory {SLOTS} slots")
    for name, number in inventory.items():
        if name not in ITEM_ID or name == "air":
            raise UnknownNameError("item", name, list(ITEM_ID)[1:])
        limit = ITEMS[ITEM_ID[name]].stack
        if not isinstance(number, int) or not 1 <= number <= limit:
            raise ConfigurationError(f"initial_inventory[{name!r}] must be 1 to {limit}, got {number!r}")
    return replace(task, inventory=dict(inventory))
