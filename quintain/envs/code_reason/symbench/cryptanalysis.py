"""Cryptanalysis: deduce a code of two digits and two letters from judged guesses (SymBench)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from quintain.envs.text.draws import sample
from quintain.envs.text.forms import StringTask
from quintain.envs.text.task import expect

__all__ = ["Cryptanalysis"]

_DIGITS = "0123456789"
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_MAX_GUESSES = 40


@dataclass(frozen=True)
class Cryptanalysis(StringTask):
    """Two digits, then two letters, without repeats. Guesses with feedback leave exactly one code.

    Feedback comes apart for digits and letters, and does not tell which of the two symbols it is about.

    Attributes:
        min_guesses: Minimum number of guesses shown, even if fewer determine the code, in [1, 18]. Default: 4.
        letters: Size of the alphabet, in [3, 26]. Default: 26.
    """

    LEVELS: ClassVar = {"easy": {"min_guesses": 8, "letters": 8}, "hard": {"min_guesses": 1}}
    ALPHABET: ClassVar = "[0-9A-Z]"

    min_guesses: int = 4
    letters: int = 26

    def __post_init__(self) -> None:
        """Check the parameters."""
        expect(1 <= self.min_guesses <= 18, "min_guesses in [1, 18]")
        expect(3 <= self.letters <= 26, "letters in [3, 26]")

    def parse(self, text: str) -> str:
        """Read the code, in any letter case."""
        return super().parse(text.upper())

    def draw(self, rng: np.random.Generator) -> dict[str, Any]:
        """Draw a code, then guesses until one code is left; guesses that exclude nothing are dropped."""
        letters = _LETTERS[: self.letters]
        while True:
            code = "".join(sample(rng, _DIGITS, 2) + sample(rng, letters, 2))
            guesses: list[list[Any]] = []
            left = [_pairs(_DIGITS), _pairs(letters)]
            for _ in range(_MAX_GUESSES):
                guess = "".join(sample(rng, _DIGITS, 2) + sample(rng, letters, 2))
                feedback = [list(_judge(guess[:2], code[:2])), list(_judge(guess[2:], code[2:]))]
                rest = _consistent(left, guess, feedback)
                if rest != left or len(guesses) < self.min_guesses:
                    guesses.append([guess, feedback])
                    left = rest
                if len(left[0]) == len(left[1]) == 1 and len(guesses) >= self.min_guesses:
                    return {"guesses": guesses, "letters": letters}

    def ask(self, data: Mapping[str, Any]) -> str:
        """List the guesses."""
        digits, letters = ("too small", "too large"), ("too early in the alphabet", "too late in the alphabet")
        lines = [
            f"{guess}: digits: {_words(first, digits)}; letters: {_words(second, letters)}."
            for guess, (first, second) in data["guesses"]
        ]
        return (
            "A secret code is two different digits followed by two different letters from "
            f"A to {data['letters'][-1]}. These guesses were judged, digits and letters apart. The verdicts on two "
            "symbols are given in no particular order. 'Not in the code and too small' (or large, early, late) "
            "compares the symbol with the code's symbol at the same position.\n"
            + "\n".join(lines)
            + "\nWrite the code, without spaces, as <<<d1 d2 L1 L2>>>."
        )

    def find(self, data: Mapping[str, Any]) -> str:
        """Keep the codes that every verdict fits."""
        left = [_pairs(_DIGITS), _pairs(data["letters"])]
        for guess, feedback in data["guesses"]:
            left = _consistent(left, guess, feedback)
        (digits,), (letters,) = left
        return digits + letters


def _judge(guess: str, code: str) -> tuple[str, str]:
    """Give the verdicts on both symbols, sorted."""
    a, b, x, y = guess[0], guess[1], code[0], code[1]
    first = "hit" if a == x else "moved" if a == y else "low" if a < x else "high"
    second = "hit" if b == y else "moved" if b == x else "low" if b < y else "high"
    return (first, second) if first <= second else (second, first)


def _pairs(symbols: str) -> list[str]:
    return [a + b for a in symbols for b in symbols if a != b]


def _consistent(left: list[list[str]], guess: str, feedback: list[list[str]]) -> list[list[str]]:
    digits, letters = (tuple(verdicts) for verdicts in feedback)
    return [
        [code for code in left[0] if _judge(guess[:2], code) == digits],
        [code for code in left[1] if _judge(guess[2:], code) == letters],
    ]


def _words(verdicts: list[str], sides: tuple[str, str]) -> str:
    words = {
        "hit": "one is in the code and in the right place",
        "moved": "one is in the code but in the wrong place",
        "low": f"one is not in the code and {sides[0]}",
        "high": f"one is not in the code and {sides[1]}",
    }
    if verdicts[0] == verdicts[1]:
        plural = words[verdicts[0]].replace("one is", "both are")
        return plural.replace("the right place", "the right places").replace("the wrong place", "the wrong places")
    return " and ".join(words[verdict] for verdict in verdicts)
