"""Multi-step arithmetic: evaluate an expression of small integers (Big-Bench-Hard)."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any, ClassVar

import numpy as np

from quintain.envs.text.draws import choose, randint
from quintain.envs.text.forms import IntegerTask
from quintain.envs.text.task import expect

__all__ = ["MultistepArithmeticTwo"]

_OPERATIONS: Mapping[str, Callable[[int, int], int]] = {"+": operator.add, "-": operator.sub, "*": operator.mul}


@dataclass(frozen=True)
class MultistepArithmeticTwo(IntegerTask):
    """Bracketed groups of numbers from -9 to 9 are joined by + - *; multiplication goes before addition.

    Attributes:
        groups: Number of groups, in [2, 8]. Default: 2.
        numbers: Number of numbers in a group, in [2, 8]. Default: 4.
    """

    LEVELS: ClassVar = {"easy": {"groups": 2, "numbers": 2}, "hard": {"groups": 4, "numbers": 6}}

    groups: int = 2
    numbers: int = 4

    def __post_init__(self) -> None:
        """Check the parameters."""
        expect(2 <= self.groups <= 8, "groups in [2, 8]")
        expect(2 <= self.numbers <= 8, "numbers in [2, 8]")

    def draw(self, rng: np.random.Generator) -> dict[str, Any]:
        """Draw groups and operators: a chain is [operand, operator, operand, ...]."""
        groups = [_chain(rng, [randint(rng, -9, 9) for _ in range(self.numbers)]) for _ in range(self.groups)]
        return {"chain": _chain(rng, groups)}

    def ask(self, data: Mapping[str, Any]) -> str:
        """Write the expression."""
        return f"What is {_write(data['chain'])[1:-1]}?\nWrite the integer as <<<number>>>."

    def find(self, data: Mapping[str, Any]) -> int:
        """Evaluate."""
        return _value(data["chain"])


def _chain(rng: np.random.Generator, operands: Sequence[Any]) -> list[Any]:
    chain = [operands[0]]
    for operand in operands[1:]:
        chain += [choose(rng, "+-*"), operand]
    return chain


def _write(part: Any) -> str:
    if isinstance(part, list):
        return f"({' '.join(_write(item) for item in part)})"
    return str(part)


def _value(part: Any) -> int:
    """Evaluate a chain: first the products, then sums from left to right."""
    if not isinstance(part, list):
        return int(part)
    terms: list[Any] = [_value(part[0])]
    for symbol, operand in zip(part[1::2], part[2::2], strict=True):
        if symbol == "*":
            terms[-1] *= _value(operand)
        else:
            terms += [symbol, _value(operand)]
    pairs = zip(terms[1::2], terms[2::2], strict=True)
    return reduce(lambda total, pair: _OPERATIONS[pair[0]](total, pair[1]), pairs, int(terms[0]))
