"""Ransom note: can a note be cut out of a magazine? Our own generator."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from quintain.envs.text.draws import choose, randint, shuffled, text
from quintain.envs.text.forms import OptionTask
from quintain.envs.text.task import expect

__all__ = ["RansomNote"]


@dataclass(frozen=True)
class RansomNote(OptionTask):
    """Every letter of the magazine serves once. Half of the notes can be made; most others miss a single letter.

    Attributes:
        max_note: Maximum length of the note, in letters, in [2, 500]. Default: 10.
        max_rest: Maximum number of letters in the magazine that are not in the note, in [1, 500]. Default: 8.
    """

    LEVELS: ClassVar = {"easy": {"max_note": 4, "max_rest": 4}, "hard": {"max_note": 40, "max_rest": 30}}
    OPTIONS: ClassVar = ("True", "False")

    max_note: int = 10
    max_rest: int = 8

    def __post_init__(self) -> None:
        """Check the parameters."""
        expect(2 <= self.max_note <= 500, "max_note in [2, 500]")
        expect(1 <= self.max_rest <= 500, "max_rest in [1, 500]")

    def draw(self, rng: np.random.Generator) -> dict[str, Any]:
        """Shuffle the note's letters with others, and exchange one if the answer is to be False."""
        wanted = choose(rng, self.OPTIONS)
        while True:
            note = text(rng, "abcdefghijklmnop", randint(rng, 2, self.max_note))
            letters = list(note + text(rng, "abcdefghijklmnopqrst", randint(rng, 1, self.max_rest)))
            if wanted == "False":
                letters[randint(rng, 0, len(note) - 1)] = choose(rng, "abcdefghijklmnopqrst")
            data = {"note": note, "magazine": "".join(shuffled(rng, letters))}
            if self.find(data) == wanted:
                return data

    def ask(self, data: Mapping[str, Any]) -> str:
        """Show note and magazine."""
        return (
            "Can the note be put together from letters of the magazine, if every letter of the magazine is used at "
            f"most once?\nNote: {data['note']}\nMagazine: {data['magazine']}\nWrite True or False as <<<your choice>>>."
        )

    def find(self, data: Mapping[str, Any]) -> str:
        """Count letters."""
        return str(not Counter(data["note"]) - Counter(data["magazine"]))
