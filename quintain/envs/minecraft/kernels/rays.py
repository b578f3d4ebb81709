"""Rays through the blocks (Amanatides and Woo 1987) and through mobs, lidar, and crops of voxels."""

from __future__ import annotations

import numpy as np

from quintain.envs.minecraft.kernels.compiled import compiled
from quintain.envs.minecraft.kernels.tables import BARRIER, LIQUID
from quintain.envs.minecraft.kernels.world import (
    EYE,
    HEIGHT,
    KIND,
    MX,
    MY,
    MZ,
    PITCH,
    YAW,
    Bytes,
    Floats,
    Ints,
    X,
    Y,
    Z,
    block_at,
    floor,
    wrapped,
)

#: Half of the width, and the height, of mobs by kind; kind 0 is none.
MOB_HALF = np.array([0.0, 0.45, 0.45, 0.45, 0.2, 0.3])
MOB_TALL = np.array([0.0, 1.4, 1.3, 0.9, 0.7, 1.95])
_FAR = 1e30


@compiled
def direction(yaw: float, pitch: float) -> tuple[float, float, float]:
    """Return the unit vector of a view; yaw 0 looks along +z, positive pitch looks down; radians."""
    flat = np.cos(pitch)
    return -np.sin(yaw) * flat, -np.sin(pitch), np.cos(yaw) * flat


@compiled
def cast(
    blocks: Bytes, ox: float, oy: float, oz: float, dx: float, dy: float, dz: float, limit: float, liquids: bool
) -> tuple[int, int, int, int, int, float]:
    """Follow a ray to the first block that is not air.

    Returns:
        Block, its x, y, z, the face that the ray enters by (0 x, 1 y, 2 z; plus 3 if from the positive side; -1 if the
        ray begins inside), and the distance. Block 0 means that nothing lies within ``limit``.
    """
    x, y, z = floor(ox), floor(oy), floor(oz)
    sx, sy, sz = (1 if dx > 0 else -1), (1 if dy > 0 else -1), (1 if dz > 0 else -1)
    ix, iy, iz = (abs(1.0 / dx) if dx != 0 else _FAR), (abs(1.0 / dy) if dy != 0 else _FAR), (
        abs(1.0 / dz) if dz != 0 else _FAR
    )  # fmt: skip
    tx = ((x + 1 - ox) if dx > 0 else (ox - x)) * ix
    ty = ((y + 1 - oy) if dy > 0 else (oy - y)) * iy
    tz = ((z + 1 - oz) if dz > 0 else (oz - z)) * iz
    mask, t, face = blocks.shape[0] - 1, 0.0, -1
    while True:
        if y < 0:
            return BARRIER, x, y, z, face, t
        if y < HEIGHT:
            block = blocks[x & mask, z & mask, y]
            if block != 0 and (liquids or LIQUID[block] == 0):
                return int(block), x, y, z, face, t
        elif sy > 0:
            return 0, x, y, z, face, limit
        if tx < ty and tx < tz:
            t, face = tx, 0 if sx > 0 else 3
            x += sx
            tx += ix
        elif ty < tz:
            t, face = ty, 1 if sy > 0 else 4
            y += sy
            ty += iy
        else:
            t, face = tz, 2 if sz > 0 else 5
            z += sz
            tz += iz
        if t > limit:
            return 0, x, y, z, face, limit


@compiled
def hit_mob(
    mob: Floats, side: float, ox: float, oy: float, oz: float, dx: float, dy: float, dz: float, limit: float
) -> float:
    """Return the distance at which a ray enters a mob's box, or ``limit`` if it does not."""
    kind = int(mob[KIND])
    half, tall = MOB_HALF[kind], MOB_TALL[kind]
    px, py, pz = wrapped(side, mob[MX] - ox), mob[MY] - oy, wrapped(side, mob[MZ] - oz)
    near, far = 0.0, limit
    for axis in range(3):
        d = dx if axis == 0 else dy if axis == 1 else dz
        low = px - half if axis == 0 else py if axis == 1 else pz - half
        high = px + half if axis == 0 else py + tall if axis == 1 else pz + half
        if abs(d) < 1e-12:
            if low > 0.0 or high < 0.0:
                return limit
            continue
        one, two = low / d, high / d
        near, far = max(near, min(one, two)), min(far, max(one, two))
    return near if near < far else limit


