"""Worlds in which genuine clients move: a simulator whose agents are clients of a server, in a process of its own.

The generator makes the world, so that a seed gives the same terrain as in the voxel simulator. In each tick of a step
the client moves by its own physics, in the blocks that the server has sent it; then the compiled rules of the voxel
simulator, which the server lacks (crafting, digging times, lava, falls, hunger, mobs, drops), change the state, and the
server shows the client what has changed: blocks, inventory, life, mobs and dropped items.
"""

from __future__ import annotations

import base64
import contextlib
import weakref
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quintain.envs.minecraft.items import N_SLOTS
from quintain.envs.minecraft.kernels import stepping
from quintain.envs.minecraft.kernels import world as w
from quintain.envs.minecraft.protocol.bridge import Bridge, BridgeError
from quintain.envs.minecraft.protocol.names import VERSION, block_states, item_names, mob_names, window_slot
from quintain.envs.minecraft.simulator import Simulator
from quintain.envs.minecraft.tasks import Task

__all__ = ["ProtocolSimulator"]

_WINDOW = [window_slot(k) for k in range(N_SLOTS)]
#: Ticks between two updates of the positions of mobs and dropped items, as genuine servers send them.
_MOB_TICKS = 3
#: Ticks between two announcements of the time of the day.
_CLOCK_TICKS = 20
#: 1, -1 or 0 for the choices of a direction.
_WAYS = (0, 1, -1)


class _Shown:
    """What a client has been shown of its world."""

    def __init__(self) -> None:
        self.blocks = np.zeros(0, np.uint8)
        self.slots = np.zeros((N_SLOTS, 3), np.int64)
        self.life: list[float] = []
        self.kinds = np.zeros(w.MOBS + w.DROPS, np.int64)  # of mobs, or minus the item; 0 is none
        self.places = np.zeros((w.MOBS + w.DROPS, 4))


