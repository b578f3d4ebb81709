"""Palindrome generation: arrange given letters into a palindrome. Items come from our own generator.

Every palindrome made of exactly these letters is accepted, not only the one that the generator began with.
"""

from __future__ import annotations

import string
from collections import Counter
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from quintain.envs.text.draws import choose, randint, shuffled, text
from quintain.envs.text.task import Malformed, Problem, Task, expect

__all__ = ["PalindromeGeneration"]


@dataclass(frozen=True)
class PalindromeGeneration(Task[str]):
    """Arrange letters into a palindrome that uses each of them as often as it is given.

    Attributes:
        min_length: Minimum number of letters, in [4, ``max_length``]. Default: 7.
        max_length: Maximum number of letters, in [``min_length``, 500]. Default: 13.
    """

    LEVELS: ClassVar = {"easy": {"min_length": 4, "max_length": 6}, "hard": {"min_length": 25, "max_length": 45}}

    min_length: int = 7
    max_length: int = 13

    def __post_init__(self) -> None:
        """Check the parameters."""
        expect(4 <= self.min_length <= self.max_length <= 500, "4 <= min_length <= max_length <= 500")

    def generate(self, rng: np.random.Generator) -> Problem:
        """Make a palindrome by mirroring a random string, and shuffle its letters for the question.

        If the shuffled letters happen to be a palindrome, which would answer the question, new ones are drawn.
        """
        while True:
            length = randint(rng, self.min_length, self.max_length)
            half = text(rng, string.ascii_lowercase[: 4 + length // 2], length // 2)
            palindrome = half + choose(rng, string.ascii_lowercase) * (length % 2) + half[::-1]
            letters = "".join(shuffled(rng, palindrome))
            if letters != letters[::-1]:
                break
        prompt = (
            f"Arrange these letters into a palindrome, using all of them: {', '.join(letters)}\n"
            "Write it as one word without spaces: <<<PALINDROME>>>."
        )
        return Problem(prompt, palindrome, {"letters": letters})

    def parse(self, text: str) -> str:
        """Read a word of ASCII letters; letter case does not matter."""
        if not text.isascii() or not text.isalpha():
            raise Malformed("expected a word without spaces")
        return text.lower()

    def check(self, problem: Problem, value: str) -> str:
        """Return why the word is not a palindrome of exactly the given letters; empty if it is one."""
        if Counter(value) != Counter(problem.data["letters"]):
            return "not all letters are used, each as often as it is given"
        return "" if value == value[::-1] else "it reads differently backwards"

    def solve(self, problem: Problem) -> str:
        """Put one letter of each pair into the first half and mirror it; an unpaired letter is the middle."""
        counts = sorted(Counter(problem.data["letters"]).items())
        half = "".join(letter * (count // 2) for letter, count in counts)
        middle = "".join(letter for letter, count in counts if count % 2)
        return half + middle + half[::-1]
