"""Pattern recognition: find the square of equal characters in a matrix (SymBench)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from quintain.envs.text.draws import choose, randint, text
from quintain.envs.text.forms import IntegerListTask
from quintain.envs.text.task import expect

__all__ = ["PatternRecognition"]


@dataclass(frozen=True)
class PatternRecognition(IntegerListTask):
    """One largest uniform square of side >= 3 is planted; say where its bottom-right corner is, counted from 0.

    Attributes:
        min_size: Minimum number of rows and columns, in [5, ``max_size``]. Default: 6.
        max_size: Maximum number of rows and columns, in [``min_size``, 40]. Default: 12.
        letters: Number of different characters in the background, in [3, 26]. Default: 4.
    """

    LEVELS: ClassVar = {"easy": {"min_size": 5, "max_size": 6}, "hard": {"min_size": 15, "max_size": 25, "letters": 3}}

    min_size: int = 6
    max_size: int = 12
    letters: int = 4

    def __post_init__(self) -> None:
        """Check the parameters."""
        expect(5 <= self.min_size <= self.max_size <= 40, "5 <= min_size <= max_size <= 40")
        expect(3 <= self.letters <= 26, "letters in [3, 26]")

    def draw(self, rng: np.random.Generator) -> dict[str, Any]:
        """Plant a square in a random background until it is the only largest one."""
        alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"[: self.letters]
        while True:
            height, width = (randint(rng, self.min_size, self.max_size) for _ in range(2))
            side = randint(rng, 3, min(5, height - 1, width - 1))
            rows = [text(rng, alphabet, width) for _ in range(height)]
            top, left = randint(rng, 0, height - side), randint(rng, 0, width - side)
            block = choose(rng, alphabet) * side
            for i in range(top, top + side):
                rows[i] = rows[i][:left] + block + rows[i][left + side :]
            if len(_largest(rows)) == 1:
                return {"rows": rows}

    def ask(self, data: Mapping[str, Any]) -> str:
        """Show the matrix."""
        return (
            "This matrix of characters hides exactly one largest square block of equal characters (side 3 or more):\n"
            + "\n".join(data["rows"])
            + "\nAt which row and column is the bottom-right corner of that block? Rows and columns are counted from 0 "
            "at the top left. Write the answer as <<<[row, column]>>>."
        )

    def find(self, data: Mapping[str, Any]) -> list[int]:
        """Find the largest uniform square."""
        (corner,) = _largest(data["rows"])
        return corner


def _largest(rows: list[str]) -> list[list[int]]:
    """Give the bottom-right corners of all largest uniform squares, by dynamic programming over their sides."""
    best = 0
    corners: list[list[int]] = []
    above: list[int] = []
    for i, row in enumerate(rows):
        sides: list[int] = []
        for j, character in enumerate(row):
            side = 1
            if i and j and character == rows[i - 1][j] == row[j - 1] == rows[i - 1][j - 1]:
                side += min(above[j], above[j - 1], sides[j - 1])
            sides.append(side)
            if side > best:
                best, corners = side, []
            if side == best:
                corners.append([i, j])
        above = sides
    return corners
