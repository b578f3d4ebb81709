"""A world of a Minecraft server somewhere else, seen and acted in through a mineflayer client.

This reaches any server that mineflayer speaks to. It was tried with a flying-squid server in another process, **never
with a genuine one**. Time is the server's own: a step waits for its ticks, 20 a second. The terrain, the rules and the
other players are the server's; the blocks around the client are copied into the arrays of the simulator, so that tasks,
views and pictures work as for the other worlds.
"""

from __future__ import annotations

import base64
import weakref
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quintain.envs.minecraft.actions import FUNCTIONS
from quintain.envs.minecraft.items import ITEM_ID, ITEMS, N_SLOTS, SLOTS
from quintain.envs.minecraft.kernels import stepping
from quintain.envs.minecraft.kernels import world as w
from quintain.envs.minecraft.kernels.tables import OPAQUE
from quintain.envs.minecraft.protocol.bridge import Bridge, BridgeError
from quintain.envs.minecraft.protocol.names import block_states, item_names, mob_names, window_slot
from quintain.envs.minecraft.recipes import RECIPES
from quintain.envs.minecraft.simulator import Simulator
from quintain.envs.minecraft.tasks import Task
from quintain.errors import ConfigurationError

__all__ = ["RemoteSimulator", "read_address"]

_SLOT_OF = {window_slot(k): k for k in range(N_SLOTS)}
_CONTROLS = ("forward", "back", "left", "right", "jump", "sneak", "sprint")


def read_address(server: str) -> tuple[str, int]:
    """Split ``host:port``; the port is 25565 if left out.

    Raises:
        ConfigurationError: If it is no such address.
    """
    host, _, port = server.rpartition(":") if ":" in server else (server, "", "25565")
    if not host or not port.isdigit() or not 0 < int(port) < 65536:
        raise ConfigurationError(f"server must be 'host:port', got {server!r}")
    return host, int(port)


