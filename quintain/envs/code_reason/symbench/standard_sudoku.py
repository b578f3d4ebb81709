"""Standard sudoku: fill a 9x9 grid (SymBench)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, TypeAlias

import numpy as np

from quintain.envs.code_reason.symbench._fill import conflict, fill
from quintain.envs.text.answers import parse_integer_grid
from quintain.envs.text.draws import randint, sample, shuffled
from quintain.envs.text.task import Malformed, Problem, Task, expect

__all__ = ["StandardSudoku"]

Grid: TypeAlias = list[list[int]]

_GROUPS = (
    [[9 * r + c for c in range(9)] for r in range(9)]
    + [[9 * r + c for r in range(9)] for c in range(9)]
    + [[9 * (3 * b + i) + 3 * d + j for i in range(3) for j in range(3)] for b in range(3) for d in range(3)]
)


@dataclass(frozen=True)
class StandardSudoku(Task[Grid]):
    """Any filling in which rows, columns and boxes hold 1 to 9 and the given digits stand is right.

    Attributes:
        min_blanks: Minimum number of empty cells, in [1, ``max_blanks``]. Default: 25.
        max_blanks: Maximum number of empty cells, in [``min_blanks``, 64]. Default: 45.
    """

    LEVELS: ClassVar = {"easy": {"min_blanks": 5, "max_blanks": 15}, "hard": {"min_blanks": 50, "max_blanks": 56}}

    min_blanks: int = 25
    max_blanks: int = 45

    def __post_init__(self) -> None:
        """Check the parameters."""
        expect(1 <= self.min_blanks <= self.max_blanks <= 64, "1 <= min_blanks <= max_blanks <= 64")

    def generate(self, rng: np.random.Generator) -> Problem:
        """Shuffle the rows, columns and digits of a pattern that keeps the rules, then blank cells."""
        rows, columns = ([3 * b + i for b in shuffled(rng, range(3)) for i in shuffled(rng, range(3))] for _ in "ab")
        digits = shuffled(rng, range(1, 10))
        full = [[digits[(3 * (r % 3) + r // 3 + c) % 9] for c in columns] for r in rows]
        puzzle = [list(row) for row in full]
        for cell in sample(rng, range(81), randint(rng, self.min_blanks, self.max_blanks)):
            puzzle[cell // 9][cell % 9] = 0
        rows_text = "\n".join(" ".join(map(str, row)) for row in puzzle)
        prompt = (
            "Fill this 9x9 sudoku (0 is an empty cell): every row, every column and every 3x3 box must hold the digits "
            f"1 to 9, each once, and the given digits stay.\n{rows_text}\n"
            "Write the filled grid as a list of rows: <<<[[x11, x12, ...], [x21, x22, ...], ...]>>>."
        )
        return Problem(prompt, str(full), {"puzzle": puzzle})

    def parse(self, text: str) -> Grid:
        """Read nine rows of nine digits."""
        grid = parse_integer_grid(text)
        if len(grid) != 9 or any(len(row) != 9 for row in grid):
            raise Malformed("expected nine rows of nine digits")
        return grid

    def check(self, problem: Problem, value: Grid) -> str:
        """Digits from 1 to 9, the given ones in place, and no repeats."""
        cells = [digit for row in value for digit in row]
        if any(not 1 <= digit <= 9 for digit in cells):
            return "digits run from 1 to 9"
        for i, given in enumerate(digit for row in problem.data["puzzle"] for digit in row):
            if given and cells[i] != given:
                return f"the given {given} in row {i // 9 + 1}, column {i % 9 + 1} has changed"
        clash = conflict(cells, _GROUPS)
        if clash is not None:
            i, j = clash
            return f"{cells[i]} repeats in cells {(i // 9 + 1, i % 9 + 1)} and {(j // 9 + 1, j % 9 + 1)}"
        return ""

    def solve(self, problem: Problem) -> str:
        """Backtrack on the cell with the fewest candidates."""
        cells = fill([digit for row in problem.data["puzzle"] for digit in row], _GROUPS, 9)
        assert cells is not None  # puzzles are made from a full grid
        return str([cells[9 * r : 9 * r + 9] for r in range(9)])
