"""Complex arithmetic: add, subtract or multiply complex numbers. Our own generator and verifier.

Reasoning-gym's scorer for this family gives full marks to ``nan``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np

from quintain.envs.text.draws import choose, randint
from quintain.envs.text.task import ExactTask, Malformed, expect

__all__ = ["ComplexArithmetic"]

_FORM = re.compile(r"([+-]?[0-9]{1,40})?(?:([+-]?)([0-9]{0,40})i)?")


class Gaussian(NamedTuple):
    """A complex number with integer parts."""

    real: int
    imaginary: int

    def __str__(self) -> str:
        return f"{self.real} {'-' if self.imaginary < 0 else '+'} {abs(self.imaginary)}i"


@dataclass(frozen=True)
class ComplexArithmetic(ExactTask[Gaussian]):
    """Compute an expression of complex numbers with integer parts, from left to right.

    Attributes:
        max_part: Maximum absolute value of a real or imaginary part, in [1, 10000]. Default: 20.
        max_operands: Maximum number of operands, in [2, 6]. Default: 3.
    """

    LEVELS: ClassVar = {"easy": {"max_part": 9, "max_operands": 2}, "hard": {"max_part": 200, "max_operands": 5}}

    max_part: int = 20
    max_operands: int = 3

    def __post_init__(self) -> None:
        """Check the parameters."""
        expect(1 <= self.max_part <= 10_000, "max_part in [1, 10000]")
        expect(2 <= self.max_operands <= 6, "max_operands in [2, 6]")

    def draw(self, rng: np.random.Generator) -> dict[str, Any]:
        """Draw operands and operators, applied from left to right."""
        count = randint(rng, 2, self.max_operands)
        return {
            "operands": [[randint(rng, -self.max_part, self.max_part) for _ in range(2)] for _ in range(count)],
            "operators": [choose(rng, "+-*") for _ in range(count - 1)],
        }

    def ask(self, data: Mapping[str, Any]) -> str:
        """Write the expression."""
        expression = f"({Gaussian(*data['operands'][0])})"
        for symbol, operand in zip(data["operators"], data["operands"][1:], strict=True):
            expression = f"[{expression} {symbol} ({Gaussian(*operand)})]"
        return f"Compute {expression[1:-1]}, where i is the imaginary unit.\nWrite the result as <<<a + bi>>>."

    def find(self, data: Mapping[str, Any]) -> Gaussian:
        """Compute from left to right."""
        a, b = data["operands"][0]
        for symbol, (c, d) in zip(data["operators"], data["operands"][1:], strict=True):
            a, b = {"+": (a + c, b + d), "-": (a - c, b - d), "*": (a * c - b * d, a * d + b * c)}[symbol]
        return Gaussian(a, b)

    def parse(self, text: str) -> Gaussian:
        """Read ``a + bi``, also without one of the parts."""
        compact = "".join(text.split()).lower().replace("j", "i").replace("*i", "i")
        compact = re.sub(r"(?<=[0-9])\.0*(?![0-9])", "", compact)  # Python prints complex numbers as floats
        match = _FORM.fullmatch(compact[1:-1] if compact[:1] == "(" and compact[-1:] == ")" else compact)
        if match is None or not match[0] or (match[1] and match[3] is not None and not match[2]):
            raise Malformed("expected the form a + bi")
        real, sign, size = match.groups()
        imaginary = 0 if size is None else int(f"{sign}{size or 1}")
        return Gaussian(int(real or 0), imaginary)
