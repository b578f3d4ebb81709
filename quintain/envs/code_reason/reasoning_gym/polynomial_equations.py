"""Polynomial equations: all real solutions. Our own generator; solutions are integers and compared exactly."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, ClassVar

import numpy as np

from quintain.envs.code_reason.reasoning_gym._polynomial import write_polynomial
from quintain.envs.text.draws import choose, randint, sample
from quintain.envs.text.forms import IntegerListTask
from quintain.envs.text.task import expect

__all__ = ["PolynomialEquations"]


@dataclass(frozen=True)
class PolynomialEquations(IntegerListTask):
    """All real solutions are integers; some equations also have a quadratic factor without real solutions.

    Solutions may be listed in any order, each once.

    Attributes:
        max_solutions: Maximum number of real solutions, in [1, 5]. Default: 3.
        max_size: Maximum absolute value of a solution, in [3, 200]. Default: 12.
    """

    LEVELS: ClassVar = {"easy": {"max_solutions": 1, "max_size": 12}, "hard": {"max_solutions": 4, "max_size": 30}}

    max_solutions: int = 3
    max_size: int = 12

    def __post_init__(self) -> None:
        """Check the parameters."""
        expect(1 <= self.max_solutions <= 5, "max_solutions in [1, 5]")
        expect(3 <= self.max_size <= 200, "max_size in [3, 200]")

    def draw(self, rng: np.random.Generator) -> dict[str, Any]:
        """Multiply a constant, a linear factor per solution and, with probability 0.3, x^2 + c with c > 0.

        Returns:
            ``{"coefficients": [...]}``, the constant term first.
        """
        count = randint(rng, 1, self.max_solutions)
        solutions = sample(rng, [n for n in range(-self.max_size, self.max_size + 1) if n], count)
        coefficients = [choose(rng, (1, -1)) * randint(rng, 1, 9)]
        for solution in solutions:
            coefficients = _times(coefficients, [-solution, 1])
        if rng.random() < 0.3:
            coefficients = _times(coefficients, [randint(rng, 1, 9), 0, 1])
        return {"coefficients": coefficients}

    def ask(self, data: Mapping[str, Any]) -> str:
        """Write the equation."""
        polynomial = {e: Fraction(c) for e, c in enumerate(data["coefficients"]) if c}
        return (
            f"Find all real solutions of {write_polynomial(polynomial)} = 0.\n"
            "Write the different solutions in ascending order as <<<[x1, x2, ...]>>>."
        )

    def find(self, data: Mapping[str, Any]) -> list[int]:
        """Try the divisors of the constant term, which is not 0, with both signs (rational root theorem)."""
        coefficients = data["coefficients"]
        constant = abs(coefficients[0])
        bound = 1 + max(abs(c) for c in coefficients[:-1]) // abs(coefficients[-1])
        limit = min(constant, bound, 200)  # 200 is the upper limit of ``max_size``
        candidates = [d for d in range(1, limit + 1) if constant % d == 0]
        return sorted(x for d in candidates for x in (d, -d) if sum(c * x**e for e, c in enumerate(coefficients)) == 0)

    def same(self, value: list[int], right: list[int]) -> bool:
        """Compare ignoring the order."""
        return sorted(value) == right


def _times(a: list[int], b: list[int]) -> list[int]:
    product = [0] * (len(a) + len(b) - 1)
    for i, x in enumerate(a):
        for j, y in enumerate(b):
            product[i + j] += x * y
    return product
