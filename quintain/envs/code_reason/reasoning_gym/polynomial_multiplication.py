"""Polynomial multiplication: expand a product. Our own generator and verifier.

Reasoning-gym's scorer for this family passes the answer to a parser that executes it as code, and its items depend on
PYTHONHASHSEED.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, ClassVar

import numpy as np

from quintain.envs.code_reason.reasoning_gym._polynomial import Polynomial, parse_polynomial, write_polynomial
from quintain.envs.text.draws import choose, randint, sample
from quintain.envs.text.task import ExactTask, expect

__all__ = ["PolynomialMultiplication"]


@dataclass(frozen=True)
class PolynomialMultiplication(ExactTask[Polynomial]):
    """Two or three polynomials in x; the answer is the expanded product.

    Attributes:
        max_factors: Maximum number of factors, in [2, 4]. Default: 3.
        max_degree: Maximum degree of a factor, in [1, 8]. Default: 3.
        max_coefficient: Maximum absolute value of a coefficient, in [2, 10000]. Default: 20.
    """

    LEVELS: ClassVar = {
        "easy": {"max_factors": 2, "max_degree": 1, "max_coefficient": 9},
        "hard": {"max_factors": 4, "max_degree": 4, "max_coefficient": 99},
    }

    max_factors: int = 3
    max_degree: int = 3
    max_coefficient: int = 20

    def __post_init__(self) -> None:
        """Check the parameters."""
        expect(2 <= self.max_factors <= 4, "max_factors in [2, 4]")
        expect(1 <= self.max_degree <= 8, "max_degree in [1, 8]")
        expect(2 <= self.max_coefficient <= 10_000, "max_coefficient in [2, 10000]")

    def draw(self, rng: np.random.Generator) -> dict[str, Any]:
        """Draw factors of two or more terms, as [exponent, coefficient] pairs."""
        factors = []
        for _ in range(randint(rng, 2, self.max_factors)):
            exponents = sample(rng, range(self.max_degree + 1), randint(rng, 2, self.max_degree + 1))
            factors.append(
                [[e, choose(rng, (1, -1)) * randint(rng, 1, self.max_coefficient)] for e in sorted(exponents)]
            )
        return {"factors": factors}

    def ask(self, data: Mapping[str, Any]) -> str:
        """Write the product."""
        factors = (write_polynomial({e: Fraction(c) for e, c in factor}) for factor in data["factors"])
        return (
            f"Expand this product: {'*'.join(f'({factor})' for factor in factors)}\n"
            "Use * for multiplication and ** for powers. Write the expanded polynomial as <<<polynomial>>>."
        )

    def find(self, data: Mapping[str, Any]) -> Polynomial:
        """Multiply term by term."""
        product: Polynomial = {0: Fraction(1)}
        for factor in data["factors"]:
            longer: Polynomial = {}
            for degree, value in product.items():
                for e, c in factor:
                    longer[degree + e] = longer.get(degree + e, Fraction(0)) + value * c
            product = longer
        return {degree: value for degree, value in product.items() if value}

    def parse(self, text: str) -> Polynomial:
        """Read an expanded polynomial."""
        return parse_polynomial(text)

    def render(self, value: Polynomial) -> str:
        """Write terms by falling exponent."""
        return write_polynomial(value)
