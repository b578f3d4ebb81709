"""Mini product: the exact product of two numbers, too long for a small model to multiply without a program."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from quintain.envs.text.draws import randint
from quintain.envs.text.forms import IntegerTask
from quintain.envs.text.task import expect

__all__ = ["MiniProduct"]


@dataclass(frozen=True)
class MiniProduct(IntegerTask):
    """Multiply two numbers of ``digits`` digits.

    Attributes:
        digits: Number of digits of each factor, in [2, 8]. Default: 3.
    """

    LEVELS: ClassVar = {"easy": {"digits": 2}, "hard": {"digits": 4}}

    digits: int = 3

    def __post_init__(self) -> None:
        """Check the parameter."""
        expect(2 <= self.digits <= 8, "digits in [2, 8]")

    def draw(self, rng: np.random.Generator) -> dict[str, Any]:
        """Draw the factors."""
        low, high = 10 ** (self.digits - 1), 10**self.digits - 1
        return {"factors": [randint(rng, low, high), randint(rng, low, high)]}

    def ask(self, data: Mapping[str, Any]) -> str:
        """Ask for the product."""
        return f"{'*'.join(map(str, data['factors']))}=\n<<<number>>>"

    def find(self, data: Mapping[str, Any]) -> int:
        """Multiply."""
        first, second = data["factors"]
        return int(first * second)
