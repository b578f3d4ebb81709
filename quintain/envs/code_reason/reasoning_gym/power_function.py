"""Power function: an exact power of a decimal number. Our own generator."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, ClassVar

import numpy as np

from quintain.envs.text.draws import randint
from quintain.envs.text.forms import NumberTask
from quintain.envs.text.task import expect

__all__ = ["PowerFunction"]


@dataclass(frozen=True)
class PowerFunction(NumberTask):
    """A base with one decimal place, of either sign, to a small whole power. The answer is exact.

    Attributes:
        max_exponent: Maximum exponent, in [2, 5]. Default: 4.
        max_base: Maximum absolute value of the base, in tenths, in [20, 100000]. Default: 300.
    """

    LEVELS: ClassVar = {"easy": {"max_exponent": 2, "max_base": 99}, "hard": {"max_exponent": 5, "max_base": 5000}}

    max_exponent: int = 4
    max_base: int = 300

    def __post_init__(self) -> None:
        """Check the parameters."""
        expect(2 <= self.max_exponent <= 5, "max_exponent in [2, 5]")
        expect(20 <= self.max_base <= 100_000, "max_base in [20, 100000]")

    def draw(self, rng: np.random.Generator) -> dict[str, Any]:
        """Draw base and exponent."""
        return {"tenths": randint(rng, -self.max_base, self.max_base), "exponent": randint(rng, 2, self.max_exponent)}

    def ask(self, data: Mapping[str, Any]) -> str:
        """Write the power."""
        base = f"{'-' if data['tenths'] < 0 else ''}{abs(data['tenths']) // 10}.{abs(data['tenths']) % 10}"
        return f"Compute ({base})^{data['exponent']} exactly.\nWrite all decimal places of the result as <<<number>>>."

    def find(self, data: Mapping[str, Any]) -> Fraction:
        """Compute exactly."""
        return Fraction(int(data["tenths"]), 10) ** int(data["exponent"])

    def render(self, value: Fraction) -> str:
        """Write a decimal number without trailing zeros."""
        scaled = abs(value) * 10**6
        whole, rest = divmod(int(scaled), 10**6)
        decimals = f"{rest:06}".rstrip("0")
        return f"{'-' if value < 0 else ''}{whole}" + (f".{decimals}" if decimals else "")
