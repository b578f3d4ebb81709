"""Conway's Game of Life on a torus."""

from __future__ import annotations

import numpy as np

__all__ = ["Board", "step"]

Board = list[list[int]]


def step(board: Board) -> Board:
    """Advance one generation: a cell lives on with two or three live neighbours, and is born with three."""
    cells = np.array(board)
    around = sum(np.roll(cells, (dy, dx), axis=(0, 1)) for dy in (-1, 0, 1) for dx in (-1, 0, 1) if (dy, dx) != (0, 0))
    after: Board = ((around == 3) | ((cells == 1) & (around == 2))).astype(int).tolist()
    return after
