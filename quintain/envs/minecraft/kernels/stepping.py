"""The step of all worlds: actions, motion, hands, damage, mobs, liquids, and the reward of the task."""

from __future__ import annotations

import numpy as np

from quintain.envs.minecraft.kernels.changes import fall_drops, flow
from quintain.envs.minecraft.kernels.compiled import compiled
from quintain.envs.minecraft.kernels.hands import attack, destroy, place, throw, use
from quintain.envs.minecraft.kernels.inventory import add, craft, equip, look_around
from quintain.envs.minecraft.kernels.mobs import live_mobs, spawn_zombies
from quintain.envs.minecraft.kernels.motion import adopt, feel, move
from quintain.envs.minecraft.kernels.progress import NIGHT_MOBS, TIME_PASSES, progress
from quintain.envs.minecraft.kernels.vitals import live
from quintain.envs.minecraft.kernels.world import (
    D_AGE,
    D_COUNT,
    D_ITEM,
    D_USES,
    DAMAGE_CAUSE,
    DAMAGE_DISTANCE,
    DAMAGE_TAKEN,
    DAMAGE_YAW,
    DEAD,
    DIG,
    DIG_DELAY,
    DROP_ROWS,
    DX,
    DY,
    DZ,
    FAILED,
    FIRE_DAMAGE,
    FOOD_LEVEL,
    HUNGER_DAMAGE,
    PITCH,
    QUEUE_HEAD,
    QUEUE_TAIL,
    TICKS,
    TIME,
    YAW,
    Bytes,
    Flags,
    Floats,
    Ints,
    Words,
    World,
    X,
    Y,
    Z,
    wrapped,
)

#: Degrees of one bin of the camera actions, and the bin that leaves the camera where it is.
CAMERA_STEP, CAMERA_CENTRE = 15.0, 12


@compiled
def pick_up(body: Floats, count: Ints, slots: Ints, have: Ints, drops: Floats, side: float) -> None:
    """Put dropped stacks within reach of the body into the inventory, as far as they fit."""
    for k in range(count[DROP_ROWS]):
        if drops[k, D_ITEM] == 0 or drops[k, D_AGE] < 0:
            continue
        dx, dz = wrapped(side, drops[k, DX] - body[X]), wrapped(side, drops[k, DZ] - body[Z])
        if abs(dx) < 1.425 and abs(dz) < 1.425 and -0.75 < drops[k, DY] - body[Y] < 2.3:
            item, number = int(drops[k, D_ITEM]), int(drops[k, D_COUNT])
            drops[k, D_COUNT] = add(slots, have, item, number, int(drops[k, D_USES]))
            if drops[k, D_COUNT] == 0:
                drops[k, D_ITEM] = 0.0


@compiled
def act(
    blocks: Bytes, tops: Bytes, body: Floats, count: Ints, slots: Ints, have: Ints, used: Flags,
    mobs: Floats, drops: Floats, queue: Ints, random: Words, action: Ints,
) -> bool:  # fmt: skip
    """Perform the function of an action; return whether it was possible (always, for use and attack)."""
    function, argument, slot = action[5], action[6], action[7]
    if function == 3:
        attack(blocks, tops, body, count, slots, have, used, mobs, drops, queue, random)
        return True
    body[DIG] = 0.0
    if function == 0:
        return True
    if function == 1:
        use(blocks, tops, body, count, slots, have, used, mobs, drops, queue, random)
        return True
    if function == 2:
        return throw(body, count, slots, have, drops)
    if function == 4:
        look_around(blocks, body, count)
        return craft(slots, have, count, used, argument)
    if function == 5:
        return equip(slots, have, used, slot)
    if function == 6:
        return place(blocks, tops, body, count, slots, have, used, mobs, queue, slot)
    return destroy(slots, have, slot)


@compiled
def after_motion(
    blocks: Bytes, tops: Bytes, body: Floats, count: Ints, slots: Ints, have: Ints,
    mobs: Floats, drops: Floats, queue: Ints, random: Words, setup: Ints,
) -> None:  # fmt: skip
    """Advance everything but the agent's motion by 50 ms: health, mobs, drops, liquids, time."""
    if count[DIG_DELAY] > 0:
        count[DIG_DELAY] -= 1
    feel(blocks, body, count)
    live(blocks, body, count, slots, have)
    live_mobs(blocks, tops, body, count, slots, have, mobs, drops, random)
    if setup[NIGHT_MOBS]:
        spawn_zombies(blocks, tops, body, count, mobs, random)
    if count[DROP_ROWS] > 0:
        fall_drops(blocks, count, drops)
        pick_up(body, count, slots, have, drops, float(blocks.shape[0]))
    if count[QUEUE_TAIL] > count[QUEUE_HEAD]:
        flow(blocks, tops, count, queue, drops, random)
    count[TICKS] += 1
    if setup[TIME_PASSES]:
        count[TIME] += 1


