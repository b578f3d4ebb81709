"""Pictures of a world: first person with hearts, food and hotbar, and a map from above."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from quintain.envs.minecraft.blocks import BLOCK_ID
from quintain.envs.minecraft.items import ITEMS
from quintain.envs.minecraft.kernels import picture
from quintain.envs.minecraft.kernels import world as w
from quintain.envs.minecraft.textures import MOB_BOXES, block_textures

__all__ = ["compose", "first_person", "map_from_above"]

Picture = NDArray[np.uint8]
#: Vertical field of view of pictures, in degrees.
FIELD = 70.0
#: Colours of items that are no blocks, by the beginning of their names.
_TINTS = {
    "wooden": (140, 100, 56), "stone": (130, 130, 130), "iron": (216, 216, 216), "golden": (246, 214, 80),
    "diamond": (96, 226, 220), "leather": (150, 92, 52), "coal": (40, 40, 42), "stick": (140, 100, 56),
    "gold": (246, 214, 80), "redstone": (206, 36, 32), "beef": (190, 60, 56), "porkchop": (236, 150, 150),
    "mutton": (200, 80, 72), "chicken": (240, 200, 190), "cooked": (160, 96, 52), "feather": (240, 240, 240),
    "apple": (206, 40, 34), "wheat": (120, 170, 60), "water": (60, 104, 214), "lava": (230, 110, 30),
}  # fmt: skip
_MOB_COLOURS = ((0, 0, 0), (120, 80, 50), (250, 250, 250), (245, 160, 160), (250, 220, 120), (40, 120, 50))


@cache
def _boxes() -> NDArray[np.float64]:
    most = max(len(boxes) for boxes in MOB_BOXES)
    found = np.zeros((len(MOB_BOXES), most + 1, 10))
    for kind, boxes in enumerate(MOB_BOXES):
        for k, box in enumerate(boxes):
            found[kind, k] = box
    return found


@cache
def _block_colours() -> NDArray[np.float64]:
    """Return the mean colour of every block's top, shape ``(blocks, 3)``."""
    texels = block_textures()[:, 1].astype(np.float64)
    clear = (texels[..., :1] < 0).repeat(3, axis=-1)
    return np.asarray(np.ma.masked_array(texels, clear).mean(axis=(1, 2)).filled(0.0))


@cache
def _item_colours() -> NDArray[np.float64]:
    """Return the colour of every item, shape ``(items, 3)``."""
    found = np.full((len(ITEMS), 3), 180.0)
    for number, item in enumerate(ITEMS):
        if item.places:
            found[number] = _block_colours()[BLOCK_ID[item.places]]
        else:
            tint = next((colour for name, colour in _TINTS.items() if item.name.startswith(name)), None)
            found[number] = tint or found[number]
    return found


def first_person(world: w.World, e: int, height: int, width: int, field: float = FIELD) -> Picture:
    """Draw what the agent of world ``e`` sees.

    Args:
        world: The worlds.
        e: Which of them.
        height: Height of the picture, in pixels.
        width: Width, in pixels.
        field: Vertical field of view, in degrees.

    Returns:
        Shape ``(height, width, 3)``.
    """
    out = np.empty((height, width, 3), np.uint8)
    picture.draw_view(world, e, block_textures(), _boxes(), _item_colours(), field, out)
    return out


def map_from_above(world: w.World, e: int, scale: int = 4) -> Picture:
    """Draw the surface of world ``e`` from above, north up, with the agent (red, in the middle) and the mobs.

    Args:
        world: The worlds.
        e: Which of them.
        scale: Pixels per block.

    Returns:
        Shape ``(scale * S, scale * S, 3)``, for worlds of side S.
    """
    side = world.blocks.shape[1]
    small = np.empty((side, side, 3), np.uint8)
    picture.draw_map(world, e, _block_colours(), small)
    out = small.repeat(scale, axis=0).repeat(scale, axis=1)
    body = world.body[e]
    for mob in world.mobs[e][world.mobs[e][:, w.KIND] > 0]:
        row = int(((mob[w.MZ] - body[w.Z]) % side + side / 2) % side * scale)
        column = int(((mob[w.MX] - body[w.X]) % side + side / 2) % side * scale)
        _dot(out, row, column, scale // 2 + 1, _MOB_COLOURS[int(mob[w.KIND])])
    yaw, centre = np.radians(body[w.YAW]), side * scale // 2
    for k in range(2 * scale):
        ahead = 0.9 * k
        _dot(
            out, int(centre + np.cos(yaw) * ahead), int(centre - np.sin(yaw) * ahead), 1 if k else scale, (226, 24, 24)
        )
    return out


def _dot(out: Picture, row: int, column: int, radius: int, colour: tuple[int, int, int]) -> None:
    top, left = max(row - radius, 0), max(column - radius, 0)
    out[top : row + radius, left : column + radius] = colour


def compose(world: w.World, e: int, height: int = 360, width: int = 640) -> Picture:
    """Draw the first-person view with crosshair, hearts, food, hotbar, and the map in a corner."""
    out = first_person(world, e, height, width)
    middle = out[height // 2 - 1 : height // 2 + 1, width // 2 - 6 : width // 2 + 6]
    middle[:] = 255 - middle
    middle = out[height // 2 - 6 : height // 2 + 6, width // 2 - 1 : width // 2 + 1]
    middle[:] = 255 - middle
    _hotbar(out, world, e)
    inset = map_from_above(world, e, max(1, 128 // world.blocks.shape[1]))
    size = inset.shape[0]
    out[6 : size + 12, width - size - 12 : width - 6] = 30
    out[9 : size + 9, width - size - 9 : width - 9] = inset
    return out


def _hotbar(out: Picture, world: w.World, e: int) -> None:
    """Draw nine slots with the colours of their items, and above them life and food."""
    height, width = out.shape[:2]
    left, top, colours = width // 2 - 9 * 12, height - 30, _item_colours()
    for k in range(9):
        x = left + 24 * k
        out[top : top + 24, x : x + 24] = (200, 200, 200) if k == 0 else (90, 90, 90)
        out[top + 2 : top + 22, x + 2 : x + 22] = (52, 52, 56)
        item, number, _ = world.slots[e, k]
        if item:
            out[top + 5 : top + 19, x + 5 : x + 19] = colours[item].astype(np.uint8)
            filled = 14 * int(number) // max(ITEMS[item].stack, 1)
            out[top + 20, x + 5 : x + 5 + max(filled, 1)] = (240, 240, 240)
    for k in range(10):
        for value, x, colour in (
            (world.body[e, w.HP], left + 10 * k, (214, 34, 40)),
            (world.body[e, w.FOOD_LEVEL], left + 206 - 10 * k, (196, 128, 52)),
        ):
            out[top - 12 : top - 4, x : x + 8] = (30, 22, 22)
            filled = int(np.clip(value - 2 * k, 0, 2) * 3)
            out[top - 11 : top - 5, x + 1 : x + 1 + filled] = colour