@compiled
def sight(
    blocks: Bytes, body: Floats, mobs: Floats, reach: float, mob_reach: float
) -> tuple[int, int, int, int, int, int]:
    """Return what the crosshair points at: block, its x, y, z, face, and the row of a mob or -1 if none is nearer."""
    ox, oy, oz = body[X], body[Y] + EYE, body[Z]
    dx, dy, dz = direction(np.radians(body[YAW]), np.radians(body[PITCH]))
    block, x, y, z, face, t = cast(blocks, ox, oy, oz, dx, dy, dz, reach, False)
    best, row = min(mob_reach, t), -1
    for k in range(mobs.shape[0]):
        if mobs[k, KIND] > 0:
            d = hit_mob(mobs[k], float(blocks.shape[0]), ox, oy, oz, dx, dy, dz, best)
            if d < best:
                best, row = d, k
    return block, x, y, z, face, row


@compiled
def lidar(
    blocks: Bytes, body: Floats, mobs: Floats, rays: Floats, ids: Ints, kinds: Ints, cells: Ints, out: Floats
) -> None:
    """Cast rays, given as (pitch, yaw, distance) relative to the view in radians, from the eye.

    Writes block ids, kinds of mobs (0 none), cells of the blocks (R, 3), and distances of blocks and of mobs (R, 2); a
    distance of -1 means that there is none. A mob behind a block is not seen, nor a block behind a mob.
    """
    ox, oy, oz = body[X], body[Y] + EYE, body[Z]
    near = np.empty(mobs.shape[0], np.int64)
    found, side = 0, float(blocks.shape[0])
    longest = rays[:, 2].max() + 1.0
    for k in range(mobs.shape[0]):
        if mobs[k, KIND] > 0:
            px, pz = wrapped(side, mobs[k, MX] - ox), wrapped(side, mobs[k, MZ] - oz)
            if px * px + pz * pz < longest * longest:
                near[found] = k
                found += 1
    yaw, pitch = np.radians(body[YAW]), np.radians(body[PITCH])
    for r in range(rays.shape[0]):
        dx, dy, dz = direction(yaw + rays[r, 1], pitch + rays[r, 0])
        block, x, y, z, _, t = cast(blocks, ox, oy, oz, dx, dy, dz, rays[r, 2], True)
        kind, best = 0, t
        for i in range(found):
            d = hit_mob(mobs[near[i]], side, ox, oy, oz, dx, dy, dz, best)
            if d < best:
                best, kind = d, int(mobs[near[i], KIND])
        ids[r] = block if kind == 0 else 0
        kinds[r] = kind
        cells[r, 0], cells[r, 1], cells[r, 2] = x, y, z
        out[r, 0] = t if block != 0 and kind == 0 else -1.0
        out[r, 1] = best if kind > 0 else -1.0


@compiled
def crop(blocks: Bytes, body: Floats, low: Ints, out: Bytes) -> None:
    """Copy the blocks around the agent's feet into ``out``, indexed x, y, z; ``low`` is the lowest offset per axis."""
    x0, y0, z0 = floor(body[X]) + low[0], floor(body[Y]) + low[1], floor(body[Z]) + low[2]
    mask = blocks.shape[0] - 1
    for i in range(out.shape[0]):
        for k in range(out.shape[2]):
            column = blocks[(x0 + i) & mask, (z0 + k) & mask]
            for j in range(out.shape[1]):
                y = y0 + j
                out[i, j, k] = column[y] if 0 <= y < HEIGHT else BARRIER if y < 0 else 0


@compiled
def in_view(blocks: Bytes, body: Floats, x: float, y: float, z: float, near: float) -> bool:
    """Whether the block around a point lies within ``near`` of the eye with nothing but liquids between."""
    ox, oy, oz = body[X], body[Y] + EYE, body[Z]
    dx, dy, dz = x - ox, y - oy, z - oz
    length = np.sqrt(dx * dx + dy * dy + dz * dz)
    if length > near:
        return False
    _, bx, by, bz, _, _ = cast(blocks, ox, oy, oz, dx / length, dy / length, dz / length, near, False)
    return bool(bx == floor(x) and by == floor(y) and bz == floor(z)) or length < 1e-6


@compiled
def opaque_eye(blocks: Bytes, body: Floats) -> int:
    """Return the block in which the eye is."""
    return block_at(blocks, floor(body[X]), floor(body[Y] + EYE), floor(body[Z]))
