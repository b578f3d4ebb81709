"""Navigate: do the steps lead back to the starting point? (Big-Bench-Hard)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from quintain.envs.text.draws import choose, randint, shuffled
from quintain.envs.text.forms import OptionTask
from quintain.envs.text.task import expect

__all__ = ["Navigate"]

_SIDES = ("forward", "right", "backward", "left")


@dataclass(frozen=True)
class Navigate(OptionTask):
    """Decide whether a walk ends where it began; it does in half of the items.

    There are two kinds of walks, drawn with equal probability: steps forward, backward, left and right while always
    facing forward, or steps straight ahead and turns.

    Attributes:
        min_moves: Minimum number of moves, in [2, ``max_moves``]. Default: 4.
        max_moves: Maximum number of moves, in [``min_moves``, 100]. Default: 9.
    """

    LEVELS: ClassVar = {"easy": {"min_moves": 2, "max_moves": 4}, "hard": {"min_moves": 12, "max_moves": 24}}
    OPTIONS: ClassVar = ("Yes", "No")

    min_moves: int = 4
    max_moves: int = 9

    def __post_init__(self) -> None:
        """Check the parameters."""
        expect(2 <= self.min_moves <= self.max_moves <= 100, "2 <= min_moves <= max_moves <= 100")

    def draw(self, rng: np.random.Generator) -> dict[str, Any]:
        """Choose the answer first, then draw walks until one has it."""
        wanted, facing = choose(rng, self.OPTIONS), choose(rng, (True, False))
        while True:
            count = randint(rng, self.min_moves, self.max_moves)
            if facing:
                moves = [[choose(rng, _SIDES), randint(rng, 1, 9)] for _ in range(count)]
                if wanted == "Yes":  # keep half of the moves, and undo them in another order
                    half = moves[: max(1, count // 2)]
                    back = [[_SIDES[(_SIDES.index(side) + 2) % 4], steps] for side, steps in half]
                    moves = half + shuffled(rng, back)
            else:
                kinds = ("walk", "walk", "turn left", "turn right", "turn around")
                moves = [[choose(rng, kinds), randint(rng, 1, 4)] for _ in range(count)]
            data = {"facing": facing, "moves": moves}
            if self.find(data) == wanted and any(kind == "walk" or facing for kind, _ in moves):
                return data

    def ask(self, data: Mapping[str, Any]) -> str:
        """List the instructions."""
        steps = ". ".join(_words(kind, count, facing=data["facing"]) for kind, count in data["moves"])
        facing = "Always face forward. " if data["facing"] else ""
        return (
            "If you follow these instructions, do you return to the starting point?\n"
            f"{facing}{steps}.\nWrite Yes or No as <<<your choice>>>."
        )

    def find(self, data: Mapping[str, Any]) -> str:
        """Follow the instructions in the complex plane, beginning at 0 and facing i."""
        place, heading = complex(0), complex(0, 1)
        for kind, count in data["moves"]:
            if data["facing"]:
                place += count * heading * complex(0, -1) ** _SIDES.index(kind)
            elif kind == "walk":
                place += count * heading
            else:
                heading *= {"turn left": complex(0, 1), "turn right": complex(0, -1), "turn around": complex(-1)}[kind]
        return "Yes" if place == 0 else "No"


def _words(kind: str, count: int, *, facing: bool) -> str:
    steps = f"{count} step{'s' * (count > 1)}"
    if facing:
        return f"Take {steps} {kind}"
    return f"Take {steps}" if kind == "walk" else kind.capitalize()
