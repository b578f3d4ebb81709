"""Isomorphic strings: does a renaming of letters turn one string into the other? Our own generator."""

from __future__ import annotations

import string
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from quintain.envs.text.draws import choose, randint, sample, text
from quintain.envs.text.forms import OptionTask
from quintain.envs.text.task import expect

__all__ = ["IsomorphicStrings"]


@dataclass(frozen=True)
class IsomorphicStrings(OptionTask):
    """Strings of equal length; half of the pairs are isomorphic, the others are such pairs with one or two changes.

    Attributes:
        min_length: Minimum length of the string, in characters, in [3, ``max_length``]. Default: 6.
        max_length: Maximum length of the string, in characters, in [``min_length``, 500]. Default: 12.
    """

    LEVELS: ClassVar = {"easy": {"min_length": 3, "max_length": 5}, "hard": {"min_length": 20, "max_length": 40}}
    OPTIONS: ClassVar = ("True", "False")

    min_length: int = 6
    max_length: int = 12

    def __post_init__(self) -> None:
        """Check the parameters."""
        expect(3 <= self.min_length <= self.max_length <= 500, "3 <= min_length <= max_length <= 500")

    def draw(self, rng: np.random.Generator) -> dict[str, Any]:
        """Rename a string's letters, and spoil the result if the answer is to be False."""
        wanted = choose(rng, self.OPTIONS)
        letters = string.ascii_lowercase
        while True:
            length = randint(rng, self.min_length, self.max_length)
            first = text(rng, "".join(sample(rng, letters, max(2, length // 2))), length)
            second = list(first.translate(str.maketrans(letters, "".join(sample(rng, letters, 26)))))
            if wanted == "False":
                for i in sample(rng, range(length), randint(rng, 1, 2)):
                    second[i] = choose(rng, second) if rng.random() < 0.5 else choose(rng, letters)
            data = {"first": first, "second": "".join(second)}
            if self.find(data) == wanted:
                return data

    def ask(self, data: Mapping[str, Any]) -> str:
        """Show the strings."""
        return (
            "Two strings are isomorphic if replacing every letter of the first by a letter turns it into the second, "
            "where equal letters are replaced by equal letters and different letters by different ones.\n"
            f"Are {data['first']} and {data['second']} isomorphic? Write True or False as <<<your choice>>>."
        )

    def find(self, data: Mapping[str, Any]) -> str:
        """Pairs of letters must determine each other."""
        first, second = data["first"], data["second"]
        pairs = set(zip(first, second, strict=True))
        return str(len(pairs) == len(set(first)) == len(set(second)))
