"""2048: push one number through a grid (SymBench)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from quintain.envs.text.draws import choose, randint, sample, text
from quintain.envs.text.forms import IntegerGridTask
from quintain.envs.text.task import expect

__all__ = ["Game2048"]

_STEPS = {"u": (-1, 0), "d": (1, 0), "l": (0, -1), "r": (0, 1)}


@dataclass(frozen=True)
class Game2048(IntegerGridTask):
    """The marked number moves one cell into empty cells, merges with an equal neighbour, and stays otherwise.

    Attributes:
        min_size: Minimum number of rows and columns, in [2, ``max_size``]. Default: 2.
        max_size: Maximum number of rows and columns, in [``min_size``, 12]. Default: 5.
        max_moves: Maximum number of moves, in [2, 100]. Default: 6.
    """

    LEVELS: ClassVar = {
        "easy": {"min_size": 2, "max_size": 3, "max_moves": 3},
        "hard": {"min_size": 5, "max_size": 8, "max_moves": 20},
    }

    min_size: int = 2
    max_size: int = 5
    max_moves: int = 6

    def __post_init__(self) -> None:
        """Check the parameters."""
        expect(2 <= self.min_size <= self.max_size <= 12, "2 <= min_size <= max_size <= 12")
        expect(2 <= self.max_moves <= 100, "max_moves in [2, 100]")

    def draw(self, rng: np.random.Generator) -> dict[str, Any]:
        """Fill n to 2n cells with powers of two and mark one of them."""
        n = randint(rng, self.min_size, self.max_size)
        cells = [(row, column) for row in range(n) for column in range(n)]
        filled = sample(rng, cells, randint(rng, n, 2 * n))
        grid = [[0] * n for _ in range(n)]
        for row, column in filled:
            grid[row][column] = choose(rng, (2, 4, 8, 16, 32))
        return {"grid": grid, "start": list(filled[0]), "moves": text(rng, "udlr", randint(rng, 2, self.max_moves))}

    def ask(self, data: Mapping[str, Any]) -> str:
        """State the rules and show the grid."""
        rows = "\n".join(" ".join(map(str, row)) for row in data["grid"])
        row, column = data["start"]
        return (
            f"A grid of numbers, where 0 is an empty cell:\n{rows}\n"
            f"The number at row {row}, column {column} (counted from 0 at the top left) is moved by the commands "
            f"{', '.join(data['moves'])} (u = up, d = down, l = left, r = right), one after the other. For each "
            "command look at the neighbouring cell in that direction: if it is empty, the number moves there; if it "
            "holds an equal number, the two merge there into one number of twice the value, which is the one that "
            "moves from then on; if it holds another number, or there is no such cell, nothing happens.\n"
            "Write the final grid as a list of rows: <<<[[x11, x12, ...], [x21, x22, ...], ...]>>>."
        )

    def find(self, data: Mapping[str, Any]) -> list[list[int]]:
        """Carry out the moves."""
        grid = [list(row) for row in data["grid"]]
        row, column = data["start"]
        for move in data["moves"]:
            r, c = row + _STEPS[move][0], column + _STEPS[move][1]
            if 0 <= r < len(grid) and 0 <= c < len(grid) and grid[r][c] in (0, grid[row][column]):
                grid[r][c], grid[row][column] = grid[r][c] + grid[row][column], 0
                row, column = r, c
        return grid
