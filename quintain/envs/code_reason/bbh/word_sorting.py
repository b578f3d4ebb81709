"""Word sorting: put words into alphabetical order (Big-Bench-Hard)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from quintain.envs.text.answers import parse_words
from quintain.envs.text.draws import choose, randint, sample
from quintain.envs.text.task import ExactTask, Malformed, expect

__all__ = ["WordSorting"]

_ONSETS = (
    "b",
    "br",
    "c",
    "cl",
    "d",
    "dr",
    "f",
    "fl",
    "g",
    "gr",
    "h",
    "k",
    "l",
    "m",
    "n",
    "p",
    "pl",
    "r",
    "s",
    "st",
    "t",
)
_RIMES = ("ab", "ack", "ail", "amp", "and", "ark", "ast", "ead", "eam", "ell", "ent", "est", "ick", "ill", "int", "oat")
_ENDS = ("", "er", "ing", "ly", "ow", "ish", "et", "age")


@dataclass(frozen=True)
class WordSorting(ExactTask[list[str]]):
    """Made-up words, pronounceable and lower-case, many of which share a beginning.

    Attributes:
        min_words: Minimum number of words, in [2, ``max_words``]. Default: 6.
        max_words: Maximum number of words, in [``min_words``, 60]. Default: 14.
    """

    LEVELS: ClassVar = {"easy": {"min_words": 3, "max_words": 5}, "hard": {"min_words": 20, "max_words": 30}}

    min_words: int = 6
    max_words: int = 14

    def __post_init__(self) -> None:
        """Check the parameters."""
        expect(2 <= self.min_words <= self.max_words <= 60, "2 <= min_words <= max_words <= 60")

    def draw(self, rng: np.random.Generator) -> dict[str, Any]:
        """Build different words from a few syllables."""
        onsets, rimes = sample(rng, _ONSETS, 7), sample(rng, _RIMES, 7)
        wanted = randint(rng, self.min_words, self.max_words)
        words: list[str] = []
        while len(words) < wanted:
            word = choose(rng, onsets) + choose(rng, rimes) + choose(rng, _ENDS)
            if word not in words:
                words.append(word)
        return {"words": words}

    def ask(self, data: Mapping[str, Any]) -> str:
        """List the words."""
        return (
            f"Sort these words alphabetically: {' '.join(data['words'])}\n"
            "Write them in order, separated by spaces, as <<<w1 w2 ...>>>."
        )

    def find(self, data: Mapping[str, Any]) -> list[str]:
        """Sort."""
        return sorted(data["words"])

    def parse(self, text: str) -> list[str]:
        """Read words separated by spaces or commas."""
        words = parse_words(text.lower())
        if not all(re.fullmatch("[a-z]+", word) for word in words):
            raise Malformed("expected words separated by spaces")
        return words

    def render(self, value: list[str]) -> str:
        """Write the words separated by spaces."""
        return " ".join(value)
