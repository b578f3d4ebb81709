"""Light puzzles: press buttons that toggle lights, and say which lights are on (SymBench)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from quintain.envs.text.draws import choose, randint, sample
from quintain.envs.text.forms import IntegerListTask
from quintain.envs.text.task import expect

__all__ = ["LightPuzzles"]


@dataclass(frozen=True)
class LightPuzzles(IntegerListTask):
    """Up to ``max_buttons`` buttons each toggle a list of cells, given as 1-based (row, column).

    Attributes:
        min_size: Minimum number of rows and columns, in [2, ``max_size``]. Default: 3.
        max_size: Maximum number of rows and columns, in [``min_size``, 15]. Default: 5.
        max_buttons: Maximum number of buttons, in [1, 6]. Default: 3.
        max_presses: Maximum number of presses, in [1, 20]. Default: 4.
    """

    LEVELS: ClassVar = {
        "easy": {"min_size": 2, "max_size": 3, "max_buttons": 1, "max_presses": 2},
        "hard": {"min_size": 5, "max_size": 8, "max_buttons": 5, "max_presses": 10},
    }

    min_size: int = 3
    max_size: int = 5
    max_buttons: int = 3
    max_presses: int = 4

    def __post_init__(self) -> None:
        """Check the parameters."""
        expect(2 <= self.min_size <= self.max_size <= 15, "2 <= min_size <= max_size <= 15")
        expect(1 <= self.max_buttons <= 6, "max_buttons in [1, 6]")
        expect(1 <= self.max_presses <= 20, "max_presses in [1, 20]")

    def draw(self, rng: np.random.Generator) -> dict[str, Any]:
        """Draw the lights, the buttons and the presses."""
        n = randint(rng, self.min_size, self.max_size)
        cells = [[row, column] for row in range(1, n + 1) for column in range(1, n + 1)]
        names = "ABCDEF"[: randint(rng, 1, self.max_buttons)]
        return {
            "lights": rng.integers(0, 2, size=(n, n)).tolist(),
            "buttons": {name: sample(rng, cells, randint(rng, 2, n + 1)) for name in names},
            "presses": [choose(rng, names) for _ in range(randint(rng, 1, self.max_presses))],
        }

    def ask(self, data: Mapping[str, Any]) -> str:
        """Show the lights and say what the buttons do."""
        n = len(data["lights"])
        rows = "\n".join(" ".join(map(str, row)) for row in data["lights"])
        buttons = "\n".join(
            f"Button {name} toggles " + ", ".join(f"({row}, {column})" for row, column in cells)
            for name, cells in data["buttons"].items()
        )
        return (
            f"A {n}x{n} grid of lights (1 = on, 0 = off):\n{rows}\n"
            f"Cells are (row, column), counted from 1 at the top left.\n{buttons}\n"
            f"The buttons are pressed in this order: {', '.join(data['presses'])}.\n"
            f"Write the final state of all {n * n} lights, row by row, as one flat list: <<<[l1, l2, ...]>>>."
        )

    def find(self, data: Mapping[str, Any]) -> list[int]:
        """Press the buttons."""
        lights = [list(row) for row in data["lights"]]
        for name in data["presses"]:
            for row, column in data["buttons"][name]:
                lights[row - 1][column - 1] ^= 1
        return [light for row in lights for light in row]