@compiled
def turn_and_act(
    blocks: Bytes, tops: Bytes, body: Floats, count: Ints, slots: Ints, have: Ints, used: Flags,
    mobs: Floats, drops: Floats, queue: Ints, random: Words, action: Ints,
) -> int:  # fmt: skip
    """Turn the view and perform the function of an action; return how many ticks the action takes."""
    for column in (DAMAGE_TAKEN, DAMAGE_YAW, DAMAGE_DISTANCE, HUNGER_DAMAGE):
        body[column] = 0.0
    count[FIRE_DAMAGE] = count[DAMAGE_CAUSE] = 0
    if action[4] != CAMERA_CENTRE or action[3] != CAMERA_CENTRE:
        body[YAW] = (body[YAW] + (action[4] - CAMERA_CENTRE) * CAMERA_STEP + 180.0) % 360.0 - 180.0
        body[PITCH] = min(max(body[PITCH] + (action[3] - CAMERA_CENTRE) * CAMERA_STEP, -90.0), 90.0)
    possible = act(blocks, tops, body, count, slots, have, used, mobs, drops, queue, random, action)
    count[FAILED] = 0 if possible else 1
    return 3 if action[5] == 2 or action[5] > 3 else 1


@compiled
def direction_of(choice: int) -> float:
    """Return 1, -1 or 0 for the choices 1, 2 and 0 of a direction."""
    return 1.0 if choice == 1 else -1.0 if choice == 2 else 0.0


@compiled
def step_world(
    blocks: Bytes, tops: Bytes, body: Floats, count: Ints, slots: Ints, have: Ints, used: Flags,
    mobs: Floats, drops: Floats, queue: Ints, random: Words, action: Ints, setup: Ints,
) -> None:  # fmt: skip
    """Advance one world by one action: one tick, or three after drop, craft, equip, place and destroy."""
    ticks = turn_and_act(blocks, tops, body, count, slots, have, used, mobs, drops, queue, random, action)
    forward, strafe, third = direction_of(action[0]), direction_of(action[1]), action[2]
    for _ in range(ticks):
        if not count[DEAD]:
            sprint = third == 3 and forward > 0 and body[FOOD_LEVEL] > 6
            move(blocks, body, count, forward, strafe, third == 1, third == 2, sprint)
            after_motion(blocks, tops, body, count, slots, have, mobs, drops, queue, random, setup)
        forward, strafe, third = 0.0, 0.0, 0
    look_around(blocks, body, count)


@compiled
def step_one(w: World, e: int, action: Ints, setup: Ints) -> None:
    """Advance world ``e`` by one action."""
    step_world(
        w.blocks[e], w.top[e], w.body[e], w.counts[e], w.slots[e], w.have[e], w.used[e], w.mobs[e], w.drops[e],
        w.queue[e], w.random[e : e + 1], action, setup,
    )  # fmt: skip


@compiled
def step_all(w: World, actions: Ints, active: Flags, setup: Ints, rewards: Floats, succeeded: Flags) -> None:
    """Advance all active worlds, and write reward and success of the task."""
    for e in range(actions.shape[0]):
        rewards[e] = 0.0
        succeeded[e] = False
        if active[e]:
            step_one(w, e, actions[e], setup)
            rewards[e], succeeded[e] = progress(w, e, setup)


@compiled
def act_all(w: World, actions: Ints, active: Flags, ticks: Ints) -> None:
    """Begin the step of all active worlds where others move the agents; write how many ticks each action takes."""
    for e in range(actions.shape[0]):
        ticks[e] = 0
        if active[e]:
            ticks[e] = turn_and_act(
                w.blocks[e], w.top[e], w.body[e], w.counts[e], w.slots[e], w.have[e], w.used[e], w.mobs[e], w.drops[e],
                w.queue[e], w.random[e : e + 1], actions[e],
            )  # fmt: skip


@compiled
def live_all(w: World, ticking: Flags, moved: Floats, setup: Ints) -> None:
    """Advance the worlds ``ticking`` by a tick after their motion, of which ``moved`` has a row each; see ``adopt``."""
    for e in range(moved.shape[0]):
        if ticking[e]:
            adopt(w.blocks[e], w.body[e], w.counts[e], moved[e])
            after_motion(
                w.blocks[e], w.top[e], w.body[e], w.counts[e], w.slots[e], w.have[e], w.mobs[e], w.drops[e],
                w.queue[e], w.random[e : e + 1], setup,
            )  # fmt: skip


@compiled
def judge_all(w: World, active: Flags, setup: Ints, rewards: Floats, succeeded: Flags) -> None:
    """End the step of all active worlds where others move the agents."""
    for e in range(active.shape[0]):
        rewards[e] = 0.0
        succeeded[e] = False
        if active[e]:
            look_around(w.blocks[e], w.body[e], w.counts[e])
            rewards[e], succeeded[e] = progress(w, e, setup)


def no_op() -> np.ndarray:
    """Return the action that does nothing."""
    return np.array([0, 0, 0, CAMERA_CENTRE, CAMERA_CENTRE, 0, 0, 0], np.int64)
