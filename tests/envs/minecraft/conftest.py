"""Small worlds for the tests: a flat floor of stone, an agent on it, and actions by name."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("numba")

from quintain.envs.minecraft.actions import FUNCTIONS, NO_OP
from quintain.envs.minecraft.blocks import BLOCK_ID
from quintain.envs.minecraft.items import ITEM_ID
from quintain.envs.minecraft.kernels import world as w
from quintain.envs.minecraft.recipes import CRAFTS
from quintain.envs.minecraft.simulator import Simulator
from quintain.envs.minecraft.tasks import Task

#: Height of the floor's surface: feet stand here.
FLOOR = 10


class Arena:
    """A flat world of stone with one agent in the middle, looking south (+z)."""

    def __init__(self, pitch: float = 0.0) -> None:
        task = Task("arena", "", "open", night_mobs=False, animals=(0, 0, 0, 0, 0))
        self.simulator = Simulator(1, task, 32)
        self.simulator.begin(np.zeros(1, np.int64), np.zeros(1, np.int64))
        world = self.simulator.world
        self.blocks, self.body, self.count = world.blocks[0], world.body[0], world.counts[0]
        self.slots, self.have, self.mobs, self.drops = world.slots[0], world.have[0], world.mobs[0], world.drops[0]
        self.blocks[:] = 0
        self.blocks[:, :, :FLOOR] = BLOCK_ID["stone"]
        world.top[0] = FLOOR - 1
        self.body[[w.X, w.Y, w.Z]] = 16.5, FLOOR, 16.5
        self.body[[w.VX, w.VY, w.VZ, w.YAW]] = 0.0, -0.0784, 0.0, 0.0  # at rest on the ground
        self.body[w.PITCH] = pitch
        self.count[w.ON_GROUND] = 1

    def give(self, *stacks: tuple[str, int]) -> Arena:
        """Fill the first slots."""
        for k, (name, number) in enumerate(stacks):
            self.slots[k, :2] = ITEM_ID[name], number
            self.have[ITEM_ID[name]] += number
        return self

    def put(self, block: str, x: int = 16, y: int = FLOOR, z: int = 17) -> None:
        self.blocks[x, z, y] = BLOCK_ID[block]

    def act(self, function: str = "none", *, craft: str = "", slot: int = 0, times: int = 1, **parts: int) -> None:
        action = np.array(NO_OP, np.int64)
        action[5] = FUNCTIONS.index(function)
        action[6] = CRAFTS.index(craft) if craft else 0
        action[7] = slot
        for name, value in parts.items():
            action[("walk", "strafe", "jump", "pitch", "yaw").index(name)] = value
        for _ in range(times):
            self.simulator.step(action[None], np.ones(1, np.bool_))

    def carried(self) -> dict[str, int]:
        """Return what is in the inventory, by name."""
        names = list(ITEM_ID)
        return {names[item]: int(number) for item, number in enumerate(self.have) if item and number}

    def dropped(self) -> dict[str, int]:
        names = list(ITEM_ID)
        found: dict[str, Any] = {}
        for row in self.drops[self.drops[:, w.D_ITEM] > 0]:
            name = names[int(row[w.D_ITEM])]
            found[name] = found.get(name, 0) + int(row[w.D_COUNT])
        return found


@pytest.fixture(scope="session")
def arena() -> type[Arena]:
    return Arena
