"""Tracking shuffled objects: who holds what after some swaps?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from quintain.envs.code_reason.bbh._choices import ChoiceTask, listed
from quintain.envs.text.draws import choose, sample, shuffled
from quintain.envs.text.task import expect

__all__ = ["TrackingShuffledObjects"]

_PEOPLE = ("Ana", "Ben", "Cleo", "Dan", "Eli", "Fay", "Gus", "Hal", "Ivy", "Joe")
_SCENES = (
    (
        "are at a white elephant exchange. At the start, {0}",
        "has a {0} present",
        "swap presents",
        "{0} present",
        ("red", "green", "blue", "yellow", "white", "black", "pink", "orange", "purple", "brown"),
    ),
    (
        "are dancers at a ball. At the start, {0}",
        "is dancing with {0}",
        "swap partners",
        "{0}",
        ("Rodrigo", "Sam", "Tina", "Uma", "Vera", "Will", "Xena", "Yuri", "Zoe", "Pat"),
    ),
    (
        "are playing a ball game. At the start, {0}",
        "has the {0} ball",
        "swap balls",
        "{0} ball",
        ("tennis", "golf", "bowling", "cricket", "beach", "soccer", "rugby", "billiard", "volley", "basket"),
    ),
)


@dataclass(frozen=True)
class TrackingShuffledObjects(ChoiceTask):
    """People swap what they hold, pair by pair.

    Attributes:
        swaps: Number of swaps, in [0, 200]; 0 for as many as there are people. Default: 0.
    """

    LEVELS: ClassVar = {"easy": {"swaps": 2}, "hard": {"swaps": 20}}
    COUNT: ClassVar[int] = 3

    swaps: int = 0

    def __post_init__(self) -> None:
        """Check the parameters."""
        expect(0 <= self.swaps <= 200, "swaps in [0, 200]")

    def draw(self, rng: np.random.Generator) -> dict[str, Any]:
        """Draw people, things and swaps."""
        scene = choose(rng, range(len(_SCENES)))
        people, things = sample(rng, _PEOPLE, self.COUNT), sample(rng, _SCENES[scene][4], self.COUNT)
        return {
            "scene": scene,
            "people": people,
            "things": things,
            "swaps": [sample(rng, people, 2) for _ in range(self.swaps or self.COUNT)],
            "asked": choose(rng, people),
            "options": shuffled(rng, [_SCENES[scene][3].format(thing) for thing in things]),
        }

    def question(self, data: Mapping[str, Any]) -> str:
        """Tell the swaps."""
        opening, holding, swapping, _, _ = _SCENES[data["scene"]]
        start = [f"{who} {holding.format(what)}" for who, what in zip(data["people"], data["things"], strict=True)]
        steps = [f"{a} and {b} {swapping}." for a, b in data["swaps"]]
        steps = ["First, " + steps[0], *("Then, " + step for step in steps[1:])]
        first = f"{listed(data['people'])} {opening.format(listed(start))}."
        return f"{first} {' '.join(steps)} What or whom does {data['asked']} have at the end?"

    def right(self, data: Mapping[str, Any]) -> str:
        """Carry out the swaps."""
        held = dict(zip(data["people"], data["things"], strict=True))
        for a, b in data["swaps"]:
            held[a], held[b] = held[b], held[a]
        return _SCENES[data["scene"]][3].format(held[data["asked"]])