class RemoteSimulator(Simulator):
    """One world with a task, in a server that is not ours.

    Args:
        task: The task. Kills and uses of items are not known, so that tasks of combat and of the technology tree are
            refused.
        server: Address of the server, ``host:port``.
        commands: What the client says in the chat at each reset, such as an operator's ``"/clear"``.
        username: Name of the client, in offline mode.
        timeout_s: Time limit of one call of the bridge, in seconds.

    Raises:
        ConfigurationError: If the address or the kind of task cannot be had.
    """

    def __init__(
        self, task: Task, server: str, commands: Sequence[str] = (), username: str = "quintain", timeout_s: float = 60.0
    ) -> None:
        if task.kind in ("combat", "techtree"):
            raise ConfigurationError(f"task {task.name!r}: what is killed and used is not known on another server")
        super().__init__(1, task, 32)
        self.host, self.port = read_address(server)
        self.commands, self.username, self.timeout_s = list(commands), username, timeout_s
        self.bridge: Bridge | None = None
        self.low = 0
        self._died = False

    def begin(self, which: NDArray[np.int64], seeds: NDArray[np.int64]) -> None:
        """Start an episode where the client is; the seed has no meaning.

        Raises:
            BridgeError: If the server cannot be reached.
        """
        if self.bridge is None or self.failures[0]:
            self.close()
            self.bridge = Bridge(self.timeout_s)
            weakref.finalize(self, self.bridge.close)
            names = {"blocks": block_states(), "items": item_names(), "mobs": mob_names()}
            self.bridge.call(
                "connect", host=self.host, port=self.port, username=self.username, auth="offline", side=32,
                height=w.HEIGHT, timeout=int(1000 * self.timeout_s), names=names,
            )  # fmt: skip
        self.failures = [""]
        for part in (self.world.body, self.world.counts, self.world.mobs, self.world.drops, self.world.used):
            part[:] = 0
        self._take(self.bridge.call("begin", commands=self.commands))
        world = self.world
        world.gained[:] = world.have
        world.body[0, [w.START_X, w.START_Z]] = world.body[0, [w.X, w.Z]]
        world.counts[0, w.TABLES] = world.counts[0, w.FURNACES] = 1  # there may be some: look for them
        self._judge()

    def step(self, actions: NDArray[np.int64], active: NDArray[np.bool_]) -> None:
        """Do one action, shape ``(1, 8)``, and wait for the server's ticks that it takes: one, or three."""
        if self.bridge is None or not active[0] or self.failures[0]:
            return
        action, body, count = actions[0], self.world.body[0], self.world.counts[0]
        body[w.YAW] = (body[w.YAW] + (action[4] - 12) * 15.0 + 180.0) % 360.0 - 180.0
        body[w.PITCH] = float(np.clip(body[w.PITCH] + (action[3] - 12) * 15.0, -90.0, 90.0))
        pressed = (action[0] == 1, action[0] == 2, action[1] == 1, action[1] == 2, *(action[2] == k for k in (1, 2, 3)))
        message: dict[str, Any] = {
            "yaw": float(body[w.YAW]), "pitch": float(body[w.PITCH]), "call": FUNCTIONS[action[5]],
            "controls": {name: bool(on) for name, on in zip(_CONTROLS, pressed, strict=True)},
            "ticks": 3 if action[5] == 2 or action[5] > 3 else 1,
        }  # fmt: skip
        possible = self._possible(action)
        if not possible:
            message["call"] = "none"
        elif message["call"] == "craft":
            recipe = RECIPES[int(action[6])]
            message |= {"item": ITEM_ID[recipe.makes], "table": recipe.place == "table"}
        elif message["call"] in ("equip", "place", "destroy"):
            message |= {"slot": int(action[7]), "item": ITEMS[self.world.slots[0, action[7], 0]].slot}
        try:
            reply = self.bridge.call("act", **message)
        except BridgeError as error:
            self.failures = [str(error)]
            self.rewards[0], self.succeeded[0] = 0.0, False
            return
        self._take(reply)
        count[w.FAILED] = int(not possible or reply["failed"])
        count[w.TICKS] += message["ticks"]
        self._judge()

    def is_dead(self, e: int) -> bool:
        """Whether the client has died since the episode began."""
        return self._died

    def facts(self, e: int) -> dict[str, Any]:
        """Return what ``info`` says; the server does not tell the cause of a death."""
        return super().facts(e) | {"death_cause": "unknown" if self._died else ""}

    def close(self) -> None:
        """End the Node process."""
        if self.bridge is not None:
            self.bridge.close()
            self.bridge = None

    def _possible(self, action: NDArray[np.int64]) -> bool:
        """Whether the mask allows the function of an action and its argument; smelting is not done here."""
        mask, function = self.masks()[0], int(action[5])
        if not mask[function]:
            return False
        if function == 4:
            number = int(action[6])
            return bool(mask[8 + number]) and RECIPES[number].place != "furnace"
        if function > 4:
            return bool(mask[252 + SLOTS * (function - 5) + int(action[7])])
        return True

    def _judge(self) -> None:
        stepping.judge_all(self.world, np.ones(1, np.bool_), self.setup, self.rewards, self.succeeded)

    def _take(self, reply: dict[str, Any]) -> None:
        """Copy what the client knows into the arrays. Heights count from the lowest layer that is copied."""
        world, mask = self.world, self.world.blocks.shape[1] - 1
        body, count = world.body[0], world.counts[0]
        self.low = reply["low"]
        if "blocks" in reply:
            x0, z0 = reply["corner"]
            cube = np.frombuffer(base64.b64decode(reply["blocks"]), np.uint8).reshape(world.blocks.shape[1:])
            world.blocks[0] = np.roll(cube, (x0 & mask, z0 & mask), axis=(0, 1))
        for x, y, z, block in reply["changes"]:
            if 0 <= y - self.low < w.HEIGHT:
                world.blocks[0, x & mask, z & mask, y - self.low] = block
        if "blocks" in reply or reply["changes"]:
            covered = OPAQUE[world.blocks[0]]
            world.top[0] = np.where(covered.any(axis=2), w.HEIGHT - 1 - covered[:, :, ::-1].argmax(axis=2), 0)
        body[[w.X, w.Y, w.Z, w.VX, w.VY, w.VZ]] = reply["body"]
        body[w.Y] -= self.low
        body[w.YAW], body[w.PITCH] = reply["yaw"], reply["pitch"]
        health = body[w.HP]
        body[[w.HP, w.FOOD_LEVEL, w.SATURATION_LEVEL]] = reply["life"]
        body[w.DAMAGE_TAKEN] = max(0.0, health - body[w.HP])
        self._died = reply["died"] or bool(body[w.HP] <= 0)
        count[w.ON_GROUND], count[w.TIME] = int(reply["ground"]), int(reply["time"])
        count[w.OXYGEN] = round(15 * reply["oxygen"])
        world.slots[0] = 0
        for slot, item, number, uses in reply["slots"]:
            if slot in _SLOT_OF:
                world.slots[0, _SLOT_OF[slot]] = item, number, uses
        world.have[0] = np.bincount(world.slots[0, :SLOTS, 0], world.slots[0, :SLOTS, 1], len(ITEMS)).astype(np.int64)
        world.have[0, 0] = 0
        world.mobs[0, :, w.KIND] = 0
        for k, (kind, x, y, z, yaw) in enumerate(reply["mobs"][: w.MOBS]):
            world.mobs[0, k, [w.KIND, w.MX, w.MY, w.MZ, w.MYAW]] = kind, x, y - self.low, z, yaw
