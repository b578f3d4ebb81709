"""Statistical counting: score the runs of equal letters in a string (SymBench)."""

from __future__ import annotations

import string
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any, ClassVar

import numpy as np

from quintain.envs.text.draws import randint, text
from quintain.envs.text.forms import IntegerTask
from quintain.envs.text.task import expect

__all__ = ["StatisticalCounting"]


@dataclass(frozen=True)
class StatisticalCounting(IntegerTask):
    """Each maximal run of at least two equal letters scores the letter's place in the alphabet, once.

    Attributes:
        min_length: Minimum length of the string, in characters, in [2, ``max_length``]. Default: 15.
        max_length: Maximum length of the string, in characters, in [``min_length``, 2000]. Default: 65.
        max_letters: Maximum number of different letters, in [2, 26]. Default: 7.
    """

    LEVELS: ClassVar = {
        "easy": {"min_length": 5, "max_length": 12, "max_letters": 3},
        "hard": {"min_length": 80, "max_length": 160, "max_letters": 9},
    }

    min_length: int = 15
    max_length: int = 65
    max_letters: int = 7

    def __post_init__(self) -> None:
        """Check the parameters."""
        expect(2 <= self.min_length <= self.max_length <= 2000, "2 <= min_length <= max_length <= 2000")
        expect(2 <= self.max_letters <= 26, "max_letters in [2, 26]")

    def draw(self, rng: np.random.Generator) -> dict[str, Any]:
        """Draw independent letters."""
        letters = string.ascii_uppercase[: randint(rng, 2, self.max_letters)]
        return {"letters": letters, "string": text(rng, letters, randint(rng, self.min_length, self.max_length))}

    def ask(self, data: Mapping[str, Any]) -> str:
        """Give the points of every letter, and the string."""
        points = ", ".join(f"{letter} = {i}" for i, letter in enumerate(data["letters"], start=1))
        return (
            f"A string over the letters {', '.join(data['letters'])} is scored as follows. Read it from left to right "
            "and divide it into maximal runs of equal letters. A run of two or more letters scores the points of its "
            f"letter once, however long it is; a single letter scores nothing. Points: {points}.\n"
            f"String: {data['string']}\n"
            "What is the total score? Write the answer as <<<number>>>."
        )

    def find(self, data: Mapping[str, Any]) -> int:
        """Add up the points of all runs."""
        runs = [(letter, len(list(run))) for letter, run in groupby(data["string"])]
        return sum(data["letters"].index(letter) + 1 for letter, length in runs if length >= 2)
