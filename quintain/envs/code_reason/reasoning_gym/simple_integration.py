"""Simple integration: an antiderivative of a polynomial. Our own generator and verifier.

Reasoning-gym's scorer for this family passes the answer to a parser that executes it as code.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, ClassVar

import numpy as np

from quintain.envs.code_reason.reasoning_gym._polynomial import Polynomial, parse_polynomial, write_polynomial
from quintain.envs.text.draws import choose, randint, sample
from quintain.envs.text.task import ExactTask, expect

__all__ = ["SimpleIntegration"]


@dataclass(frozen=True)
class SimpleIntegration(ExactTask[Polynomial]):
    """Any polynomial whose derivative is the integrand is right, with or without ``+ C``.

    Attributes:
        max_terms: Maximum number of terms, in [1, 8]. Default: 4.
        max_degree: Maximum exponent, in [``max_terms``, 50]. Default: 8.
        max_coefficient: Maximum absolute value of a coefficient, in [1, 10000]. Default: 50.
    """

    LEVELS: ClassVar = {
        "easy": {"max_terms": 2, "max_degree": 3, "max_coefficient": 9},
        "hard": {"max_terms": 8, "max_degree": 14, "max_coefficient": 500},
    }

    max_terms: int = 4
    max_degree: int = 8
    max_coefficient: int = 50

    def __post_init__(self) -> None:
        """Check the parameters."""
        expect(1 <= self.max_terms <= 8, "max_terms in [1, 8]")
        expect(self.max_terms <= self.max_degree <= 50, "max_terms <= max_degree <= 50")
        expect(1 <= self.max_coefficient <= 10_000, "max_coefficient in [1, 10000]")

    def draw(self, rng: np.random.Generator) -> dict[str, Any]:
        """Draw the integrand, as [exponent, coefficient] pairs."""
        exponents = sample(rng, range(self.max_degree + 1), randint(rng, 1, self.max_terms))
        size = self.max_coefficient
        return {"integrand": [[e, choose(rng, (1, -1)) * randint(rng, 1, size)] for e in sorted(exponents)]}

    def ask(self, data: Mapping[str, Any]) -> str:
        """Write the integral."""
        integrand = write_polynomial({e: Fraction(c) for e, c in data["integrand"]})
        return (
            f"Find the indefinite integral of {integrand} with respect to x. Use * for multiplication and ** for "
            "powers.\nWrite it as <<<polynomial + C>>>."
        )

    def find(self, data: Mapping[str, Any]) -> Polynomial:
        """Integrate term by term."""
        return {e + 1: Fraction(c, e + 1) for e, c in data["integrand"]}

    def parse(self, text: str) -> Polynomial:
        """Read a polynomial; the constant of integration may be left out."""
        return parse_polynomial(re.sub(r"\s*\+\s*C\s*$", "", text))

    def render(self, value: Polynomial) -> str:
        """Write terms by falling exponent, and the constant of integration."""
        return write_polynomial(value) + " + C"

    def same(self, value: Polynomial, right: Polynomial) -> bool:
        """Compare all terms but the constant."""
        return {e: c for e, c in value.items() if e} == right
