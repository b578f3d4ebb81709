"""Game of Life: the board after a few generations. Our own generator, in the spirit of reasoning-gym's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from quintain.envs.code_reason.reasoning_gym._life import Board, step
from quintain.envs.text.draws import randint
from quintain.envs.text.forms import IntegerGridTask
from quintain.envs.text.task import expect

__all__ = ["GameOfLife"]


@dataclass(frozen=True)
class GameOfLife(IntegerGridTask):
    """Conway's rules on a square board whose edges wrap around. Boards do not die out on the way.

    Attributes:
        size: Number of rows and of columns of the board, in [4, 30]. Default: 8.
        max_steps: Maximum number of generations, in [1, 50]. Default: 2.
        density: Percentage of live cells at the start, in [10, 60]. Default: 35.
    """

    LEVELS: ClassVar = {"easy": {"size": 5, "max_steps": 1}, "hard": {"size": 12, "max_steps": 5}}

    size: int = 8
    max_steps: int = 2
    density: int = 35

    def __post_init__(self) -> None:
        """Check the parameters."""
        expect(4 <= self.size <= 30, "size in [4, 30]")
        expect(1 <= self.max_steps <= 50, "max_steps in [1, 50]")
        expect(10 <= self.density <= 60, "density in [10, 60]")

    def draw(self, rng: np.random.Generator) -> dict[str, Any]:
        """Draw boards until one changes and lives."""
        while True:
            board = (rng.random((self.size, self.size)) < self.density / 100).astype(int).tolist()
            data = {"board": board, "steps": randint(rng, 1, self.max_steps)}
            after = self.find(data)
            if any(map(any, after)) and after != board:
                return data

    def ask(self, data: Mapping[str, Any]) -> str:
        """Show the board."""
        rows = "\n".join(" ".join(map(str, row)) for row in data["board"])
        return (
            f"What does this board of Conway's Game of Life (1 = alive, 0 = dead) look like after {data['steps']} "
            "generation(s)? Every cell has eight neighbours; the edges wrap around.\n"
            f"{rows}\nWrite the board as a list of rows: <<<[[x11, x12, ...], [x21, x22, ...], ...]>>>."
        )

    def find(self, data: Mapping[str, Any]) -> Board:
        """Simulate."""
        board: Board = data["board"]
        for _ in range(data["steps"]):
            board = step(board)
        return board
