"""Pictures by ray casting: the first-person view with water, mobs, drops and fog, and the map from above."""

from __future__ import annotations

import numpy as np

from quintain.envs.minecraft.kernels.compiled import compiled
from quintain.envs.minecraft.kernels.observe import sun_brightness
from quintain.envs.minecraft.kernels.rays import MOB_HALF, MOB_TALL
from quintain.envs.minecraft.kernels.shading import (
    LIGHTS,
    VIEW,
    Singles,
    gather_lights,
    hash_cell,
    light_at,
    paint_face,
    sprite,
    write_sky,
)
from quintain.envs.minecraft.kernels.tables import BARRIER, LIQUID, REEDS, TALLGRASS, TORCH
from quintain.envs.minecraft.kernels.world import (
    D_ITEM,
    DROP_ROWS,
    DX,
    DY,
    DZ,
    EYE,
    HEAD_IN,
    HEIGHT,
    KIND,
    MHURT,
    MSHORN,
    MX,
    MY,
    MYAW,
    MZ,
    PITCH,
    PLACED,
    TIME,
    YAW,
    Bytes,
    Floats,
    Ints,
    World,
    X,
    Y,
    Z,
    floor,
    wrapped,
)

_FAR = 1e30


@compiled
def hit_box(
    box: Floats, ox: float, oy: float, oz: float, dx: float, dy: float, dz: float, limit: float
) -> tuple[float, int]:
    """Return the distance at which a ray enters a box, or ``limit``, and the axis of the face."""
    near, far, face = 0.0, limit, -1
    for axis in range(3):
        o = ox if axis == 0 else oy if axis == 1 else oz
        d = dx if axis == 0 else dy if axis == 1 else dz
        low, high = box[2 * axis] - o, box[2 * axis + 1] - o
        if abs(d) < 1e-9:
            if low > 0 or high < 0:
                return limit, -1
            continue
        one, two = low / d, high / d
        if min(one, two) > near:
            near, face = min(one, two), axis
        far = min(far, max(one, two))
    return (near, face) if near < far and face >= 0 else (limit, -1)


