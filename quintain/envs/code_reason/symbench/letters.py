"""Letters: count a letter in a word and list where it stands (SymBench)."""

from __future__ import annotations

import re
import string
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np

from quintain.envs.text.draws import choose, randint, text
from quintain.envs.text.task import ExactTask, Malformed, expect

__all__ = ["Letters"]

_ANSWER = re.compile(
    r"count:\s*([0-9]{1,6})\s*,\s*positions:\s*\[((?:\s*[0-9]{1,6}\s*,)*(?:\s*[0-9]{1,6}\s*)?)\]", re.IGNORECASE
)


class Occurrences(NamedTuple):
    """An answer: how often the letter occurs, and its 1-based positions in ascending order."""

    times: int
    positions: tuple[int, ...]


@dataclass(frozen=True)
class Letters(ExactTask[Occurrences]):
    """Random lower-case words; the letter occurs at least once.

    Attributes:
        min_length: Minimum length of the word, in letters, in [1, ``max_length``]. Default: 10.
        max_length: Maximum length of the word, in letters, >= ``min_length``. Default: 25.
    """

    LEVELS: ClassVar = {"easy": {"min_length": 4, "max_length": 8}, "hard": {"min_length": 30, "max_length": 60}}

    min_length: int = 10
    max_length: int = 25

    def __post_init__(self) -> None:
        """Check that the lengths make sense."""
        expect(1 <= self.min_length <= self.max_length, "1 <= min_length <= max_length")

    def draw(self, rng: np.random.Generator) -> dict[str, Any]:
        """Draw a word from a small alphabet, so that letters repeat, and one of its letters."""
        length = randint(rng, self.min_length, self.max_length)
        word = text(rng, text(rng, string.ascii_lowercase, max(2, length // 2)), length)
        return {"word": word, "letter": choose(rng, word)}

    def ask(self, data: Mapping[str, Any]) -> str:
        """Ask for count and positions."""
        return (
            f"How many times does the letter '{data['letter']}' occur in the word '{data['word']}', and at which "
            "positions? The first letter is at position 1.\n"
            "Write the answer as <<<Count: X, Positions: [Y, Z, ...]>>>."
        )

    def parse(self, text: str) -> Occurrences:
        """Read ``Count: c, Positions: [p, ...]``."""
        match = _ANSWER.fullmatch(text)
        if match is None:
            raise Malformed("expected the form 'Count: X, Positions: [Y, Z, ...]'")
        positions = tuple(int(p) for p in match[2].split(",") if p.strip())
        return Occurrences(int(match[1]), positions)

    def render(self, value: Occurrences) -> str:
        """Write ``Count: c, Positions: [p, ...]``."""
        return f"Count: {value.times}, Positions: {list(value.positions)}"

    def find(self, data: Mapping[str, Any]) -> Occurrences:
        """Scan the word."""
        positions = tuple(i for i, c in enumerate(data["word"], start=1) if c == data["letter"])
        return Occurrences(len(positions), positions)
