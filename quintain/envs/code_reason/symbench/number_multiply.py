"""Number multiply: the exact product of a few signed integers (SymBench, from the text-or-code steering set)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from quintain.envs.text.draws import choose, randint
from quintain.envs.text.forms import IntegerTask
from quintain.envs.text.task import expect

__all__ = ["NumberMultiply"]


@dataclass(frozen=True)
class NumberMultiply(IntegerTask):
    """Multiply ``min_factors`` to ``max_factors`` integers of 1 to ``max_digits`` digits, of either sign.

    Attributes:
        min_factors: Minimum number of factors, in [2, ``max_factors``]. Default: 3.
        max_factors: Maximum number of factors, in [``min_factors``, 6]. Default: 4.
        max_digits: Maximum number of digits of a factor, in [1, 8]. Default: 4.
    """

    LEVELS: ClassVar = {
        "easy": {"min_factors": 2, "max_factors": 2, "max_digits": 2},
        "hard": {"min_factors": 4, "max_factors": 5, "max_digits": 6},
    }

    min_factors: int = 3
    max_factors: int = 4
    max_digits: int = 4

    def __post_init__(self) -> None:
        """Check the parameters."""
        expect(2 <= self.min_factors <= self.max_factors <= 6, "2 <= min_factors <= max_factors <= 6")
        expect(1 <= self.max_digits <= 8, "max_digits in [1, 8]")

    def draw(self, rng: np.random.Generator) -> dict[str, Any]:
        """Draw factors whose number of digits is uniform."""
        factors = []
        for _ in range(randint(rng, self.min_factors, self.max_factors)):
            digits = randint(rng, 1, self.max_digits)
            size = randint(rng, 10 ** (digits - 1) if digits > 1 else 2, 10**digits - 1)
            factors.append(choose(rng, (1, -1)) * size)
        return {"factors": factors}

    def ask(self, data: Mapping[str, Any]) -> str:
        """Ask for the product."""
        product = " * ".join(str(f) if f > 0 else f"({f})" for f in data["factors"])
        return f"What is {product}?\nWrite the exact integer as <<<number>>>."

    def find(self, data: Mapping[str, Any]) -> int:
        """Multiply."""
        return math.prod(data["factors"])
