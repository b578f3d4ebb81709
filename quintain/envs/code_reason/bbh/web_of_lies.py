"""Web of lies: who tells the truth along a chain of claims? (Big-Bench-Hard)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from quintain.envs.text.draws import choose, sample
from quintain.envs.text.forms import OptionTask
from quintain.envs.text.task import expect

__all__ = ["WebOfLies"]

_PEOPLE = (
    *("Ana", "Ben", "Cleo", "Dan", "Eli", "Fay", "Gus", "Hal", "Ivy", "Joe", "Kim", "Leo", "Mia", "Ned", "Ola"),
    *("Pia", "Quin", "Ray", "Sue", "Tom", "Ula", "Vic", "Wes", "Xia", "Yan", "Zed"),
)


@dataclass(frozen=True)
class WebOfLies(OptionTask):
    """The first person tells the truth or lies; every other one makes a claim about the one before.

    Attributes:
        people: Number of people in the chain, in [3, 26]. Default: 5.
    """

    LEVELS: ClassVar = {"easy": {"people": 3}, "hard": {"people": 15}}
    OPTIONS: ClassVar = ("Yes", "No")

    people: int = 5

    def __post_init__(self) -> None:
        """Check the parameters."""
        expect(3 <= self.people <= 26, "people in [3, 26]")

    def draw(self, rng: np.random.Generator) -> dict[str, Any]:
        """Draw names and claims."""
        return {
            "people": sample(rng, _PEOPLE, self.people),
            "claims": [choose(rng, (True, False)) for _ in range(self.people)],
        }

    def ask(self, data: Mapping[str, Any]) -> str:
        """Tell the claims."""
        people, verb = data["people"], {True: "tells the truth", False: "lies"}
        says = [
            f"{speaker} says {before} {verb[claim]}."
            for before, speaker, claim in zip(people, people[1:], data["claims"][1:], strict=False)
        ]
        return (
            f"Everyone here either always tells the truth or always lies. {people[0]} {verb[data['claims'][0]]}. "
            f"{' '.join(says)} Does {people[-1]} tell the truth?\nWrite Yes or No as <<<your choice>>>."
        )

    def find(self, data: Mapping[str, Any]) -> str:
        """Follow the chain: a speaker is honest exactly if the claim is true."""
        honest = data["claims"][0]
        for claim in data["claims"][1:]:
            honest = claim == honest
        return "Yes" if honest else "No"
