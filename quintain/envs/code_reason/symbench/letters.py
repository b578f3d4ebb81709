"""Letters: count a letter in a word and list where it stands (SymBench)."""

from __future__ import annotations

import re
import string
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np

from quintain.envs.code_reason.task import Malformed, Problem, Task, unquote

__all__ = ["Letters"]

_ANSWER = re.compile(
    r"count:\s*(\d{1,6})\s*,\s*positions:\s*\[((?:\s*\d{1,6}\s*,)*(?:\s*\d{1,6}\s*)?)\]", re.IGNORECASE
)


class Occurrences(NamedTuple):
    """An answer: how often the letter occurs, and its 1-based positions in ascending order."""

    times: int
    positions: tuple[int, ...]


@dataclass(frozen=True)
class Letters(Task[Occurrences]):
    """Random lower-case words; the letter occurs at least once.

    Attributes:
        min_length: Shortest word, >= 1.
        max_length: Longest word.
    """

    LEVELS: ClassVar = {"easy": {"min_length": 4, "max_length": 8}, "hard": {"min_length": 30, "max_length": 60}}

    min_length: int = 10
    max_length: int = 25

    def __post_init__(self) -> None:
        """Check that the lengths make sense."""
        if not 1 <= self.min_length <= self.max_length:
            raise ValueError("expected 1 <= min_length <= max_length")

    def generate(self, rng: np.random.Generator) -> Problem:
        """Draw a word from a small alphabet, so that letters repeat, and one of its letters."""
        length = int(rng.integers(self.min_length, self.max_length, endpoint=True))
        alphabet = rng.choice(list(string.ascii_lowercase), size=max(2, length // 2), replace=length // 2 > 26)
        word = "".join(rng.choice(alphabet, size=length))
        letter = str(rng.choice(list(word)))
        prompt = (
            f"How many times does the letter '{letter}' occur in the word '{word}', and at which positions? "
            "The first letter is at position 1.\n"
            "Write the answer as <<<Count: X, Positions: [Y, Z, ...]>>>."
        )
        data = {"word": word, "letter": letter}
        return Problem(prompt, self.render(_find(word, letter)), data)

    def parse(self, text: str) -> Occurrences:
        """Read ``Count: c, Positions: [p, ...]``."""
        match = _ANSWER.fullmatch(unquote(text))
        if match is None:
            raise Malformed("expected the form 'Count: X, Positions: [Y, Z, ...]'")
        positions = tuple(int(p) for p in match[2].split(",") if p.strip())
        return Occurrences(int(match[1]), positions)

    def render(self, value: Occurrences) -> str:
        """Write ``Count: c, Positions: [p, ...]``."""
        return f"Count: {value.times}, Positions: {list(value.positions)}"

    def check(self, problem: Problem, value: Occurrences) -> str:
        """Both the count and every position must be right."""
        right = _find(problem.data["word"], problem.data["letter"])
        if value.times != right.times:
            return f"count is {right.times}, not {value.times}"
        if value.positions != right.positions:
            return f"positions are {list(right.positions)}, not {list(value.positions)}"
        return ""

    def solve(self, problem: Problem) -> str:
        """Scan the word."""
        return self.render(_find(problem.data["word"], problem.data["letter"]))


def _find(word: str, letter: str) -> Occurrences:
    positions = tuple(i for i, c in enumerate(word, start=1) if c == letter)
    return Occurrences(len(positions), positions)
