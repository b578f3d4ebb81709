"""Motion of point bodies among walls, on arrays of any library with NumPy's functions.

The single environments call it with NumPy, the batched ones with torch: one code for one world and thousands, on CPU
and GPU.
"""

from __future__ import annotations

from typing import Any

from quintain.envs.navigation.layouts import MARGIN

__all__ = ["limit", "slide"]


def limit(velocity: Any, xp: Any) -> Any:
    """Shorten velocities to a norm of at most 1.

    Args:
        velocity: Shape ``(n, 2)``.
        xp: ``numpy`` or ``torch``.
    """
    norm = xp.sqrt((velocity * velocity).sum(-1))
    return velocity / xp.clip(norm, 1.0, None)[:, None]


def slide(position: Any, displacement: Any, walls: Any, xp: Any) -> Any:
    """Move bodies along one axis after the other, each movement up to the next wall.

    So a body that meets a wall at an angle slides along it.

    Args:
        position: Shape ``(n, 2)``, in cells, inside the mazes.
        displacement: Shape ``(n, 2)``, in cells; every entry below ``1 - 2 * MARGIN`` in size.
        walls: Shape ``(n, 4, rows, columns)``, bool, as in :class:`~quintain.envs.navigation.layouts.Layout`.
        xp: ``numpy`` or ``torch``.

    Returns:
        The new positions, shape ``(n, 2)``.
    """
    columns = walls.shape[-1]
    cells = walls.shape[-2] * columns
    flat = walls.reshape(-1)
    base = xp.arange(len(position), device=position.device) * (4 * cells)
    x, y = position[:, 0], position[:, 1]
    column, row = xp.floor(x), xp.floor(y)
    x = _along(x + displacement[:, 0], column, flat, base + _index(row * columns + column, xp), cells, xp)
    column = xp.floor(x)
    start = base + _index(row * columns + column, xp) + 2 * cells
    y = _along(y + displacement[:, 1], row, flat, start, cells, xp)
    return xp.stack((x, y), -1)


def _along(wanted: Any, cell: Any, walls: Any, index: Any, cells: int, xp: Any) -> Any:
    """Stop a coordinate before the walls of its cell: the one above is at ``index``, the one below ``cells`` later."""
    high = xp.where(walls[index], cell + (1 - MARGIN), cell + 2)
    low = xp.where(walls[index + cells], cell + MARGIN, cell - 1)
    return xp.minimum(xp.maximum(wanted, low), high)


def _index(values: Any, xp: Any) -> Any:
    return xp.asarray(values, dtype=xp.int64)
