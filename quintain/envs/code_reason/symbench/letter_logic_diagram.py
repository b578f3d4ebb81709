"""Letter logic diagram: a 7x7 Latin square with equal letters on the minor diagonal (SymBench)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, TypeAlias

import numpy as np

from quintain.envs.code_reason.symbench._fill import conflict, fill
from quintain.envs.text.answers import parse_grid
from quintain.envs.text.draws import randint, sample, shuffled
from quintain.envs.text.task import Malformed, Problem, Task, expect

__all__ = ["LetterLogicDiagram"]

Grid: TypeAlias = list[list[str]]

_N = 7
_LETTERS = "abcdefg"
_GROUPS = [[_N * r + c for c in range(_N)] for r in range(_N)] + [[_N * r + c for r in range(_N)] for c in range(_N)]
_MINOR = [_N * r + _N - 1 - r for r in range(_N)]


@dataclass(frozen=True)
class LetterLogicDiagram(Task[Grid]):
    """Rows and columns hold a to g once each; all cells from the top right to the bottom left hold the same letter.

    Differences from the released judge: any filling that keeps the rules and the given letters is right.

    Attributes:
        min_blanks: Minimum number of empty cells, in [1, ``max_blanks``]. Default: 20.
        max_blanks: Maximum number of empty cells, in [``min_blanks``, 45]. Default: 35.
    """

    LEVELS: ClassVar = {"easy": {"min_blanks": 5, "max_blanks": 12}, "hard": {"min_blanks": 36, "max_blanks": 42}}

    min_blanks: int = 20
    max_blanks: int = 35

    def __post_init__(self) -> None:
        """Check the parameters."""
        expect(1 <= self.min_blanks <= self.max_blanks <= 45, "1 <= min_blanks <= max_blanks <= 45")

    def generate(self, rng: np.random.Generator) -> Problem:
        """Complete random beginnings of a square until one can be completed, then blank cells."""
        while True:
            cells = [0] * (_N * _N)
            for cell in _MINOR:
                cells[cell] = 1
            cells[: _N - 1] = shuffled(rng, range(2, _N + 1))
            filled = fill(cells, _GROUPS, _N, rng)
            if filled is not None:
                break
        names = shuffled(rng, _LETTERS)
        full = [[names[filled[_N * r + c] - 1] for c in range(_N)] for r in range(_N)]
        puzzle = [list(row) for row in full]
        for cell in sample(rng, range(_N * _N), randint(rng, self.min_blanks, self.max_blanks)):
            puzzle[cell // _N][cell % _N] = "_"
        rows = "\n".join(" ".join(row) for row in puzzle)
        prompt = (
            "Fill this 7x7 grid (_ is an empty cell): every row and every column must hold the letters a to g, each "
            "once, and all seven cells of the diagonal from the top right to the bottom left must hold the same "
            f"letter. The given letters stay.\n{rows}\n"
            "Write the filled grid as a list of rows: <<<[[x11, x12, ...], [x21, x22, ...], ...]>>>."
        )
        return Problem(prompt, self.render(full), {"puzzle": puzzle})

    def parse(self, text: str) -> Grid:
        """Read seven rows of seven letters."""
        grid = parse_grid(text)
        if len(grid) != _N or any(len(row) != _N for row in grid):
            raise Malformed("expected seven rows of seven letters")
        return grid

    def render(self, value: Grid) -> str:
        """Write the letters without quotes."""
        return "[" + ", ".join(f"[{', '.join(row)}]" for row in value) + "]"

    def check(self, problem: Problem, value: Grid) -> str:
        """Letters from a to g, the given ones in place, no repeats, and the diagonal."""
        cells = [letter for row in value for letter in row]
        for i, given in enumerate(letter for row in problem.data["puzzle"] for letter in row):
            if cells[i] not in _LETTERS or len(cells[i]) != 1:
                return f"{cells[i][:10]!r} is not a letter from a to g"
            if given not in ("_", cells[i]):
                return f"the given {given} in row {i // _N + 1}, column {i % _N + 1} has changed"
        if conflict(cells, _GROUPS) is not None:
            return "a letter repeats in a row or a column"
        if len({cells[cell] for cell in _MINOR}) > 1:
            return "the letters on the diagonal differ"
        return ""

    def solve(self, problem: Problem) -> str:
        """Try every letter for the diagonal and fill the rest."""
        given = [_LETTERS.find(letter) + 1 for row in problem.data["puzzle"] for letter in row]
        for symbol in range(1, _N + 1):
            if all(given[cell] in (0, symbol) for cell in _MINOR):
                cells = list(given)
                for cell in _MINOR:
                    cells[cell] = symbol
                filled = fill(cells, _GROUPS, _N)
                if filled is not None:
                    letters = [_LETTERS[s - 1] for s in filled]
                    return self.render([letters[_N * r : _N * r + _N] for r in range(_N)])
        raise AssertionError("puzzles are made from a full grid")
