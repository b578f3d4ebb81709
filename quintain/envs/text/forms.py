"""Base classes of exact tasks by type of answer: each defines ``parse`` and ``render``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from typing import ClassVar

from quintain.envs.text.answers import (
    Expression,
    parse_expression,
    parse_grid,
    parse_integer,
    parse_integer_grid,
    parse_integers,
    parse_number,
    parse_option,
)
from quintain.envs.text.task import ExactTask, Malformed, Task

__all__ = [
    "ExpressionTask",
    "IntegerGridTask",
    "IntegerListTask",
    "IntegerTask",
    "NumberTask",
    "OptionTask",
    "StringTask",
    "SymbolGridTask",
]


@dataclass(frozen=True)
class IntegerTask(ExactTask[int]):
    """The answer is an integer."""

    def parse(self, text: str) -> int:
        """Read an integer."""
        return parse_integer(text)


@dataclass(frozen=True)
class NumberTask(ExactTask[Fraction]):
    """The answer is a rational number: an integer, a fraction ``p/q``, or a decimal that is close to it.

    Fractions are compared exactly. The tolerance of decimals is ``TOLERANCE * min(1, |answer|)``: absolute for large
    numbers, relative for small ones, so that 0 is not a correct answer for a tiny probability.
    """

    TOLERANCE: ClassVar[Fraction] = Fraction(1, 10**6)

    def parse(self, text: str) -> Fraction:
        """Read a number exactly."""
        return parse_number(text)

    def same(self, value: Fraction, right: Fraction) -> bool:
        """Compare fractions exactly, and decimals with the tolerance, which is below 1 for integers."""
        return value == right or (
            _is_decimal(value) and abs(value - right) <= self.TOLERANCE * min(Fraction(1), abs(right))
        )


def _is_decimal(value: Fraction) -> bool:
    """Return whether a number can be written with finitely many decimals."""
    rest = value.denominator
    for prime in (2, 5):
        while rest % prime == 0:
            rest //= prime
    return rest == 1


@dataclass(frozen=True)
class ExpressionTask(Task[Expression]):
    """The answer is an arithmetic expression; several may be right."""

    def parse(self, text: str) -> Expression:
        """Read an arithmetic expression."""
        return parse_expression(text)

    def render(self, value: Expression) -> str:
        """Write the expression with a space around every operator."""
        return value.text


@dataclass(frozen=True)
class StringTask(ExactTask[str]):
    """The answer is a string over a small alphabet, compared as it is."""

    ALPHABET: ClassVar[str] = r"[A-Z]"

    def parse(self, text: str) -> str:
        """Read the string."""
        text = "".join(text.split())
        if not re.fullmatch(f"{self.ALPHABET}+", text):
            raise Malformed(f"expected a string of characters {self.ALPHABET}")
        return text


@dataclass(frozen=True)
class IntegerListTask(ExactTask[list[int]]):
    """The answer is a list of integers."""

    def parse(self, text: str) -> list[int]:
        """Read a flat list of integers."""
        return parse_integers(text)


@dataclass(frozen=True)
class IntegerGridTask(ExactTask[list[list[int]]]):
    """The answer is a list of rows of integers."""

    def parse(self, text: str) -> list[list[int]]:
        """Read rows of integers."""
        return parse_integer_grid(text)


@dataclass(frozen=True)
class SymbolGridTask(ExactTask[list[list[str]]]):
    """The answer is a list of rows of symbols."""

    def parse(self, text: str) -> list[list[str]]:
        """Read rows of symbols."""
        return parse_grid(text)


@dataclass(frozen=True)
class OptionTask(ExactTask[str]):
    """The answer is one of a few fixed words, in any letter case."""

    OPTIONS: ClassVar[tuple[str, ...]] = ()

    def parse(self, text: str) -> str:
        """Read one of the options."""
        return parse_option(text, self.OPTIONS)
