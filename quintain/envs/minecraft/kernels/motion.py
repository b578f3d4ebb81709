"""Motion in ticks of 50 ms: the client's equations of walking, jumping, falling and swimming, with boxes for bodies."""

from __future__ import annotations

import numpy as np

from quintain.envs.minecraft.kernels.compiled import compiled
from quintain.envs.minecraft.kernels.tables import LIQUID, SOLID
from quintain.envs.minecraft.kernels.world import (
    EXHAUSTION,
    EYE,
    FALL,
    FEET_IN,
    HALF,
    HEAD_IN,
    ON_GROUND,
    TALL,
    VX,
    VY,
    VZ,
    YAW,
    Bytes,
    Floats,
    Ints,
    X,
    Y,
    Z,
    block_at,
    floor,
)

_TINY = 1e-7


@compiled
def any_solid(blocks: Bytes, x0: int, x1: int, y0: int, y1: int, z0: int, z1: int) -> bool:
    """Whether a block that stops bodies lies in a range of cells, ends included."""
    for x in range(x0, x1 + 1):
        for z in range(z0, z1 + 1):
            for y in range(y0, y1 + 1):
                if SOLID[block_at(blocks, x, y, z)]:
                    return True
    return False


@compiled
def sweep_y(blocks: Bytes, x: float, y: float, z: float, half: float, tall: float, dy: float) -> float:
    """Return how far a box moves along y before it touches a block."""
    x0, x1 = floor(x - half + _TINY), floor(x + half - _TINY)
    z0, z1 = floor(z - half + _TINY), floor(z + half - _TINY)
    if dy > 0:
        for cell in range(floor(y + tall - _TINY) + 1, floor(y + tall + dy - _TINY) + 1):
            if any_solid(blocks, x0, x1, cell, cell, z0, z1):
                return cell - (y + tall)
    else:
        for cell in range(floor(y + _TINY) - 1, floor(y + dy + _TINY) - 1, -1):
            if any_solid(blocks, x0, x1, cell, cell, z0, z1):
                return cell + 1 - y
    return dy


@compiled
def sweep_x(blocks: Bytes, x: float, y: float, z: float, half: float, tall: float, dx: float) -> float:
    """Return how far a box moves along x before it touches a block."""
    y0, y1 = floor(y + _TINY), floor(y + tall - _TINY)
    z0, z1 = floor(z - half + _TINY), floor(z + half - _TINY)
    if dx > 0:
        for cell in range(floor(x + half - _TINY) + 1, floor(x + half + dx - _TINY) + 1):
            if any_solid(blocks, cell, cell, y0, y1, z0, z1):
                return cell - (x + half)
    else:
        for cell in range(floor(x - half + _TINY) - 1, floor(x - half + dx + _TINY) - 1, -1):
            if any_solid(blocks, cell, cell, y0, y1, z0, z1):
                return cell + 1 - (x - half)
    return dx


@compiled
def sweep_z(blocks: Bytes, x: float, y: float, z: float, half: float, tall: float, dz: float) -> float:
    """Return how far a box moves along z before it touches a block."""
    x0, x1 = floor(x - half + _TINY), floor(x + half - _TINY)
    y0, y1 = floor(y + _TINY), floor(y + tall - _TINY)
    if dz > 0:
        for cell in range(floor(z + half - _TINY) + 1, floor(z + half + dz - _TINY) + 1):
            if any_solid(blocks, x0, x1, y0, y1, cell, cell):
                return cell - (z + half)
    else:
        for cell in range(floor(z - half + _TINY) - 1, floor(z - half + dz + _TINY) - 1, -1):
            if any_solid(blocks, x0, x1, y0, y1, cell, cell):
                return cell + 1 - (z - half)
    return dz


@compiled
def has_floor(blocks: Bytes, x: float, y: float, z: float) -> bool:
    """Whether a block lies within 0.6 blocks below the agent's box."""
    x0, x1 = floor(x - HALF + _TINY), floor(x + HALF - _TINY)
    return any_solid(blocks, x0, x1, floor(y - 0.6), floor(y - _TINY), floor(z - HALF + _TINY), floor(z + HALF - _TINY))


@compiled
def feel(blocks: Bytes, body: Floats, count: Ints) -> None:
    """Set which liquids feet and head are in: 0 none, 1 water, 2 lava."""
    x, z = floor(body[X]), floor(body[Z])
    count[FEET_IN] = LIQUID[block_at(blocks, x, floor(body[Y] + 0.2), z)]
    count[HEAD_IN] = LIQUID[block_at(blocks, x, floor(body[Y] + EYE), z)]


@compiled
def drive(body: Floats, forward: float, strafe: float, acceleration: float) -> None:
    """Accelerate along the agent's heading; ``strafe`` is positive to the left."""
    norm = max(1.0, np.sqrt(forward * forward + strafe * strafe))
    forward, strafe = forward * acceleration / norm, strafe * acceleration / norm
    sin, cos = np.sin(np.radians(body[YAW])), np.cos(np.radians(body[YAW]))
    body[VX] += strafe * cos - forward * sin
    body[VZ] += forward * cos + strafe * sin