class ProtocolSimulator(Simulator):
    """A batch of worlds with one task, whose agents are clients of one server.

    Args:
        num_envs: Number of worlds, >= 1; one Node process serves them all.
        task: The task.
        world_size: Side of the worlds, in blocks.
        timeout_s: Time limit of one call of the bridge, in seconds.
    """

    def __init__(self, num_envs: int, task: Task, world_size: int = 64, timeout_s: float = 60.0) -> None:
        super().__init__(num_envs, task, world_size)
        self.num_envs, self.timeout_s = num_envs, timeout_s
        self.bridge: Bridge | None = None
        self._shown = [_Shown() for _ in range(num_envs)]
        self._ticks, self._moved = np.zeros(num_envs, np.int64), np.zeros((num_envs, 8))

    def begin(self, which: NDArray[np.int64], seeds: NDArray[np.int64]) -> None:
        """Start new episodes in the worlds ``which``, with one seed each; what has failed is started anew.

        Raises:
            MissingDependencyError: If Node or the bridge's packages are not installed.
            BridgeError: If the bridge or a client fails.
        """
        super().begin(which, seeds)
        worlds = [int(e) for e in which]
        if self.bridge is None:
            self._start()
        for e in worlds:
            if self.failures[e]:
                self._ask("join", bot=e, timeout=int(1000 * self.timeout_s))
                self._shown[e] = _Shown()
            self.failures[e] = ""
        rows = self._ask("reset", rows=[self._new_world(e) for e in worlds])["rows"]
        for e, row in zip(worlds, rows, strict=True):
            if isinstance(row, dict):
                self.failures[e] = row["error"]
                raise BridgeError(row["error"])

    def step(self, actions: NDArray[np.int64], active: NDArray[np.bool_]) -> None:
        """Advance the active worlds by one action each, shape ``(num_envs, 8)``; those that fail stand still."""
        active = active & np.array([not failure for failure in self.failures])
        stepping.act_all(self.world, actions, active, self._ticks)
        for tick in range(int(self._ticks.max())):
            ticking = active & (self._ticks > tick) & ~self.dead()
            if not ticking.any():
                break
            self._move(ticking, actions, tick)
            active &= np.array([not failure for failure in self.failures])
            stepping.live_all(self.world, ticking & active, self._moved, self.setup)
        stepping.judge_all(self.world, active, self.setup, self.rewards, self.succeeded)

    def view(self, e: int, box: tuple[int, int, int, int, int, int]) -> dict[str, Any]:
        """Return what the client of world ``e`` knows, after it was shown the present state.

        Args:
            e: Number of the world.
            box: Lowest x, y and z of the blocks to return, and how many along each.

        Returns:
            ``blocks`` (our ids, in the order x, z, y), ``slots`` (slot of the window, item, number), ``life`` (health,
            food, saturation), ``alive``, ``entities`` (row, name, x, y, z) and ``server`` (the position of the agent as
            the server has it).
        """
        return self._ask("view", bot=e, changes=self._changes(e, entities=True), box=list(box))

    def close(self) -> None:
        """End the Node process."""
        if self.bridge is not None:
            self.bridge.close()
            self.bridge = None

    def _start(self) -> None:
        self.bridge = Bridge(self.timeout_s)
        weakref.finalize(self, self.bridge.close)
        self._shown = [_Shown() for _ in range(self.num_envs)]
        self.failures = ["the bridge was started anew"] * self.num_envs
        self._ask("start", version=VERSION, blocks=block_states(), items=item_names(), mobs=mob_names())

    def _ask(self, op: str, **message: Any) -> dict[str, Any]:
        """Call the bridge; if it fails, all worlds have failed."""
        assert self.bridge is not None
        try:
            return self.bridge.call(op, **message)
        except BridgeError as error:
            self.failures = [failure or str(error) for failure in self.failures]
            self.bridge = None
            raise

    def _move(self, ticking: NDArray[np.bool_], actions: NDArray[np.int64], tick: int) -> None:
        """Let the clients of the worlds ``ticking`` move by one tick."""
        worlds, rows = [int(e) for e in np.flatnonzero(ticking)], []
        for e in worlds:
            body, action = self.world.body[e], actions[e]
            ahead, aside, third = (0, 0, 0) if tick else (_WAYS[action[0]], _WAYS[action[1]], int(action[2]))
            if third == 3 and (ahead <= 0 or body[w.FOOD_LEVEL] <= 6):
                third = 0
            self._moved[e, 7] = third
            last = int(tick + 1 == self._ticks[e])
            entities = self.world.counts[e, w.TICKS] % _MOB_TICKS == 0
            keys = [ahead, aside, third, float(body[w.YAW]), float(body[w.PITCH]), last]
            rows.append([e, self._changes(e, entities), keys])
        with contextlib.suppress(BridgeError):  # the worlds have failed
            for e, row in zip(worlds, self._ask("tick", rows=rows)["rows"], strict=True):
                if isinstance(row, dict):
                    self.failures[e] = row["error"]
                else:
                    self._moved[e, :7] = row

    def _new_world(self, e: int) -> dict[str, Any]:
        body = self.world.body[e]
        self._shown[e].blocks = self.world.blocks[e].copy()
        self._shown[e].kinds[:] = 0  # the client forgets them
        self._moved[e] = 0.0
        return {
            "bot": e, "side": self.world.blocks.shape[1], "height": w.HEIGHT,
            "blocks": base64.b64encode(self.world.blocks[e].tobytes()).decode(),
            "position": body[[w.X, w.Y, w.Z]].tolist(),
            "changes": self._changes(e, entities=True),
        }  # fmt: skip

    def _changes(self, e: int, entities: bool) -> dict[str, Any] | None:
        """Return what the client has not been shown yet, ``None`` for nothing."""
        shown, world = self._shown[e], self.world
        changes: dict[str, Any] = {}
        now, before = world.blocks[e].reshape(-1), shown.blocks.reshape(-1)
        if (now.view(np.uint64) != before.view(np.uint64)).any():
            cells = np.flatnonzero(now != before)
            before[cells] = now[cells]
            x, z, y = np.unravel_index(cells, world.blocks.shape[1:])
            changes["blocks"] = np.stack([x, y, z, now[cells]], axis=1).tolist()
        if (world.slots[e] != shown.slots).any():
            slots = np.flatnonzero((world.slots[e] != shown.slots).any(axis=1))
            changes["slots"] = [[_WINDOW[k], *world.slots[e, k].tolist()] for k in slots]
            shown.slots[:] = world.slots[e]
        body = world.body[e]
        life = body[[w.HP, w.FOOD_LEVEL, w.SATURATION_LEVEL]].tolist()
        if life != shown.life:
            changes["life"] = shown.life = life
        velocity = body[[w.VX, w.VY, w.VZ]]
        if (velocity != self._moved[e, 3:6]).any():
            changes["velocity"] = velocity.tolist()
        if self.world.counts[e, w.TICKS] % _CLOCK_TICKS == 0:
            changes["time"] = int(self.world.counts[e, w.TIME])
        if entities:
            self._show_entities(e, shown, changes)
        return changes or None

    def _show_entities(self, e: int, shown: _Shown, changes: dict[str, Any]) -> None:
        """Add mobs and dropped items that have moved, in the copy of the world that the agent is in."""
        mobs, drops, body = self.world.mobs[e], self.world.drops[e], self.world.body[e]
        kinds = np.concatenate([mobs[:, w.KIND], -drops[:, w.D_ITEM]]).astype(np.int64)
        places = np.zeros_like(shown.places)
        places[: w.MOBS] = mobs[:, [w.MX, w.MY, w.MZ, w.MYAW]]
        places[w.MOBS :, :3] = drops[:, [w.DX, w.DY, w.DZ]]
        side = self.world.blocks.shape[1]
        for column, at in ((0, w.X), (2, w.Z)):
            delta = places[:, column] - body[at]
            places[:, column] = body[at] + delta - side * np.floor(delta / side + 0.5)
        gone = np.flatnonzero((kinds == 0) & (shown.kinds != 0))
        moved = np.flatnonzero(
            (kinds != 0) & ((kinds != shown.kinds) | (np.abs(places - shown.places) > 1e-3).any(axis=1))
        )
        if len(gone):
            changes["gone"] = gone.tolist()
        if len(moved):
            counts = np.concatenate([np.ones(w.MOBS), drops[:, w.D_COUNT]]).astype(np.int64)
            changes["rows"] = [[int(r), int(kinds[r]), *places[r].tolist(), int(counts[r])] for r in moved]
        shown.kinds, shown.places[moved] = kinds, places[moved]
