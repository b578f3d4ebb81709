"""String synthesis: turn blocks into others, each method as often as possible (SymBench)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from quintain.envs.code_reason.symbench._exchange import draw_recipe, run, words
from quintain.envs.text.draws import randint
from quintain.envs.text.forms import IntegerListTask
from quintain.envs.text.task import expect

__all__ = ["StringSynthesis"]

_BLOCKS = ("[A]", "[B]", "[C]", "{A}", "{B}", "{C}", "(A)", "(B)", "(C)")


@dataclass(frozen=True)
class StringSynthesis(IntegerListTask):
    """Nine kinds of blocks and six methods; a method is applied as often as possible before the next, in cycles.

    Attributes:
        max_blocks: Maximum number of blocks of a kind at the start, in [1, 100]. Default: 4.
        methods: Number of methods, in [2, 12]. Default: 6.
    """

    LEVELS: ClassVar = {"easy": {"max_blocks": 2, "methods": 3}, "hard": {"max_blocks": 12, "methods": 10}}

    max_blocks: int = 4
    methods: int = 6

    def __post_init__(self) -> None:
        """Check the parameters."""
        expect(1 <= self.max_blocks <= 100, "max_blocks in [1, 100]")
        expect(2 <= self.methods <= 12, "methods in [2, 12]")

    def draw(self, rng: np.random.Generator) -> dict[str, Any]:
        """Draw methods until the process ends after some change."""
        while True:
            start = {block: randint(rng, 0, self.max_blocks) for block in _BLOCKS}
            recipes = [draw_recipe(rng, _BLOCKS, _BLOCKS, 2, 1) for _ in range(self.methods)]
            end = run(start, recipes, exhaust=True)
            if end is not None and end != start:
                return {"start": start, "recipes": [list(recipe) for recipe in recipes]}

    def ask(self, data: Mapping[str, Any]) -> str:
        """List the methods."""
        lines = "\n".join(
            f"{i}. {words(used)} become {words(made)}" for i, (used, made) in enumerate(data["recipes"], 1)
        )
        return (
            f"There are nine kinds of blocks: {' '.join(_BLOCKS)}. Blocks can be exchanged by these methods:\n{lines}\n"
            f"At the start there are {words(data['start'])}. Starting with method 1, each method is applied as often "
            "as possible before the next one is tried; after the last method it begins again with method 1, until no "
            "method can be applied.\n"
            "How many blocks of each kind are there in the end? Write the nine numbers in the order of the kinds "
            "above, as <<<[n1, n2, ..., n9]>>>."
        )

    def find(self, data: Mapping[str, Any]) -> list[int]:
        """Run the methods."""
        end = run(data["start"], data["recipes"], exhaust=True)
        assert end is not None  # problems are drawn so that the process ends
        return [end[block] for block in _BLOCKS]
