"""Cryptarithm: digits for letters that make an addition right. Our own generator; any assignment that fits is right."""

from __future__ import annotations

import re
import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, TypeAlias

import numpy as np

from quintain.envs.text.answers import parse_integer, parse_pairs
from quintain.envs.text.draws import randint, sample
from quintain.envs.text.task import Malformed, Problem, Task, expect

__all__ = ["Cryptarithm"]

Digits: TypeAlias = dict[str, int]


@dataclass(frozen=True)
class Cryptarithm(Task[Digits]):
    """Different letters stand for different digits; no word begins with 0.

    Attributes:
        words: Number of words that are added, in [2, 4]. Default: 2.
        max_length: Maximum length of a word, in letters, in [2, 6]. Default: 4.
    """

    LEVELS: ClassVar = {"easy": {"words": 2, "max_length": 2}, "hard": {"words": 3, "max_length": 5}}

    words: int = 2
    max_length: int = 4

    def __post_init__(self) -> None:
        """Check the parameters."""
        expect(2 <= self.words <= 4, "words in [2, 4]")
        expect(2 <= self.max_length <= 6, "max_length in [2, 6]")

    def generate(self, rng: np.random.Generator) -> Problem:
        """Draw numbers and letters for the digits."""
        numbers = []
        for _ in range(self.words):
            length = randint(rng, max(2, self.max_length - 1), self.max_length)
            numbers.append(randint(rng, 10 ** (length - 1), 10**length - 1))
        letters = sample(rng, string.ascii_uppercase, 10)
        words = ["".join(letters[int(d)] for d in str(n)) for n in (*numbers, sum(numbers))]
        used = sorted(set("".join(words)))
        width = max(map(len, words)) + 2
        lines = [word.rjust(width) for word in words[:-1]]
        lines[-1] = "+" + lines[-1][1:]
        prompt = (
            "Every letter stands for a digit, different letters for different digits, and no number begins with 0. "
            "Find digits that make this addition right:\n"
            + "\n".join([*lines, "-" * width, words[-1].rjust(width)])
            + f"\nGive the digits of {', '.join(used)} as <<<{used[0]}=digit, {used[1]}=digit, ...>>>."
        )
        digits = {letter: letters.index(letter) for letter in used}
        return Problem(prompt, self.render(digits), {"words": words})

    def parse(self, text: str) -> Digits:
        """Read ``A=1, B=2``."""
        digits: Digits = {}
        for letter, digit in parse_pairs(text):
            if not re.fullmatch("[A-Za-z]", letter) or not 0 <= parse_integer(digit) <= 9 or letter.upper() in digits:
                raise Malformed("expected the form A=1, B=2, ... with each letter once")
            digits[letter.upper()] = parse_integer(digit)
        return digits

    def render(self, value: Digits) -> str:
        """Write ``A=1, B=2``."""
        return ", ".join(f"{letter}={digit}" for letter, digit in value.items())

    def check(self, problem: Problem, value: Digits) -> str:
        """All letters, different digits, no leading zero, and the sum."""
        words = problem.data["words"]
        if set(value) != set("".join(words)):
            return f"expected digits for {', '.join(sorted(set(''.join(words))))}"
        if len(set(value.values())) < len(value):
            return "two letters have the same digit"
        if any(value[word[0]] == 0 for word in words):
            return "a number begins with 0"
        *terms, total = (int("".join(str(value[letter]) for letter in word)) for word in words)
        return "" if sum(terms) == total else f"{' + '.join(map(str, terms))} is {sum(terms)}, not {total}"

    def solve(self, problem: Problem) -> str:
        """Go through the columns from the right."""
        words = problem.data["words"]
        digits = _solve([word[::-1] for word in words], {word[0] for word in words}, {}, 0, 0)
        assert digits is not None  # the numbers drawn are a solution
        return self.render({letter: digits[letter] for letter in sorted(digits)})


def _solve(
    reversed_words: Sequence[str], first: set[str], digits: Mapping[str, int], column: int, carry: int
) -> dict[str, Any] | None:
    *terms, total = reversed_words
    if column == len(total):
        return dict(digits) if carry == 0 else None
    here = [word[column] for word in reversed_words if column < len(word)]
    unknown = next((letter for letter in here if letter not in digits), None)
    if unknown is None:
        column_sum = carry + sum(digits[word[column]] for word in terms if column < len(word))
        if column_sum % 10 != digits[total[column]]:
            return None
        return _solve(reversed_words, first, digits, column + 1, column_sum // 10)
    for digit in range(10):
        if digit not in digits.values() and not (digit == 0 and unknown in first):
            found = _solve(reversed_words, first, {**digits, unknown: digit}, column, carry)
            if found is not None:
                return found
    return None