@compiled
def paint_mob(
    mob: Floats, boxes: Floats, side: float, ox: float, oy: float, oz: float, dx: float, dy: float, dz: float,
    limit: float, time: int, out: Floats,
) -> float:  # fmt: skip
    """Write the colour of a mob where a ray meets it first; return the distance, or ``limit``."""
    kind = int(mob[KIND])
    px, py, pz = wrapped(side, ox - mob[MX]), oy - mob[MY], wrapped(side, oz - mob[MZ])
    cos, sin = np.cos(np.radians(mob[MYAW])), np.sin(np.radians(mob[MYAW]))
    lx, lz = cos * px + sin * pz, -sin * px + cos * pz
    ux, uz = cos * dx + sin * dz, -sin * dx + cos * dz
    best = limit
    for k in range(boxes.shape[1]):
        box = boxes[kind, k]
        if box[1] <= box[0]:
            break
        t, face = hit_box(box, lx, py, lz, ux, dy, uz, best)
        if t >= best:
            continue
        best = t
        hx, hy, hz = lx + ux * t, py + dy * t, lz + uz * t
        level = 1.0 if face == 1 else 0.82 if face == 2 else 0.7
        i, j, m = int((hx + 8) * 16), int((hy + 8) * 16), int((hz + 8) * 16)
        level *= 0.9 + 0.2 * hash_cell(i * 31 + j, m * 17 + k)
        pattern = int(box[9])
        pale = pattern == 1 and hash_cell((i // 4) * 7 + j // 4, m // 4) > 0.66
        for c in range(3):
            out[c] = min((235.0 if pale else box[6 + c]) * level, 255.0)
        if pattern == 3 and mob[MSHORN] > 0:
            out[0], out[1], out[2] = 222.0 * level, 180.0 * level, 160.0 * level
        middle, top = (box[0] + box[1]) / 2, box[3]
        wide = box[1] - box[0]
        if pattern == 2 and face == 2 and uz < 0:
            eye = abs(abs(hx - middle) - wide * 0.3) < wide * 0.1 and abs(top - hy - wide * 0.45) < wide * 0.12
            if eye:
                out[0], out[1], out[2] = 24.0, 20.0, 20.0
        if mob[MHURT] > 0:
            out[0] = min(out[0] + 90.0, 255.0)
    return best


@compiled
def pixel(
    blocks: Bytes, tops: Bytes, textures: Singles, ox: float, oy: float, oz: float, dx: float, dy: float, dz: float,
    sun: float, time: int, lights: Floats, number: int, ceiling: int, head_in: int, out: Floats,
) -> float:  # fmt: skip
    """Write the colour that a ray sees among the blocks, none of which is above ``ceiling``; return its length."""
    x, y, z = floor(ox), floor(oy), floor(oz)
    sx, sy, sz = (1 if dx > 0 else -1), (1 if dy > 0 else -1), (1 if dz > 0 else -1)
    ix, iy, iz = (abs(1.0 / dx) if dx != 0 else _FAR), (abs(1.0 / dy) if dy != 0 else _FAR), (
        abs(1.0 / dz) if dz != 0 else _FAR
    )  # fmt: skip
    tx = ((x + 1 - ox) if dx > 0 else (ox - x)) * ix
    ty = ((y + 1 - oy) if dy > 0 else (oy - y)) * iy
    tz = ((z + 1 - oz) if dz > 0 else (oz - z)) * iz
    mask, t, axis = blocks.shape[0] - 1, 0.0, 1
    wet, last = -1.0, 1 if head_in == 1 else 0
    while True:
        if tx < ty and tx < tz:
            t, axis = tx, 0
            x += sx
            tx += ix
        elif ty < tz:
            t, axis = ty, 1
            y += sy
            ty += iy
        else:
            t, axis = tz, 2
            z += sz
            tz += iz
        if t > VIEW or (y > ceiling and sy > 0) or y < 0:
            t = VIEW
            write_sky(dx, dy, dz, ox, oz, time, sun, out)
            break
        if y > ceiling:
            continue
        block = blocks[x & mask, z & mask, y]
        if block == 0:
            last = 0
            continue
        if LIQUID[block] == 1:
            if wet < 0 and last == 0:
                wet = t
            last = 1
            continue
        if TALLGRASS <= block <= TORCH:
            if sprite(textures[block, 0], x, y, z, ox, oy, oz, dx, dy, dz, out):
                lit = 1.0 if block == TORCH else light_at(blocks, tops, x, y, z, sun, lights, number)
                for c in range(3):
                    out[c] *= lit
                break
            last = 0
            continue
        if block == BARRIER:
            continue
        paint_face(
            blocks, tops, textures, block, x, y, z, axis, sx, sy, sz, t, ox, oy, oz, dx, dy, dz, sun, lights, number,
            out,
        )  # fmt: skip
        break
    if wet >= 0:
        depth = min((t - wet) / 7.0, 1.0)
        keep = 0.62 * (1.0 - depth)
        glint = 0.9 + 0.1 * np.sin((ox + dx * wet) * 2.1 + time * 0.1) * np.sin((oz + dz * wet) * 1.7)
        for c, blue in enumerate((44.0, 92.0, 188.0)):
            out[c] = out[c] * keep + blue * glint * (0.25 + 0.75 * sun) * (1.0 - keep)
    return t


@compiled
def enclose_mobs(mobs: Floats, side: float, ox: float, oy: float, oz: float, near: Ints, balls: Floats) -> int:
    """Find mobs within sight, and balls around them: centre relative to the eye, and squared distance less radius."""
    found = 0
    for k in range(mobs.shape[0]):
        dx, dz = wrapped(side, mobs[k, MX] - ox), wrapped(side, mobs[k, MZ] - oz)
        if mobs[k, KIND] == 0 or dx * dx + dz * dz > VIEW * VIEW:
            continue
        kind = int(mobs[k, KIND])
        dy = mobs[k, MY] + MOB_TALL[kind] / 2 - oy
        reach = MOB_HALF[kind] + 0.55 + MOB_TALL[kind] / 3
        near[found] = k
        balls[found, 0], balls[found, 1], balls[found, 2] = dx, dy, dz
        balls[found, 3] = dx * dx + dy * dy + dz * dz - reach * reach
        found += 1
    return found


@compiled
def draw_view(w: World, e: int, textures: Singles, boxes: Floats, colours: Floats, field: float, out: Bytes) -> None:
    """Draw what the agent of world ``e`` sees.

    Args:
        w: The worlds.
        e: Which of them.
        textures: Textures of blocks, shape ``(blocks, 3, 16, 16, 3)``.
        boxes: Boxes of mobs, shape ``(kinds, boxes, 10)``.
        colours: Colours of dropped items, shape ``(items, 3)``.
        field: Vertical field of view, in degrees.
        out: The picture, shape ``(height, width, 3)``.
    """
    blocks, tops, body, count, mobs, drops = w.blocks[e], w.top[e], w.body[e], w.counts[e], w.mobs[e], w.drops[e]
    ox, oy, oz = body[X], body[Y] + EYE, body[Z]
    lights, colour, other, near = np.zeros((LIGHTS, 3)), np.zeros(3), np.zeros(3), np.zeros(mobs.shape[0], np.int64)
    number, time, side = gather_lights(blocks, ox, oy, oz, lights), count[TIME], float(blocks.shape[0])
    sun, balls = sun_brightness(time), np.empty((mobs.shape[0], 4))
    found = enclose_mobs(mobs, side, ox, oy, oz, near, balls)
    yaw, pitch = np.radians(body[YAW]), np.radians(body[PITCH])
    sin, cos, up, flat = np.sin(yaw), np.cos(yaw), np.sin(pitch), np.cos(pitch)
    scale = np.tan(np.radians(field / 2.0)) * 2.0 / out.shape[0]
    ceiling = HEIGHT - 1 if count[PLACED] > 0 else min(int(tops.max()) + 3, HEIGHT - 1)
    covered = tops[floor(ox) & (blocks.shape[0] - 1), floor(oz) & (blocks.shape[0] - 1)] - oy > 6.0
    for row in range(out.shape[0]):
        v = -(row + 0.5 - out.shape[0] / 2.0) * scale
        for column in range(out.shape[1]):
            a = (column + 0.5 - out.shape[1] / 2.0) * scale
            fy, fz = v * flat - up, flat + v * up
            dx, dy, dz = -sin * fz - cos * a, fy, cos * fz - sin * a
            length = np.sqrt(dx * dx + dy * dy + dz * dz)
            dx, dy, dz = dx / length, dy / length, dz / length
            t = pixel(
                blocks,
                tops,
                textures,
                ox,
                oy,
                oz,
                dx,
                dy,
                dz,
                sun,
                time,
                lights,
                number,
                ceiling,
                count[HEAD_IN],
                colour,
            )
            for i in range(found):
                along = balls[i, 0] * dx + balls[i, 1] * dy + balls[i, 2] * dz
                if along < 0.0 or along > t + 2.0 or balls[i, 3] > along * along:
                    continue
                mob = mobs[near[i]]
                d = paint_mob(mob, boxes, side, ox, oy, oz, dx, dy, dz, t, time, other)
                if d < t:
                    lit = light_at(
                        blocks, tops, floor(mob[MX]), floor(mob[MY] + 0.5), floor(mob[MZ]), sun, lights, number
                    )
                    t, colour[0], colour[1], colour[2] = d, other[0] * lit, other[1] * lit, other[2] * lit
            for i in range(count[DROP_ROWS]):
                if drops[i, D_ITEM] > 0:
                    t = paint_drop(drops[i], colours, side, ox, oy, oz, dx, dy, dz, t, colour)
            finish_pixel(dx, dy, dz, ox, oz, t, sun, time, count[HEAD_IN], covered, colour, other)
            for c in range(3):
                out[row, column, c] = np.uint8(min(max(colour[c], 0.0), 255.0))


@compiled
def paint_drop(
    drop: Floats, colours: Floats, side: float, ox: float, oy: float, oz: float, dx: float, dy: float, dz: float,
    limit: float, out: Floats,
) -> float:  # fmt: skip
    """Write the colour of a dropped stack, a small cube, where a ray meets it; return the distance, or ``limit``."""
    px, py, pz = wrapped(side, drop[DX] - ox), drop[DY] + 0.15 - oy, wrapped(side, drop[DZ] - oz)
    along = px * dx + py * dy + pz * dz
    if along < 0 or along > limit or px * px + py * py + pz * pz - along * along > 0.06:
        return limit
    box = np.array([px - 0.12, px + 0.12, py - 0.12, py + 0.12, pz - 0.12, pz + 0.12])
    t, face = hit_box(box, 0.0, 0.0, 0.0, dx, dy, dz, limit)
    if t < limit:
        for c in range(3):
            out[c] = colours[int(drop[D_ITEM]), c] * (1.0 if face == 1 else 0.8 if face == 2 else 0.65)
    return t


@compiled
def finish_pixel(
    dx: float, dy: float, dz: float, ox: float, oz: float, t: float, sun: float, time: int, head_in: int, covered: bool,
    colour: Floats, other: Floats,
) -> None:  # fmt: skip
    """Blend a colour with fog: into the sky, into the dark of caves, or into the liquid around the head."""
    if head_in == 1:
        thick = 1.0 - np.exp(-t / 6.0)
        for c, tint in enumerate((20.0, 60.0, 150.0)):
            colour[c] += (tint * sun - colour[c]) * thick
    elif head_in == 2:
        thick = 1.0 - np.exp(-t / 0.6)
        for c, tint in enumerate((200.0, 70.0, 10.0)):
            colour[c] += (tint - colour[c]) * thick
    elif t < VIEW and covered:
        for c in range(3):
            colour[c] *= 1.0 - 0.6 * (t / VIEW)
    elif t < VIEW and t > VIEW * 0.45:
        thick = ((t - VIEW * 0.45) / (VIEW * 0.55)) ** 1.5
        write_sky(dx, 0.02, dz, ox, oz, time, sun, other)
        for c in range(3):
            colour[c] += (other[c] - colour[c]) * thick
    elif t >= VIEW and covered:
        for c in range(3):
            colour[c] *= 0.25


@compiled
def draw_map(w: World, e: int, colours: Floats, out: Bytes) -> None:
    """Draw the surface from above, north (-z) up, one pixel a block, centred on the agent; shape ``(S, S, 3)``."""
    blocks, body = w.blocks[e], w.body[e]
    side = blocks.shape[0]
    mask = side - 1
    x0, z0 = floor(body[X]) - side // 2, floor(body[Z]) - side // 2
    for row in range(side):
        for column in range(side):
            x, z = (x0 + column) & mask, (z0 + row) & mask
            y = HEIGHT - 1
            while y > 0 and (blocks[x, z, y] == 0 or TALLGRASS <= blocks[x, z, y] < REEDS):
                y -= 1
            north = HEIGHT - 1
            while north > 0 and blocks[x, (z - 1) & mask, north] == 0:
                north -= 1
            level = min(max(1.0 + 0.07 * (y - north), 0.7), 1.25) * (0.75 + 0.25 * y / 36.0)
            for c in range(3):
                out[row, column, c] = np.uint8(min(colours[blocks[x, z, y], c] * level, 255.0))
