"""New operator: evaluate an expression in freshly defined operators (SymBench)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, ClassVar

import numpy as np

from quintain.envs.text.draws import choose, randint, sample
from quintain.envs.text.forms import NumberTask
from quintain.envs.text.task import expect

__all__ = ["NewOperator"]

_SYMBOLS = ("△", "□", "★", "☆", "◇", "⊕", "⊗", "⊙")


@dataclass(frozen=True)
class NewOperator(NumberTask):
    """Operators ``c1*a + c2*b``, ``c*a*b`` and ``(a + b)/b``; a left-nested expression of 2 to ``max_depth`` steps.

    Differences from the released judge: answers are compared as exact numbers, not as floating-point ones.

    Attributes:
        max_operators: Maximum number of operators defined, in [1, 6]. Default: 3.
        max_depth: Maximum number of applications in the expression, in [2, 6]. Default: 2.
        max_number: Maximum value of an operand, inclusive, in [2, 1000]. Default: 20.
    """

    LEVELS: ClassVar = {
        "easy": {"max_operators": 1, "max_depth": 2, "max_number": 9},
        "hard": {"max_operators": 5, "max_depth": 5, "max_number": 60},
    }

    max_operators: int = 3
    max_depth: int = 2
    max_number: int = 20

    def __post_init__(self) -> None:
        """Check the parameters."""
        expect(1 <= self.max_operators <= 6, "max_operators in [1, 6]")
        expect(2 <= self.max_depth <= 6, "max_depth in [2, 6]")
        expect(2 <= self.max_number <= 1000, "max_number in [2, 1000]")

    def draw(self, rng: np.random.Generator) -> dict[str, Any]:
        """Draw operators and operands; operands are positive, so that no division is by zero."""
        operators: dict[str, list[Any]] = {}
        for symbol in sample(rng, _SYMBOLS, randint(rng, 1, self.max_operators)):
            kind = choose(rng, ("sum", "product", "ratio"))
            constants = {"sum": 2, "product": 1, "ratio": 0}[kind]
            operators[symbol] = [kind, *(randint(rng, 2, 6) for _ in range(constants))]
        depth = randint(rng, 2, self.max_depth)
        return {
            "operators": operators,
            "applied": [choose(rng, list(operators)) for _ in range(depth)],
            "operands": [randint(rng, 1, self.max_number) for _ in range(depth + 1)],
        }

    def ask(self, data: Mapping[str, Any]) -> str:
        """Define the operators and write the expression."""
        lines = []
        for symbol, (kind, *c) in data["operators"].items():
            body = {"sum": "{0}*a + {1}*b", "product": "{0}*a*b", "ratio": "(a + b)/b"}[kind].format(*c)
            lines.append(f"a {symbol} b = {body}")
        expression = str(data["operands"][0])
        for symbol, operand in zip(data["applied"], data["operands"][1:], strict=True):
            expression = f"({expression} {symbol} {operand})"
        return (
            "New operators on numbers are defined:\n" + "\n".join(lines) + f"\nWhat is {expression[1:-1]}?\n"
            "Write the exact value, as an integer or a fraction p/q, as <<<value>>>."
        )

    def find(self, data: Mapping[str, Any]) -> Fraction:
        """Evaluate from the inside out."""
        value = Fraction(data["operands"][0])
        for symbol, b in zip(data["applied"], data["operands"][1:], strict=True):
            kind, *c = data["operators"][symbol]
            if kind == "sum":
                value = c[0] * value + c[1] * b
            elif kind == "product":
                value = c[0] * value * b
            else:
                value = (value + b) / b
        return value
