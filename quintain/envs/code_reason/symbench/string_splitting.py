"""String splitting: take machines apart and build others from the parts (SymBench)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from quintain.envs.code_reason.symbench._exchange import draw_recipe, run, words
from quintain.envs.text.draws import randint
from quintain.envs.text.forms import IntegerListTask
from quintain.envs.text.task import expect

__all__ = ["StringSplitting"]

_MACHINES = ("A", "B", "C")
_PARTS = ("X", "Y", "Z")


@dataclass(frozen=True)
class StringSplitting(IntegerListTask):
    """Five methods dismantle machines A, B, C into parts X, Y, Z or assemble machines; each is used once per cycle.

    Attributes:
        max_machines: Maximum number of machines of a kind at the start, in [1, 100]. Default: 6.
        methods: Number of methods, in [2, 8]; the first three dismantle. Default: 5.
    """

    LEVELS: ClassVar = {"easy": {"max_machines": 3, "methods": 3}, "hard": {"max_machines": 20, "methods": 7}}

    max_machines: int = 6
    methods: int = 5

    def __post_init__(self) -> None:
        """Check the parameters."""
        expect(1 <= self.max_machines <= 100, "max_machines in [1, 100]")
        expect(2 <= self.methods <= 8, "methods in [2, 8]")

    def draw(self, rng: np.random.Generator) -> dict[str, Any]:
        """Draw methods until the process ends after some change."""
        while True:
            start = {machine: randint(rng, 0, self.max_machines) for machine in _MACHINES} | dict.fromkeys(_PARTS, 0)
            recipes = [
                draw_recipe(rng, _MACHINES[i : i + 1], _PARTS, 1, 2)
                if i < 3
                else draw_recipe(rng, _PARTS, _MACHINES, 3, 1)
                for i in range(self.methods)
            ]
            end = run(start, recipes, exhaust=False)
            if end is not None and end != start:
                return {"start": start, "recipes": [list(recipe) for recipe in recipes]}

    def ask(self, data: Mapping[str, Any]) -> str:
        """List the methods."""
        lines = "\n".join(
            f"{i}. use {words(used)} to get {words(made)}" for i, (used, made) in enumerate(data["recipes"], 1)
        )
        return (
            "A workshop has machines A, B, C and parts X, Y, Z. Its methods take machines apart or build them:\n"
            f"{lines}\n"
            f"At the start there are {words(data['start'])}. The methods are tried in the order of their numbers, each "
            "at most once per round (if there is enough to use), and the rounds go on until a whole round changes "
            "nothing.\nHow many A, B, C, X, Y, Z are there in the end? Write <<<[a, b, c, x, y, z]>>>."
        )

    def find(self, data: Mapping[str, Any]) -> list[int]:
        """Run the methods."""
        end = run(data["start"], data["recipes"], exhaust=False)
        assert end is not None  # problems are drawn so that the process ends
        return [end[item] for item in (*_MACHINES, *_PARTS)]
