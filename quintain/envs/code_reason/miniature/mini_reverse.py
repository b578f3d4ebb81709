"""Mini reverse: write a random word backwards."""

from __future__ import annotations

import string
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from quintain.envs.text.draws import randint, text
from quintain.envs.text.forms import StringTask
from quintain.envs.text.task import expect

__all__ = ["MiniReverse"]


@dataclass(frozen=True)
class MiniReverse(StringTask):
    """Reverse a word of random small letters.

    Attributes:
        min_length: Minimum number of letters, in [3, ``max_length``]. Default: 5.
        max_length: Maximum number of letters, in [``min_length``, 40]. Default: 9.
    """

    ALPHABET: ClassVar[str] = r"[a-z]"
    LEVELS: ClassVar = {"easy": {"min_length": 3, "max_length": 5}, "hard": {"min_length": 10, "max_length": 16}}

    min_length: int = 5
    max_length: int = 9

    def __post_init__(self) -> None:
        """Check the lengths."""
        expect(3 <= self.min_length <= self.max_length <= 40, "3 <= min_length <= max_length <= 40")

    def draw(self, rng: np.random.Generator) -> dict[str, Any]:
        """Draw a word that is not its own reverse."""
        while True:
            word = text(rng, string.ascii_lowercase, randint(rng, self.min_length, self.max_length))
            if word != word[::-1]:
                return {"word": word}

    def ask(self, data: Mapping[str, Any]) -> str:
        """Ask for the word backwards."""
        return f"reverse {data['word']}\n<<<WORD>>>"

    def find(self, data: Mapping[str, Any]) -> str:
        """Reverse."""
        return str(data["word"])[::-1]
