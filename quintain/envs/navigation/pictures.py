"""Pictures of mazes: pixels for videos, and SVG plots of trajectories for pages."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from quintain.envs.navigation.layouts import Layout, Place

__all__ = ["draw_maze", "plot_trajectories"]

_INK, _PATH, _BODY = (40, 44, 52), (66, 133, 244), (217, 48, 37)
_START, _GOAL, _MARK = (190, 190, 190), (52, 168, 83), (244, 160, 0)
#: Colours from early to late: blue, green, yellow, red.
_ORDER = np.array([(49, 84, 185), (31, 158, 137), (240, 190, 40), (214, 60, 40)], np.float64)


def draw_maze(
    layout: Layout, path: NDArray[np.float64], *, marks: Sequence[Place] = (), cell: int = 48
) -> NDArray[np.uint8]:
    """Draw a maze from above, with a path and the body at its end.

    Args:
        layout: The maze.
        path: Places in order, shape ``(n, 2)``, in cells; may be empty.
        marks: Places to mark by a disc, such as that of a key.
        cell: Width of a cell, in pixels.

    Returns:
        Shape ``(rows * cell, columns * cell, 3)``, uint8; the row at y = 0 is at the bottom.
    """
    rows, columns = layout.shape
    image = np.full((rows * cell, columns * cell, 3), 255, np.uint8)
    _disc(image, layout.start, 0.3, _START, cell)
    _disc(image, layout.goal, 0.3, _GOAL, cell)
    for side, row, column in np.argwhere(layout.walls):
        _wall(image, int(side), int(row) * cell, int(column) * cell, cell)
    for place in marks:
        _disc(image, place, 0.2, _MARK, cell)
    for place in path:
        _disc(image, place, 0.04, _PATH, cell)
    if len(path):
        _disc(image, path[-1], 0.12, _BODY, cell)
    return image[::-1].copy()


def plot_trajectories(
    layout: Layout,
    paths: Sequence[NDArray[np.float64]],
    *,
    title: str = "",
    marks: Sequence[Place] = (),
    cell: int = 60,
) -> str:
    """Plot paths in a maze as SVG, coloured by their order: blue first, red last.

    Args:
        layout: The maze.
        paths: Places in order, each of shape ``(n, 2)``, in cells.
        title: Text above the maze.
        marks: Places to mark with a cross, such as those where a behaviour failed.
        cell: Width of a cell, in user units.
    """
    rows, columns = layout.shape
    top = 26 if title else 6

    def at(place: Place) -> tuple[float, float]:
        return round(6 + place[0] * cell, 1), round(top + (rows - place[1]) * cell, 1)

    width, height = columns * cell + 12, rows * cell + top + 6
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}">',
        f'<rect width="{width}" height="{height}" fill="#fff"/>',
    ]
    if title:
        parts.append(f'<text x="6" y="17" font-family="sans-serif" font-size="14" fill="#222">{title}</text>')
    for place, colour in ((layout.start, "#c8c8c8"), (layout.goal, "#7fc892")):
        x, y = at(place)
        parts.append(f'<circle cx="{x}" cy="{y}" r="{0.3 * cell:g}" fill="{colour}"/>')
    for number, path in enumerate(paths):
        points = " ".join("{:g},{:g}".format(*at(place)) for place in path)
        colour = _colour(number / max(1, len(paths) - 1))
        parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2" opacity="0.85"/>')
    for mark in marks:
        x, y = at(mark)
        parts.append(f'<path d="M{x - 4:g} {y - 4:g}l8 8m0 -8l-8 8" stroke="#222" stroke-width="1.2"/>')
    parts += [_svg_wall(int(side), int(row), int(column), at) for side, row, column in np.argwhere(layout.walls)]
    return "\n".join([*parts, "</svg>", ""])


def _svg_wall(side: int, row: int, column: int, at: Callable[[Place], tuple[float, float]]) -> str:
    inset = 0.03
    low, high = (row + inset, row + 1 - inset), (column + inset, column + 1 - inset)
    ends = {
        0: ((high[1], row), (high[1], row + 1)),
        1: ((high[0], row), (high[0], row + 1)),
        2: ((column, low[1]), (column + 1, low[1])),
        3: ((column, low[0]), (column + 1, low[0])),
    }[side]
    (x1, y1), (x2, y2) = at(ends[0]), at(ends[1])
    return f'<path d="M{x1:g} {y1:g}L{x2:g} {y2:g}" stroke="#282c34" stroke-width="3" stroke-linecap="square"/>'


def _colour(share: float) -> str:
    at = share * (len(_ORDER) - 1)
    low = min(int(at), len(_ORDER) - 2)
    red, green, blue = (_ORDER[low] + (at - low) * (_ORDER[low + 1] - _ORDER[low])).round().astype(int)
    return f"#{red:02x}{green:02x}{blue:02x}"


def _wall(image: NDArray[np.uint8], side: int, y: int, x: int, cell: int) -> None:
    """Blacken the pixels along one side of the cell whose lowest pixel is (y, x)."""
    thick = max(1, cell // 20)
    rows, columns = slice(y, y + cell), slice(x, x + cell)
    if side == 0:
        columns = slice(x + cell - thick, x + cell)
    elif side == 1:
        columns = slice(x, x + thick)
    elif side == 2:
        rows = slice(y + cell - thick, y + cell)
    else:
        rows = slice(y, y + thick)
    image[rows, columns] = _INK


def _disc(image: NDArray[np.uint8], place: Place, radius: float, colour: tuple[int, int, int], cell: int) -> None:
    """Fill a disc; place and radius in cells."""
    x, y, size = place[0] * cell, place[1] * cell, max(1.0, radius * cell)
    low_y, low_x = max(0, int(y - size)), max(0, int(x - size))
    part = image[low_y : int(y + size) + 2, low_x : int(x + size) + 2]
    ys, xs = np.mgrid[low_y : low_y + part.shape[0], low_x : low_x + part.shape[1]]
    part[(xs - x) ** 2 + (ys - y) ** 2 <= size**2] = colour
