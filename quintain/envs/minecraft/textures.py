"""Textures of our own, drawn by rules: 16 x 16 texels for the faces of every block, and boxes for mobs."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
from numpy.typing import NDArray

from quintain.envs.minecraft.blocks import BLOCKS

__all__ = ["MOB_BOXES", "block_textures"]

_N = 16
Texels = NDArray[np.float64]
Colour = tuple[int, int, int]


def _grain(rng: np.random.Generator, colour: Colour, amount: float = 0.12, smooth: float = 0.5) -> Texels:
    """Return a colour with fine and coarse noise of its brightness."""
    fine = rng.uniform(-1, 1, (_N, _N))
    coarse = np.kron(rng.uniform(-1, 1, (4, 4)), np.ones((4, 4)))
    level = 1.0 + amount * ((1 - smooth) * fine + smooth * coarse)
    return np.asarray(np.array(colour, float) * level[:, :, None])


def _cells(rng: np.random.Generator, colour: Colour, number: int, dark: float) -> Texels:
    """Return stones of different brightness with dark seams, periodic at the edges."""
    points = rng.uniform(0, _N, (number, 2))
    y, x = np.mgrid[0:_N, 0:_N]
    gaps = [np.abs(np.stack([y, x], -1) - point) for point in points]
    distance = np.stack([np.hypot(*np.moveaxis(np.minimum(gap, _N - gap), -1, 0)) for gap in gaps])
    order = np.sort(distance, axis=0)
    level = rng.uniform(0.82, 1.12, number)[distance.argmin(axis=0)]
    level = np.where(order[1] - order[0] < 1.1, dark, level)
    return _grain(rng, colour, 0.08) * level[:, :, None]


def _spots(base: Texels, rng: np.random.Generator, colour: Colour, number: int) -> Texels:
    """Return a texture with small clusters of another colour, with a lit and a shaded rim."""
    out = base.copy()
    for y, x in rng.integers(2, _N - 3, (number, 2)):
        for dy, dx, level in ((0, 0, 1.0), (0, 1, 1.15), (1, 0, 0.85), (1, 1, 0.95), (-1, 0, 1.2), (0, 2, 0.75)):
            if rng.random() < 0.85:
                out[y + dy, x + dx] = np.clip(np.array(colour, float) * level, 0, 255)
    return out


def _boards(rng: np.random.Generator, colour: Colour) -> Texels:
    out = _grain(rng, colour, 0.08, 0.2)
    out *= (1 + 0.07 * rng.uniform(-1, 1, (4, 1)).repeat(4, 0))[:, :, None]
    out[3::4] *= 0.68
    for row, x in enumerate((4, 11, 2, 13)):
        out[4 * row : 4 * row + 3, x] *= 0.72
    return out


def _bark(rng: np.random.Generator, colour: Colour, birch: bool) -> Texels:
    out = _grain(rng, colour, 0.08, 0.2)
    if birch:
        for y, x in rng.integers(0, _N - 4, (9, 2)):
            out[y, x : x + int(rng.integers(2, 5))] = (52, 50, 46)
        return out
    stripes = 1 + 0.22 * rng.uniform(-1, 1, _N)
    return out * stripes[None, :, None]


def _rings(rng: np.random.Generator, colour: Colour, rim: Colour) -> Texels:
    y, x = np.mgrid[0:_N, 0:_N]
    radius = np.maximum(np.abs(x - 7.5), np.abs(y - 7.5))
    out = _grain(rng, colour, 0.05) * (1 - 0.16 * ((radius.astype(int) % 3) == 1))[:, :, None]
    out[radius > 6.6] = rim
    return np.asarray(out)


def _leaves(rng: np.random.Generator, colour: Colour) -> Texels:
    out = _grain(rng, colour, 0.35, 0.25)
    out[rng.random((_N, _N)) < 0.16] *= 0.45
    return out


def _fringe(rng: np.random.Generator, soil: Texels, top: Texels) -> Texels:
    """Return soil with a ragged upper edge of another texture."""
    out = soil.copy()
    for x in range(_N):
        depth = 2 + int(rng.integers(0, 3))
        out[:depth, x] = top[:depth, x]
        out[depth, x] *= 0.8
    return out


def _table(rng: np.random.Generator, top: bool) -> Texels:
    out = _boards(rng, (164, 122, 72))
    out[0] = out[-1] = out[:, 0] = out[:, -1] = (84, 58, 32)
    if top:
        out[5] = out[10] = (110, 78, 44)
        out[:, 5] = out[:, 10] = (110, 78, 44)
    else:
        out[4:7, 3:7] = (150, 150, 155)
        out[7:12, 4:6] = (96, 68, 40)
        out[4:12, 10:12] = (128, 128, 134)
    return out


def _oven(rng: np.random.Generator) -> Texels:
    out = _cells(rng, (128, 128, 128), 12, 0.72)
    out[8:14, 3:13] = (38, 36, 36)
    out[11:14, 4:12] = (214, 106, 34)
    out[12:14, 6:10] = (250, 196, 74)
    out[3:5, 3:13] = (70, 70, 70)
    return out


def _sprite(rng: np.random.Generator, stem: Colour, bloom: Colour | None, kind: str) -> Texels:
    """Return a plant or a torch on a transparent ground, which is negative."""
    out = np.full((_N, _N, 3), -1.0)
    if kind == "grass":
        for x in range(1, 15):
            if rng.random() < 0.8:
                height, lean = int(rng.integers(5, 14)), rng.uniform(-0.25, 0.25)
                for k in range(height):
                    out[15 - k, int(np.clip(x + lean * k, 0, 15))] = np.array(stem) * (0.7 + 0.5 * k / height)
    elif kind == "torch":
        out[6:, 7:9] = (120, 88, 50)
        out[4:7, 7:9] = (255, 222, 120)
        out[3, 7] = (255, 250, 210)
    elif kind == "reeds":
        for x in (3, 7, 12):
            out[:, x : x + 2] = np.array(stem) * rng.uniform(0.85, 1.1)
            out[int(rng.integers(2, 14)), x : x + 2] = np.array(stem) * 0.6
    else:
        out[8:, 7:9] = stem
        out[11, 5:7] = out[13, 9:11] = stem
        if bloom is not None:
            out[4:9, 6:10] = bloom
            out[5:8, 5:11] = np.array(bloom) * 0.92
            out[6, 7:9] = (90, 70, 30)
    return out


def _liquid(rng: np.random.Generator, colour: Colour, amount: float) -> Texels:
    y, x = np.mgrid[0:_N, 0:_N]
    wave = np.sin(2 * np.pi * (x + 2 * y) / 16) + np.sin(2 * np.pi * (2 * x - y) / 16)
    return np.asarray(np.clip(_grain(rng, colour, amount * 0.6) * (1 + amount * 0.4 * wave)[:, :, None], 0, 255))


_STONE: Colour = (126, 126, 128)
_ORES: dict[str, Colour] = {
    "coal_ore": (46, 46, 48), "iron_ore": (216, 172, 140), "gold_ore": (246, 212, 76), "redstone_ore": (206, 36, 32),
    "diamond_ore": (96, 226, 226),
}  # fmt: skip
_PLAIN: dict[str, tuple[Colour, float]] = {
    "dirt": ((134, 96, 67), 0.22), "sand": ((219, 207, 163), 0.1), "sandstone": ((216, 203, 155), 0.08),
    "clay": ((160, 166, 179), 0.08), "snow": ((240, 250, 250), 0.05), "obsidian": ((34, 26, 50), 0.4),
    "bedrock": ((84, 84, 84), 0.9), "coal_block": ((26, 26, 28), 0.3), "iron_block": ((214, 214, 214), 0.05),
    "gold_block": ((248, 216, 74), 0.08), "diamond_block": ((108, 228, 220), 0.08),
    "redstone_block": ((176, 26, 14), 0.14), "hardened_clay": ((152, 94, 68), 0.06), "wool": ((232, 232, 232), 0.06),
    "ice": ((158, 196, 244), 0.05), "glass": ((206, 232, 236), 0.04), "stone": (_STONE, 0.1),
}  # fmt: skip
_BARKS: dict[str, Colour] = {"oak": (104, 82, 50), "spruce": (62, 44, 26), "birch": (218, 216, 208)}
_GREENS: dict[str, Colour] = {"oak": (62, 122, 42), "spruce": (50, 92, 56), "birch": (104, 140, 66)}


def _draw(key: str, rng: np.random.Generator) -> tuple[Texels, Texels, Texels]:
    """Return the textures of side, top and bottom of a block."""
    grass = _grain(rng, (102, 156, 62), 0.2, 0.35)
    dirt = _grain(rng, *_PLAIN["dirt"])
    if key == "grass":
        return _fringe(rng, dirt, grass), grass, dirt
    if key in _PLAIN:
        one = _grain(rng, *_PLAIN[key])
        return one, one, one
    if key in _ORES:
        one = _spots(_grain(rng, _STONE, 0.1), rng, _ORES[key], 7)
        return one, one, one
    kind, _, wood = key.partition("_")
    if kind == "log":
        rings = _rings(rng, (178, 142, 88), _BARKS[wood])
        return _bark(rng, _BARKS[wood], wood == "birch"), rings, rings
    if kind == "leaves":
        one = _leaves(rng, _GREENS[wood])
        return one, one, one
    return _special(key, kind, rng)


def _special(key: str, kind: str, rng: np.random.Generator) -> tuple[Texels, Texels, Texels]:
    drawn: dict[str, Callable[[], Texels]] = {
        "cobblestone": lambda: _cells(rng, (128, 128, 128), 14, 0.62),
        "stonebrick": lambda: _boards(rng, (122, 122, 124)),
        "gravel": lambda: _cells(rng, (136, 130, 128), 34, 0.8),
        "planks": lambda: _boards(rng, (168, 134, 82)),
        "water": lambda: _liquid(rng, (50, 96, 200), 0.14),
        "lava": lambda: _liquid(rng, (226, 98, 22), 0.5),
        "tallgrass": lambda: _sprite(rng, (92, 150, 58), None, "grass"),
        "deadbush": lambda: _sprite(rng, (122, 88, 44), None, "grass"),
        "yellow_flower": lambda: _sprite(rng, (70, 130, 46), (246, 222, 62), "flower"),
        "red_flower": lambda: _sprite(rng, (70, 130, 46), (214, 40, 36), "flower"),
        "sapling": lambda: _sprite(rng, (84, 128, 44), (72, 128, 50), "flower"),
        "reeds": lambda: _sprite(rng, (140, 190, 100), None, "reeds"),
        "torch": lambda: _sprite(rng, (0, 0, 0), None, "torch"),
    }
    if key == "crafting_table":
        return _table(rng, False), _table(rng, True), _boards(rng, (168, 134, 82))
    if key == "furnace":
        plain = _cells(rng, (128, 128, 128), 12, 0.72)
        return _oven(rng), plain, plain
    if key == "cactus":
        side = _grain(rng, (92, 140, 58), 0.1)
        side[:, ::4] *= 0.75
        return side, _grain(rng, (112, 158, 74), 0.08), side
    if key == "pumpkin":
        side = _grain(rng, (206, 122, 28), 0.1)
        side[:, ::3] *= 0.82
        return side, side * 0.9, side
    one = drawn.get(key if key in drawn else kind, lambda: np.zeros((_N, _N, 3)))()
    return one, one, one


@cache
def block_textures() -> NDArray[np.float32]:
    """Return the textures of all blocks, shape ``(blocks, 3, 16, 16, 3)``: side, top and bottom; negative is clear."""
    drawn = [np.stack(_draw(block.key, np.random.default_rng(1000 + n))) for n, block in enumerate(BLOCKS)]
    return np.stack(drawn).clip(-1, 255).astype(np.float32)


def _boxes(*parts: tuple[tuple[float, ...], Colour, float]) -> list[list[float]]:
    return [[*box, *colour, pattern] for box, colour, pattern in parts]


def _animal(
    body: Colour, head: Colour, leg: Colour, half: float, low: float, high: float, patches: float
) -> list[list[float]]:
    """Return a four-legged animal that looks along +z: body, head, muzzle and legs, in blocks."""
    legs = [
        ((x - 0.1, x + 0.1, 0.0, low, z - 0.1, z + 0.1), leg, 0.0) for x in (-0.2, 0.2) for z in (-0.38, 0.38)
    ]  # fmt: skip
    return _boxes(
        ((-half, half, low, high, -0.55, 0.5), body, patches),
        ((-0.22, 0.22, high - 0.28, high + 0.2, 0.45, 0.85), head, 2.0),
        *legs,
    )


#: Boxes of mobs by kind: x, x, y, y, z, z in blocks (facing +z), colour, pattern (1 patches, 2 face).
MOB_BOXES: tuple[list[list[float]], ...] = (
    [],
    _animal((84, 60, 42), (78, 56, 40), (60, 44, 32), 0.34, 0.62, 1.3, 1.0),
    _animal((232, 230, 224), (196, 170, 150), (206, 188, 172), 0.4, 0.5, 1.25, 3.0),
    _animal((238, 164, 160), (240, 170, 166), (224, 146, 142), 0.32, 0.34, 0.88, 0.0),
    _boxes(
        ((-0.17, 0.17, 0.22, 0.55, -0.22, 0.18), (240, 240, 240), 3.0),
        ((-0.11, 0.11, 0.5, 0.82, 0.12, 0.3), (244, 244, 244), 2.0),
        ((-0.06, 0.06, 0.6, 0.68, 0.3, 0.42), (236, 168, 44), 0.0),
        ((-0.05, 0.05, 0.48, 0.56, 0.26, 0.34), (206, 36, 30), 0.0),
        ((-0.12, -0.06, 0.0, 0.22, -0.04, 0.04), (226, 160, 44), 0.0),
        ((0.06, 0.12, 0.0, 0.22, -0.04, 0.04), (226, 160, 44), 0.0),
    ),
    _boxes(
        ((-0.25, 0.25, 0.72, 1.42, -0.13, 0.13), (46, 132, 140), 0.0),
        ((-0.25, 0.25, 1.42, 1.92, -0.25, 0.25), (88, 134, 74), 2.0),
        ((-0.42, -0.25, 1.14, 1.38, 0.0, 0.7), (84, 128, 70), 0.0),
        ((0.25, 0.42, 1.14, 1.38, 0.0, 0.7), (84, 128, 70), 0.0),
        ((-0.24, -0.01, 0.0, 0.72, -0.12, 0.12), (58, 58, 126), 0.0),
        ((0.01, 0.24, 0.0, 0.72, -0.12, 0.12), (58, 58, 126), 0.0),
    ),
)
