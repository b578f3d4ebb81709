"""Inputs of designed rewards in voxel worlds: what is visible and near, the agent's state, how the episode ended.

Only what the rays of a cone of 60 by 120 degrees meet is visible, as for the agent itself: what it does not look at, a
reward function does not see either.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from quintain.envs.minecraft.blocks import BLOCKS
from quintain.envs.minecraft.items import ITEMS
from quintain.envs.minecraft.kernels.compiled import compiled
from quintain.envs.minecraft.kernels.rays import lidar
from quintain.envs.minecraft.kernels.world import (
    FOOD_LEVEL,
    HP,
    PITCH,
    TICKS,
    YAW,
    Floats,
    Ints,
    World,
    X,
    Y,
    Z,
)
from quintain.envs.minecraft.simulator import Simulator
from quintain.envs.minecraft.tasks import MOBS, Task
from quintain.envs.minecraft.views import BLOCK_NAMES, DEFAULT_RAYS, MOB_NAMES
from quintain.reward_signature import Columns, RewardInput, RewardSignature, Target

__all__ = ["inputs_of", "signature_of"]

#: Names of blocks without their variants, air left out, and the index of every block id among them.
_NAMES = tuple(dict.fromkeys(name for name in BLOCK_NAMES if name not in ("air", "barrier")))
_INDEX = np.array([_NAMES.index(block.name) if block.name in _NAMES else -1 for block in BLOCKS], np.int64)
_ITEMS = tuple(item.name for item in ITEMS[1:])
_RAYS = np.array(DEFAULT_RAYS, np.float64)
_PLACES = "offset (dx, dy, dz) in blocks from the eye to the nearest visible one; only what is in view is there"
_FACTS = (
    "The world is made of blocks of 1 m; y points up; an offset is (dx, dy, dz) along the axes of the world.",
    "The agent sees a cone of 60 by 120 degrees, up to 16 blocks; what it does not look at is not in nearby_blocks.",
    "yaw 0 looks along +z; positive pitch looks down; the agent walks about 0.2 blocks per tick of 50 ms.",
    "Lava within reach of the feet burns to death in seconds, and may be hidden behind blocks that are dug.",
    "A fall of more than 3 blocks hurts; the agent has 20 points of health.",
)


@compiled
def cast_all(w: World, rays: Floats, ids: Ints, kinds: Ints, cells: Ints, gaps: Floats) -> None:
    """Cast the rays in all worlds; see :func:`~quintain.envs.minecraft.kernels.rays.lidar`."""
    for e in range(w.body.shape[0]):
        lidar(w.blocks[e], w.body[e], w.mobs[e], rays, ids[e], kinds[e], cells[e], gaps[e])


def signature_of(task: Task, max_steps: int | None = None) -> RewardSignature:
    """Return what a task declares about designed rewards.

    Args:
        task: The task.
        max_steps: Number of the learner's steps in an episode. Default: that of the task.
    """
    inputs = (
        RewardInput("nearby_blocks", "places", f"visible blocks by name: {_PLACES}", _NAMES),
        RewardInput("nearby_entities", "places", f"visible animals and zombies by kind: {_PLACES}", MOB_NAMES[1:]),
        RewardInput("position", "vector", "(x, y, z) of the feet, in blocks", size=3),
        RewardInput("yaw", "number", "direction of the view, in degrees, [-180, 180)"),
        RewardInput("pitch", "number", "in degrees, -90 looks up, 0 ahead, 90 down"),
        RewardInput("health", "number", "points of health, [0, 20]"),
        RewardInput("food", "number", "points of food, [0, 20]"),
        RewardInput("damage", "number", "damage taken at this step, in points"),
        RewardInput("inventory", "counts", "items carried: name to number", _ITEMS),
        RewardInput("elapsed", "number", "ticks of 50 ms since the episode began"),
        RewardInput("goal_reached", "flag", "whether the task was done at this step, judged by the environment"),
        RewardInput("is_dead", "flag", "whether the agent died at this step"),
    )
    targets: tuple[Target, ...] = ()
    if task.kind == "approach_block":
        targets = (Target("nearby_blocks", task.target),)
    elif task.kind in ("approach_mob", "combat"):
        targets = (Target("nearby_entities", task.target),)
    return RewardSignature(
        task.prompt,
        inputs,
        _FACTS,
        success="goal_reached",
        failure="is_dead",
        targets=targets,
        hazards=(("nearby_blocks", "lava"),),
        words={"tree": "log"},
        max_steps=max_steps or task.max_steps,
    )


def inputs_of(simulator: Simulator, success: NDArray[np.bool_], damage: NDArray[np.float64]) -> Columns:
    """Return the inputs of all worlds after a step.

    Args:
        simulator: The worlds.
        success: Whether the step did the task, shape ``(num_envs,)``.
        damage: Damage taken at the step, in points, shape ``(num_envs,)``.
    """
    w, e, n = simulator.world, len(success), len(_RAYS)
    ids, kinds = np.empty((e, n), np.int64), np.empty((e, n), np.int64)
    gaps = np.empty((e, n, 2))
    cast_all(w, _RAYS, ids, kinds, np.empty((e, n, 3), np.int64), gaps)
    body = w.body
    yaw = np.radians(body[:, YAW])[:, None] + _RAYS[:, 1]
    pitch = np.radians(body[:, PITCH])[:, None] + _RAYS[:, 0]
    flat = np.cos(pitch)
    ahead = np.stack([-np.sin(yaw) * flat, -np.sin(pitch), np.cos(yaw) * flat], axis=2)
    rows, items = np.nonzero(w.have[:, 1:])
    return {
        "nearby_blocks": _nearest(_INDEX[ids], gaps[:, :, 0], ahead, len(_NAMES)),
        "nearby_entities": _nearest(kinds - 1, gaps[:, :, 1], ahead, len(MOBS)),
        "position": body[:, [X, Y, Z]],
        "yaw": body[:, YAW],
        "pitch": body[:, PITCH],
        "health": body[:, HP],
        "food": body[:, FOOD_LEVEL],
        "damage": damage,
        "inventory": (np.bincount(rows, minlength=e), items, w.have[:, 1:][rows, items]),
        "elapsed": w.counts[:, TICKS],
        "goal_reached": success,
        "is_dead": simulator.dead(),
    }


def _nearest(
    kinds: NDArray[np.int64], gaps: NDArray[np.float64], ahead: NDArray[np.float64], number: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[Any]]:
    """Return the nearest hit of every kind in every world, as a column of ``places``."""
    worlds, rays = np.nonzero((kinds >= 0) & (gaps >= 0))
    distance = gaps[worlds, rays]
    keys = worlds * number + kinds[worlds, rays]
    order = np.lexsort((distance, keys))
    keys, first = np.unique(keys[order], return_index=True)
    chosen = order[first]
    offsets = ahead[worlds[chosen], rays[chosen]] * distance[chosen, None]
    return np.bincount(keys // number, minlength=len(kinds)), keys % number, offsets