@compiled
def displace(blocks: Bytes, body: Floats, count: Ints, sneak: bool) -> bool:
    """Move by the velocity, stop at blocks, and keep account of falling; return whether a wall was hit."""
    dx, dy, dz = body[VX], body[VY], body[VZ]
    if sneak and count[ON_GROUND]:
        while dx != 0 and not has_floor(blocks, body[X] + dx, body[Y], body[Z]):
            dx = 0.0 if abs(dx) <= 0.05 else dx - 0.05 * np.sign(dx)
        while dz != 0 and not has_floor(blocks, body[X] + dx, body[Y], body[Z] + dz):
            dz = 0.0 if abs(dz) <= 0.05 else dz - 0.05 * np.sign(dz)
    moved = sweep_y(blocks, body[X], body[Y], body[Z], HALF, TALL, dy)
    count[ON_GROUND] = 1 if moved != dy and dy < 0 else 0
    body[Y] += moved
    if moved < 0:
        body[FALL] -= moved
    if moved != dy:
        body[VY] = 0.0
    wanted_x, wanted_z = dx, dz
    dx = sweep_x(blocks, body[X], body[Y], body[Z], HALF, TALL, dx)
    body[X] += dx
    dz = sweep_z(blocks, body[X], body[Y], body[Z], HALF, TALL, dz)
    body[Z] += dz
    if dx != wanted_x:
        body[VX] = 0.0
    if dz != wanted_z:
        body[VZ] = 0.0
    return bool(dx != wanted_x or dz != wanted_z)


@compiled
def move(
    blocks: Bytes, body: Floats, count: Ints, forward: float, strafe: float, jump: bool, sneak: bool, sprint: bool
) -> None:
    """Advance the agent by one tick; a sprint needs forward motion and more than 6 food points."""
    feel(blocks, body, count)
    for axis in (VX, VY, VZ):
        if abs(body[axis]) < 0.003:
            body[axis] = 0.0
    scale = 0.98 * (0.3 if sneak else 1.0)
    forward, strafe = forward * scale, strafe * scale
    x, z = body[X], body[Z]
    liquid = count[FEET_IN]
    if liquid > 0:
        if jump:
            body[VY] += 0.04
        drive(body, forward, strafe, 0.02)
        blocked = displace(blocks, body, count, False)
        drag = 0.8 if liquid == 1 else 0.5
        body[VX], body[VY], body[VZ] = body[VX] * drag, body[VY] * drag - 0.02, body[VZ] * drag
        if blocked and jump:
            body[VY] = 0.3
        body[FALL] = 0.0 if liquid == 1 else body[FALL] * 0.5
        body[EXHAUSTION] += 0.01 * np.sqrt((body[X] - x) ** 2 + (body[Z] - z) ** 2)
        return
    grounded = count[ON_GROUND] == 1
    if jump and grounded:
        body[VY] = 0.42
        body[EXHAUSTION] += 0.2 if sprint else 0.05
        if sprint:
            body[VX] -= 0.2 * np.sin(np.radians(body[YAW]))
            body[VZ] += 0.2 * np.cos(np.radians(body[YAW]))
    speed = (0.1 if grounded else 0.02) * (1.3 if sprint else 1.0)
    drive(body, forward, strafe, speed)
    displace(blocks, body, count, sneak)
    friction = 0.546 if grounded else 0.91
    body[VX], body[VZ] = body[VX] * friction, body[VZ] * friction
    body[VY] = (body[VY] - 0.08) * 0.98
    if sprint:
        body[EXHAUSTION] += 0.1 * np.sqrt((body[X] - x) ** 2 + (body[Z] - z) ** 2)


@compiled
def adopt(blocks: Bytes, body: Floats, count: Ints, moved: Floats) -> None:
    """Take over a motion of one tick that something else computed, with its fall and its exhaustion.

    Args:
        blocks: Blocks of the world.
        body: State of the agent, before the tick.
        count: Integer state of the agent, before the tick.
        moved: Position, velocity in blocks per tick, whether it stands on the ground, and 1 for a jump or 3 for a
            sprint; shape ``(8,)``.
    """
    feel(blocks, body, count)
    liquid, length = count[FEET_IN], np.sqrt((moved[0] - body[X]) ** 2 + (moved[2] - body[Z]) ** 2)
    if liquid > 0:
        body[EXHAUSTION] += 0.01 * length
    elif moved[7] == 3:
        body[EXHAUSTION] += 0.1 * length
    elif moved[7] == 1 and count[ON_GROUND] == 1:
        body[EXHAUSTION] += 0.05
    if moved[1] < body[Y]:
        body[FALL] += body[Y] - moved[1]
    if liquid > 0:
        body[FALL] = 0.0 if liquid == 1 else body[FALL] * 0.5
    body[X], body[Y], body[Z] = moved[0], moved[1], moved[2]
    body[VX], body[VY], body[VZ] = moved[3], moved[4], moved[5]
    count[ON_GROUND] = 1 if moved[6] > 0 else 0
