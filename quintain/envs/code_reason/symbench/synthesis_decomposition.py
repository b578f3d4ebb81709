"""Synthesis and decomposition: exchange crops and products, one application per method and cycle (SymBench)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from quintain.envs.code_reason.symbench._exchange import draw_recipe, run, words
from quintain.envs.text.draws import choose, randint
from quintain.envs.text.forms import IntegerListTask
from quintain.envs.text.task import expect

__all__ = ["SynthesisDecomposition"]


@dataclass(frozen=True)
class SynthesisDecomposition(IntegerListTask):
    """Two or three crops become one or two products by two to ``max_methods`` methods, some of which work backwards.

    Attributes:
        max_crops: Maximum number of crops of a kind at the start, in [2, 100]. Default: 20.
        max_methods: Maximum number of methods, in [2, 6]. Default: 4.
    """

    LEVELS: ClassVar = {"easy": {"max_crops": 6, "max_methods": 2}, "hard": {"max_crops": 60, "max_methods": 6}}

    max_crops: int = 20
    max_methods: int = 4

    def __post_init__(self) -> None:
        """Check the parameters."""
        expect(2 <= self.max_crops <= 100, "max_crops in [2, 100]")
        expect(2 <= self.max_methods <= 6, "max_methods in [2, 6]")

    def draw(self, rng: np.random.Generator) -> dict[str, Any]:
        """Draw methods until the process ends after some change."""
        while True:
            crops, products = "ABC"[: randint(rng, 2, 3)], "XY"[: randint(rng, 1, 2)]
            start = {item: randint(rng, 1, self.max_crops) for item in crops} | dict.fromkeys(products, 0)
            recipes = [draw_recipe(rng, crops, products, 3, 2)]
            for _ in range(randint(rng, 1, self.max_methods - 1)):
                sides = choose(rng, ((crops, products), (crops, products), (products, crops)))
                recipes.append(draw_recipe(rng, *sides, 3, 2))
            end = run(start, recipes, exhaust=False)
            if end is not None and end != start:
                return {"start": start, "recipes": [list(recipe) for recipe in recipes]}

    def ask(self, data: Mapping[str, Any]) -> str:
        """List the methods."""
        lines = "\n".join(
            f"{i}. {words(used)} become {words(made)}" for i, (used, made) in enumerate(data["recipes"], 1)
        )
        items = list(data["start"])
        form = ", ".join(item.lower() for item in items)
        return (
            f"A farmer has {words(data['start'])} and exchanges them by these methods:\n{lines}\n"
            "In every round the methods are tried in the order of their numbers, and each is applied exactly once if "
            "there is enough of what it uses, otherwise not. The rounds go on until a whole round changes nothing.\n"
            f"How many {', '.join(items)} are there in the end? Write <<<[{form}]>>>."
        )

    def find(self, data: Mapping[str, Any]) -> list[int]:
        """Run the methods."""
        end = run(data["start"], data["recipes"], exhaust=False)
        assert end is not None  # problems are drawn so that the process ends
        return [end[item] for item in data["start"]]
