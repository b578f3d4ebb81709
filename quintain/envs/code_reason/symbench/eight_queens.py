"""Eight queens: complete a placement around given queens and blocked squares (SymBench)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, TypeAlias

import numpy as np

from quintain.envs.text.answers import parse_integer_grid
from quintain.envs.text.draws import randint, sample, shuffled
from quintain.envs.text.task import Malformed, Problem, Task, expect

__all__ = ["EightQueens"]

_N = 8
Squares: TypeAlias = list[list[int]]


@dataclass(frozen=True)
class EightQueens(Task[Squares]):
    """Place eight queens that do not attack each other: the given ones stay, blocked squares stay empty.

    Differences from the released judge: the given queens must be part of the answer.

    Attributes:
        max_given: Maximum number of queens given, in [0, 7]. Default: 3.
        max_blocked: Maximum number of blocked squares, in [0, 20]. Default: 4.
    """

    LEVELS: ClassVar = {"easy": {"max_given": 0, "max_blocked": 1}, "hard": {"max_given": 5, "max_blocked": 12}}

    max_given: int = 3
    max_blocked: int = 4

    def __post_init__(self) -> None:
        """Check the parameters."""
        expect(0 <= self.max_given <= 7, "max_given in [0, 7]")
        expect(0 <= self.max_blocked <= 20, "max_blocked in [0, 20]")

    def generate(self, rng: np.random.Generator) -> Problem:
        """Draw a placement, show some of its queens, and block squares it does not use."""
        queens = _complete([], [], shuffled(rng, range(_N)))
        given = sorted(sample(rng, queens, randint(rng, 0, self.max_given)))
        empty = [[r, c] for r in range(_N) for c in range(_N) if [r, c] not in queens]
        blocked = sorted(sample(rng, empty, randint(rng, 0, self.max_blocked)))
        prompt = (
            "Place eight queens on an 8x8 chessboard so that no two share a row, a column or a diagonal. Squares are "
            "(row, column), counted from 0 at the top left.\n"
            f"Queens already placed (they stay): {_list(given)}.\n"
            f"Squares where no queen may stand: {_list(blocked)}.\n"
            "Write all eight squares, the given ones included, as <<<[[r1, c1], [r2, c2], ...]>>>."
        )
        return Problem(prompt, str(queens), {"given": given, "blocked": blocked})

    def parse(self, text: str) -> Squares:
        """Read eight pairs."""
        squares = parse_integer_grid(text)
        if len(squares) != _N or any(len(square) != 2 for square in squares):
            raise Malformed("expected eight squares [row, column]")
        return squares

    def check(self, problem: Problem, value: Squares) -> str:
        """On the board, no attacks, none on a blocked square, and the given ones are there."""
        if any(not 0 <= x < _N for square in value for x in square):
            return "rows and columns run from 0 to 7"
        for i, (r, c) in enumerate(value):
            for s, d in value[:i]:
                if r == s or c == d or abs(r - s) == abs(c - d):
                    return f"the queens at {[s, d]} and {[r, c]} attack each other"
        for square in problem.data["blocked"]:
            if square in value:
                return f"no queen may stand at {square}"
        for square in problem.data["given"]:
            if square not in value:
                return f"the given queen at {square} is missing"
        return ""

    def solve(self, problem: Problem) -> str:
        """Backtrack row by row."""
        return str(_complete(problem.data["given"], problem.data["blocked"], list(range(_N))))


def _complete(given: Squares, blocked: Squares, order: list[int]) -> Squares:
    """Find a placement by backtracking, trying columns in the given order."""
    fixed = {square[0]: square[1] for square in given}
    banned = {(row, column) for row, column in blocked}

    def place(row: int, columns: list[int]) -> list[int] | None:
        if row == _N:
            return columns
        for column in [fixed[row]] if row in fixed else order:
            if (row, column) not in banned and all(
                column != other and abs(column - other) != row - above for above, other in enumerate(columns)
            ):
                found = place(row + 1, [*columns, column])
                if found is not None:
                    return found
        return None

    columns = place(0, [])
    assert columns is not None  # problems are made from a placement
    return [[row, column] for row, column in enumerate(columns)]


def _list(squares: Squares) -> str:
    return ", ".join(f"({row}, {column})" for row, column in squares) or "none"
