"""Light and colour for pictures: lights, shadow in corners, the sky, plants, and points of blocks' faces."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from quintain.envs.minecraft.kernels.compiled import compiled
from quintain.envs.minecraft.kernels.tables import LIQUID, OPAQUE, TORCH
from quintain.envs.minecraft.kernels.world import (
    HEIGHT,
    Bytes,
    Floats,
    floor,
)

Singles = NDArray[np.float32]
#: How far one sees, in blocks, and how many lights shine at a time.
VIEW, LIGHTS = 44.0, 12
#: Distance at which shadows in corners have faded, in blocks.
CORNERS = 16.0
_FAR = 1e30
#: Light of the faces of a block, by face: x, y, z from the negative, then from the positive side.
_FACE_LIGHT = np.array([0.66, 0.5, 0.82, 0.66, 1.0, 0.82])


@compiled
def gather_lights(blocks: Bytes, ox: float, oy: float, oz: float, lights: Floats) -> int:
    """Collect torches and lava near a place; return their number."""
    mask, found = blocks.shape[0] - 1, 0
    for x in range(floor(ox) - 9, floor(ox) + 10):
        for z in range(floor(oz) - 9, floor(oz) + 10):
            column = blocks[x & mask, z & mask]
            for y in range(max(floor(oy) - 7, 0), min(floor(oy) + 8, HEIGHT)):
                block = column[y]
                shines = block == TORCH or (LIQUID[block] == 2 and (x + z) % 3 == 0 and column[min(y + 1, 47)] == 0)
                if shines and found < lights.shape[0]:
                    lights[found, 0], lights[found, 1], lights[found, 2] = x + 0.5, y + 0.6, z + 0.5
                    found += 1
    return found


@compiled
def light_at(blocks: Bytes, tops: Bytes, x: int, y: int, z: int, sun: float, lights: Floats, number: int) -> float:
    """Return the light of an open cell: sky above cover, dimmer below it, and lights."""
    mask = blocks.shape[0] - 1
    cover = int(tops[x & mask, z & mask]) - y
    sky = 1.0 if cover < 0 else max(0.0, 0.74 - 0.035 * cover)
    best = max(sky * sun, 0.42)
    for k in range(number):
        dx, dy, dz = x + 0.5 - lights[k, 0], y + 0.5 - lights[k, 1], z + 0.5 - lights[k, 2]
        best = max(best, 1.05 - np.sqrt(dx * dx + dy * dy + dz * dz) / 9.0)
    return min(best, 1.0)


@compiled
def corner(blocks: Bytes, x: int, y: int, z: int, ax: int, bx: int, axis: int) -> float:
    """Return how open a corner of a face is: 1 open, 0.55 in a corner of two walls."""
    mask = blocks.shape[0] - 1
    walls = 0
    for i, k in ((ax, 0), (0, bx), (ax, bx)):
        cx = x + (0 if axis == 0 else i)
        cy = y + (i if axis == 0 else 0 if axis == 1 else k)
        cz = z + (k if axis < 2 else 0)
        if 0 <= cy < HEIGHT and OPAQUE[blocks[cx & mask, cz & mask, cy]]:
            walls += 1
    return 1.0 - 0.16 * walls


@compiled
def shade_corners(blocks: Bytes, x: int, y: int, z: int, axis: int, u: float, v: float) -> float:
    """Return the shadow of corners at a point (u, v) of the face before the open cell x, y, z."""
    low = corner(blocks, x, y, z, -1, -1, axis) * (1 - v) + corner(blocks, x, y, z, -1, 1, axis) * v
    high = corner(blocks, x, y, z, 1, -1, axis) * (1 - v) + corner(blocks, x, y, z, 1, 1, axis) * v
    return low * (1 - u) + high * u


@compiled
def hash_cell(x: int, z: int) -> float:
    """Hash a cell to [0, 1)."""
    h = (x * 374761393 + z * 668265263) & 0x7FFFFFFF
    h = ((h ^ (h >> 13)) * 1274126177) & 0x7FFFFFFF
    return float((h ^ (h >> 16)) & 0xFFFF) / 65536.0


@compiled
def write_sky(dx: float, dy: float, dz: float, ox: float, oz: float, time: int, sun: float, out: Floats) -> None:
    """Write the colour of the sky in a direction: gradient, sun, stars, clouds."""
    up = max(dy, 0.0) ** 0.6
    day = (sun - 0.2) / 0.8
    for k, (low, high, night) in enumerate(((188.0, 96.0, 8.0), (214.0, 150.0, 10.0), (246.0, 232.0, 26.0))):
        out[k] = (low + (high - low) * up) * day + night * (1 - day)
    angle = (time % 24000) / 24000.0 * 2.0 * np.pi
    sx, sy = np.cos(angle), np.sin(angle)
    toward = dx * sx + dy * sy
    if sy > -0.2:
        glow = max(toward, 0.0) ** 24 * (1.0 - abs(sy)) * 0.8
        out[0] += (255.0 - out[0]) * glow
        out[1] += (160.0 - out[1]) * glow
        out[2] += (80.0 - out[2]) * glow * 0.6
    if toward > 0.9965:
        out[0], out[1], out[2] = 255.0, 250.0, 214.0
    elif day < 0.3 and dy > 0.05:
        i, k = int(np.arctan2(dx, dz) * 140.0), int(dy * 160.0)
        if hash_cell(i, k) > 0.992:
            out[0] = out[1] = out[2] = 150.0 + 100.0 * hash_cell(k, i)
    if dy > 0.03:
        far = 34.0 / dy
        if far < 420.0:
            i, k = floor((ox + dx * far + time * 0.05) / 7.0), floor((oz + dz * far) / 7.0)
            if hash_cell(i // 2, k // 2) * 0.7 + hash_cell(i, k) * 0.3 > 0.62:
                thick = 0.75 * (1.0 - far / 420.0)
                for c in range(3):
                    out[c] += (250.0 * (0.15 + 0.85 * day) - out[c]) * thick


@compiled
def sprite(
    texture: Singles,
    x: int,
    y: int,
    z: int,
    ox: float,
    oy: float,
    oz: float,
    dx: float,
    dy: float,
    dz: float,
    out: Floats,
) -> bool:
    """Write the colour of a plant, two crossed planes in its cell; return whether the ray meets it."""
    best, found = _FAR, False
    rx, ry, rz = ox - x - 0.5, oy - y, oz - z - 0.5
    for sign in (-1.0, 1.0):
        slope = dx + sign * dz
        if abs(slope) < 1e-9:
            continue
        t = -(rx + sign * rz) / slope
        hx, hy, hz = rx + dx * t, ry + dy * t, rz + dz * t
        if t <= 0 or t >= best or abs(hx) > 0.48 or abs(hz) > 0.48 or hy < 0 or hy >= 1:
            continue
        row, column = int((1.0 - hy) * 15.99), int((hx + 0.5) * 15.99)
        if texture[row, column, 0] >= 0:
            best, found = t, True
            for c in range(3):
                out[c] = texture[row, column, c]
    return found


@compiled
def paint_face(
    blocks: Bytes, tops: Bytes, textures: Singles, block: int, x: int, y: int, z: int, axis: int,
    sx: int, sy: int, sz: int, t: float, ox: float, oy: float, oz: float, dx: float, dy: float, dz: float,
    sun: float, lights: Floats, number: int, out: Floats,
) -> None:  # fmt: skip
    """Write the colour of a point of a block's face: texel, light of the cell before it, shadow in its corners."""
    hx, hy, hz = ox + dx * t, oy + dy * t, oz + dz * t
    fx, fy, fz = hx - np.floor(hx), hy - np.floor(hy), hz - np.floor(hz)
    cx, cy, cz = x - (sx if axis == 0 else 0), y - (sy if axis == 1 else 0), z - (sz if axis == 2 else 0)
    if axis == 0:
        u, v, part, positive = fy, fz, 0, sx < 0
        row, column = int((1.0 - fy) * 15.999), int(fz * 15.999)
    elif axis == 1:
        u, v, part, positive = fx, fz, 1 if sy < 0 else 2, sy < 0
        row, column = int(fz * 15.999), int(fx * 15.999)
    else:
        u, v, part, positive = fx, fy, 0, sz < 0
        row, column = int((1.0 - fy) * 15.999), int(fx * 15.999)
    level = _FACE_LIGHT[axis + (3 if positive else 0)]
    if LIQUID[block] == 2:
        level = 1.15
    else:
        level *= light_at(blocks, tops, cx, cy, cz, sun, lights, number)
        if t < CORNERS:
            shadow = shade_corners(blocks, cx, cy, cz, axis, u, v)
            level *= shadow + (1.0 - shadow) * t / CORNERS
    for c in range(3):
        out[c] = min(textures[block, part, row, column, c] * level, 255.0)
