"""Matrix transformation: rotate a matrix of symbols (SymBench)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from quintain.envs.text.draws import choose, randint
from quintain.envs.text.forms import SymbolGridTask
from quintain.envs.text.task import expect

__all__ = ["MatrixTransformation"]

_ALPHABETS = ("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "0123456789", "!@#$%&*+=?")


@dataclass(frozen=True)
class MatrixTransformation(SymbolGridTask):
    """Rotate a square matrix of letters, digits or signs by 90 degrees clockwise.

    Attributes:
        min_size: Minimum number of rows and columns, in [2, ``max_size``]. Default: 2.
        max_size: Maximum number of rows and columns, in [``min_size``, 30]. Default: 4.
    """

    LEVELS: ClassVar = {"easy": {"min_size": 2, "max_size": 2}, "hard": {"min_size": 5, "max_size": 9}}

    min_size: int = 2
    max_size: int = 4

    def __post_init__(self) -> None:
        """Check the parameters."""
        expect(2 <= self.min_size <= self.max_size <= 30, "2 <= min_size <= max_size <= 30")

    def draw(self, rng: np.random.Generator) -> dict[str, Any]:
        """Draw a matrix that is not its own rotation."""
        size = randint(rng, self.min_size, self.max_size)
        alphabet = choose(rng, _ALPHABETS)
        while True:
            matrix = [[choose(rng, alphabet) for _ in range(size)] for _ in range(size)]
            if _rotate(matrix) != matrix:
                return {"matrix": matrix}

    def ask(self, data: Mapping[str, Any]) -> str:
        """Show the matrix."""
        rows = "\n".join(" ".join(row) for row in data["matrix"])
        return (
            f"Rotate this matrix by 90 degrees clockwise:\n{rows}\n"
            "Write the result as a list of rows, with every symbol in quotes: "
            "<<<[['x11', 'x12', ...], ['x21', 'x22', ...], ...]>>>."
        )

    def find(self, data: Mapping[str, Any]) -> list[list[str]]:
        """Rotate."""
        return _rotate(data["matrix"])


def _rotate(matrix: list[list[str]]) -> list[list[str]]:
    return [list(row) for row in zip(*reversed(matrix), strict=True)]
