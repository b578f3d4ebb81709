"""Mini sudoku: fill a 4x4 grid. Our own generator; any filling that keeps the rules is right."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, TypeAlias

import numpy as np

from quintain.envs.code_reason.symbench._fill import conflict, fill
from quintain.envs.text.answers import parse_integer_grid
from quintain.envs.text.draws import randint, sample
from quintain.envs.text.task import Malformed, Problem, Task, expect

__all__ = ["MiniSudoku"]

Grid: TypeAlias = list[list[int]]

_GROUPS = (
    [[4 * r + c for c in range(4)] for r in range(4)]
    + [[4 * r + c for r in range(4)] for c in range(4)]
    + [[8 * b + 4 * i + 2 * d + j for i in range(2) for j in range(2)] for b in range(2) for d in range(2)]
)


@dataclass(frozen=True)
class MiniSudoku(Task[Grid]):
    """Rows, columns and 2x2 boxes hold 1 to 4 once each, and the given digits stay.

    Attributes:
        min_blanks: Minimum number of empty cells, in [1, ``max_blanks``]. Default: 7.
        max_blanks: Maximum number of empty cells, in [``min_blanks``, 12]. Default: 11.
    """

    LEVELS: ClassVar = {"easy": {"min_blanks": 4, "max_blanks": 6}, "hard": {"min_blanks": 11, "max_blanks": 12}}

    min_blanks: int = 7
    max_blanks: int = 11

    def __post_init__(self) -> None:
        """Check the parameters."""
        expect(1 <= self.min_blanks <= self.max_blanks <= 12, "1 <= min_blanks <= max_blanks <= 12")

    def generate(self, rng: np.random.Generator) -> Problem:
        """Fill a grid at random and blank cells."""
        cells = fill([0] * 16, _GROUPS, 4, rng)
        assert cells is not None  # an empty grid can be filled
        blanks = sample(rng, range(16), randint(rng, self.min_blanks, self.max_blanks))
        puzzle = [[0 if 4 * r + c in blanks else cells[4 * r + c] for c in range(4)] for r in range(4)]
        rows = "\n".join(" ".join(str(digit or "_") for digit in row) for row in puzzle)
        prompt = (
            "Fill this 4x4 sudoku (_ is an empty cell): every row, every column and every 2x2 box must hold the "
            f"digits 1 to 4, each once, and the given digits stay.\n{rows}\n"
            "Write the filled grid as a list of rows: <<<[[x11, x12, ...], [x21, x22, ...], ...]>>>."
        )
        return Problem(prompt, str([cells[4 * r : 4 * r + 4] for r in range(4)]), {"puzzle": puzzle})

    def parse(self, text: str) -> Grid:
        """Read four rows of four digits."""
        grid = parse_integer_grid(text)
        if len(grid) != 4 or any(len(row) != 4 for row in grid):
            raise Malformed("expected four rows of four digits")
        return grid

    def check(self, problem: Problem, value: Grid) -> str:
        """Digits from 1 to 4, the given ones in place, and no repeats."""
        cells = [digit for row in value for digit in row]
        if any(not 1 <= digit <= 4 for digit in cells):
            return "digits run from 1 to 4"
        given = [digit for row in problem.data["puzzle"] for digit in row]
        if any(g and g != digit for g, digit in zip(given, cells, strict=True)):
            return "a given digit has changed"
        return "" if conflict(cells, _GROUPS) is None else "a digit repeats in a row, a column or a box"

    def solve(self, problem: Problem) -> str:
        """Backtrack on the cell with the fewest candidates."""
        cells = fill([digit for row in problem.data["puzzle"] for digit in row], _GROUPS, 4)
        assert cells is not None  # puzzles are made from a full grid
        return str([cells[4 * r : 4 * r + 4] for r in range(4)])
