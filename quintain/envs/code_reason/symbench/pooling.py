"""Pooling: max or average pooling of an integer matrix (SymBench)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from quintain.envs.text.draws import choose, randint
from quintain.envs.text.forms import IntegerGridTask
from quintain.envs.text.task import expect

__all__ = ["Pooling"]


@dataclass(frozen=True)
class Pooling(IntegerGridTask):
    """A square window slides over a square matrix with stride 1; averages are rounded down.

    Attributes:
        min_size: Minimum number of rows and columns, in [3, ``max_size``] and >= ``max_window``. Default: 3.
        max_size: Maximum number of rows and columns, in [``min_size``, 20]. Default: 6.
        max_window: Maximum window size, in [2, ``min_size``]. Default: 3.
    """

    LEVELS: ClassVar = {
        "easy": {"min_size": 3, "max_size": 3, "max_window": 2},
        "hard": {"min_size": 6, "max_size": 9, "max_window": 4},
    }

    min_size: int = 3
    max_size: int = 6
    max_window: int = 3

    def __post_init__(self) -> None:
        """Check the parameters."""
        expect(3 <= self.min_size <= self.max_size <= 20, "3 <= min_size <= max_size <= 20")
        expect(2 <= self.max_window <= self.min_size, "2 <= max_window <= min_size")

    def draw(self, rng: np.random.Generator) -> dict[str, Any]:
        """Draw a matrix of one-digit integers."""
        size = randint(rng, self.min_size, self.max_size)
        return {
            "matrix": rng.integers(0, 10, size=(size, size)).tolist(),
            "window": randint(rng, 2, self.max_window),
            "pooling": choose(rng, ("max", "average")),
        }

    def ask(self, data: Mapping[str, Any]) -> str:
        """Show the matrix."""
        rows = "\n".join(" ".join(map(str, row)) for row in data["matrix"])
        rounding = " Round every average down to an integer." if data["pooling"] == "average" else ""
        return (
            f"Apply {data['pooling']} pooling with a {data['window']}x{data['window']} window and stride 1, without "
            f"padding, to this matrix.{rounding}\n{rows}\n"
            "Write the resulting matrix as a list of rows: <<<[[x11, x12, ...], [x21, x22, ...], ...]>>>."
        )

    def find(self, data: Mapping[str, Any]) -> list[list[int]]:
        """Slide the window."""
        matrix, window = data["matrix"], data["window"]
        steps = range(len(matrix) - window + 1)

        def pool(i: int, j: int) -> int:
            cells: list[int] = [matrix[i + a][j + b] for a in range(window) for b in range(window)]
            return max(cells) if data["pooling"] == "max" else sum(cells) // len(cells)

        return [[pool(i, j) for j in steps] for i in steps]
