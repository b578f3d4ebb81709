"""Kakurasu: ones whose positions add up to given sums. Our own generator; any filling with these sums is right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, TypeAlias

import numpy as np

from quintain.envs.text.answers import parse_integer_grid
from quintain.envs.text.draws import randint
from quintain.envs.text.task import Malformed, Problem, Task, expect

__all__ = ["Kakurasu"]

Grid: TypeAlias = list[list[int]]


@dataclass(frozen=True)
class Kakurasu(Task[Grid]):
    """A one in column j adds j to its row's sum, a one in row i adds i to its column's sum.

    Attributes:
        min_size: Minimum number of rows and columns, in [2, ``max_size``]. Default: 3.
        max_size: Maximum number of rows and columns, in [``min_size``, 7]. Default: 5.
    """

    LEVELS: ClassVar = {"easy": {"min_size": 3, "max_size": 3}, "hard": {"min_size": 5, "max_size": 6}}

    min_size: int = 3
    max_size: int = 5

    def __post_init__(self) -> None:
        """Check the parameters."""
        expect(2 <= self.min_size <= self.max_size <= 7, "2 <= min_size <= max_size <= 7")

    def generate(self, rng: np.random.Generator) -> Problem:
        """Draw a grid with some ones and some zeros, and keep its sums."""
        while True:
            height, width = (randint(rng, self.min_size, self.max_size) for _ in range(2))
            grid = (rng.random((height, width)) < 0.45).astype(int).tolist()
            if 0 < sum(map(sum, grid)) < height * width:
                break
        rows, columns = _sums(grid)
        prompt = (
            f"Fill a grid of {height} rows and {width} columns with 0s and 1s. A 1 in column j (counted from 1) adds "
            "j to the sum of its row; a 1 in row i (counted from 1) adds i to the sum of its column. The sums of the "
            f"rows must be {rows} and the sums of the columns {columns}.\n"
            "Write the grid as a list of rows: <<<[[x11, x12, ...], [x21, x22, ...], ...]>>>."
        )
        return Problem(prompt, str(grid), {"rows": rows, "columns": columns})

    def parse(self, text: str) -> Grid:
        """Read rows of 0s and 1s."""
        grid = parse_integer_grid(text)
        if not grid or any(cell not in (0, 1) for row in grid for cell in row):
            raise Malformed("expected rows of 0s and 1s")
        return grid

    def check(self, problem: Problem, value: Grid) -> str:
        """Shape and sums."""
        rows, columns = problem.data["rows"], problem.data["columns"]
        if len(value) != len(rows) or any(len(row) != len(columns) for row in value):
            return f"expected {len(rows)} rows of {len(columns)} cells"
        return "" if _sums(value) == (rows, columns) else f"the sums are {_sums(value)[0]} and {_sums(value)[1]}"

    def solve(self, problem: Problem) -> str:
        """Go through the rows, keeping the columns' sums within bounds."""
        rows, columns = problem.data["rows"], problem.data["columns"]
        width = len(columns)
        options = [[bits for bits in _rows(width) if _weight(bits) == wanted] for wanted in rows]

        def search(i: int, left: Sequence[int]) -> Grid | None:
            if i == len(rows):
                return [] if not any(left) else None
            rest = sum(range(i + 2, len(rows) + 1))
            for bits in options[i]:
                after = [amount - (i + 1) * bit for amount, bit in zip(left, bits, strict=True)]
                if all(0 <= amount <= rest for amount in after):
                    found = search(i + 1, after)
                    if found is not None:
                        return [bits, *found]
            return None

        return str(search(0, columns))


def _rows(width: int) -> list[list[int]]:
    return [[number >> j & 1 for j in range(width)] for number in range(2**width)]


def _weight(bits: Sequence[int]) -> int:
    return sum(j for j, bit in enumerate(bits, 1) if bit)


def _sums(grid: Grid) -> tuple[list[int], list[int]]:
    return [_weight(row) for row in grid], [_weight(column) for column in zip(*grid, strict=True)]
