"""Game of Life halting: is every cell dead in time? Our own generator and verifier.

Reasoning-gym's scorer for this family gives full marks to any text at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from quintain.envs.code_reason.reasoning_gym._life import step
from quintain.envs.text.draws import choose, randint
from quintain.envs.text.forms import OptionTask
from quintain.envs.text.task import expect

__all__ = ["GameOfLifeHalting"]


@dataclass(frozen=True)
class GameOfLifeHalting(OptionTask):
    """Does a small random pattern die out within the given number of generations? Both answers are equally likely.

    Attributes:
        size: Number of rows and of columns of the board, in [5, 30]. Default: 8.
        max_steps: Maximum number of generations in the question, in [2, 100]. Default: 12.
    """

    LEVELS: ClassVar = {"easy": {"size": 6, "max_steps": 5}, "hard": {"size": 10, "max_steps": 30}}
    OPTIONS: ClassVar = ("True", "False")

    size: int = 8
    max_steps: int = 12

    def __post_init__(self) -> None:
        """Check the parameters."""
        expect(5 <= self.size <= 30, "size in [5, 30]")
        expect(2 <= self.max_steps <= 100, "max_steps in [2, 100]")

    def draw(self, rng: np.random.Generator) -> dict[str, Any]:
        """Choose the answer first, then draw patterns until one has it."""
        wanted = choose(rng, self.OPTIONS)
        while True:
            board = [[0] * self.size for _ in range(self.size)]
            for _ in range(randint(rng, 4, self.size + 2)):
                board[randint(rng, 1, self.size - 2)][randint(rng, 1, self.size - 2)] = 1
            data = {"board": board, "steps": randint(rng, 2, self.max_steps)}
            if self.find(data) == wanted and any(map(any, step(board))):
                return data

    def ask(self, data: Mapping[str, Any]) -> str:
        """Show the board."""
        rows = "\n".join(" ".join(map(str, row)) for row in data["board"])
        return (
            "Conway's Game of Life (1 = alive, 0 = dead; every cell has eight neighbours; the edges wrap around) "
            f"starts from this board:\n{rows}\n"
            f"Is every cell dead after at most {data['steps']} generations?\n"
            "Write True or False between the markers: <<<your choice>>>."
        )

    def find(self, data: Mapping[str, Any]) -> str:
        """Simulate."""
        board = data["board"]
        for _ in range(data["steps"]):
            board = step(board)
            if not any(map(any, board)):
                return "True"
        return "False"
