"""Fill grids in which every group of cells holds each symbol at most once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

__all__ = ["conflict", "fill"]


def fill(
    cells: Sequence[int], groups: Sequence[Sequence[int]], symbols: int, rng: np.random.Generator | None = None
) -> list[int] | None:
    """Fill the empty cells by backtracking on the cell with the fewest candidates.

    Args:
        cells: Symbols 1, 2, ..., ``symbols``; 0 is an empty cell.
        groups: Cells (by index) that must differ from each other.
        symbols: Number of symbols, at most 30.
        rng: Try candidates in random order; in ascending order without it.

    Returns:
        The filled cells, or ``None`` if there is no way.
    """
    grid = list(cells)
    member_of: list[list[int]] = [[] for _ in grid]
    for g, group in enumerate(groups):
        for cell in group:
            member_of[cell].append(g)
    free = [(1 << symbols) - 1] * len(groups)
    for cell, symbol in enumerate(grid):
        if symbol:
            for g in member_of[cell]:
                if not free[g] >> (symbol - 1) & 1:
                    return None
                free[g] &= ~(1 << (symbol - 1))
    everything = (1 << symbols) - 1

    def candidates(cell: int) -> int:
        mask = everything
        for g in member_of[cell]:
            mask &= free[g]
        return mask

    def search(empty: list[int]) -> bool:
        if not empty:
            return True
        cell = min(empty, key=lambda c: candidates(c).bit_count())
        mask = candidates(cell)
        options = [s for s in range(symbols) if mask >> s & 1]
        if rng is not None:
            options = [options[i] for i in rng.permutation(len(options))]
        rest = [c for c in empty if c != cell]
        for symbol in options:
            for g in member_of[cell]:
                free[g] ^= 1 << symbol
            grid[cell] = symbol + 1
            if search(rest):
                return True
            for g in member_of[cell]:
                free[g] ^= 1 << symbol
        return False

    return grid if search([c for c, symbol in enumerate(grid) if not symbol]) else None


def conflict(cells: Sequence[object], groups: Sequence[Sequence[int]]) -> tuple[int, int] | None:
    """Find two cells of one group that hold the same symbol."""
    for group in groups:
        seen: dict[object, int] = {}
        for cell in group:
            if cells[cell] in seen:
                return seen[cells[cell]], cell
            seen[cells[cell]] = cell
    return None
