"""Mini check: does an expression have a given value?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from quintain.envs.code_reason.miniature._expressions import expressions
from quintain.envs.text.draws import choose, randint
from quintain.envs.text.forms import OptionTask
from quintain.envs.text.task import expect

__all__ = ["MiniCheck"]


@dataclass(frozen=True)
class MiniCheck(OptionTask):
    """Compute an expression with two operators, and compare it with a number; half of them are equal.

    Attributes:
        max_number: Maximum number in the expression, in [5, 30]. Default: 12.
        max_value: Maximum value of the expression, in [20, 999]. Default: 199.
    """

    OPTIONS: ClassVar = ("yes", "no")
    LEVELS: ClassVar = {"easy": {"max_number": 6}, "hard": {"max_number": 20, "max_value": 399}}

    max_number: int = 12
    max_value: int = 199

    def __post_init__(self) -> None:
        """Check the parameters."""
        expect(5 <= self.max_number <= 30, "max_number in [5, 30]")
        expect(20 <= self.max_value <= 999, "max_value in [20, 999]")

    def draw(self, rng: np.random.Generator) -> dict[str, Any]:
        """Draw an expression, and another number for half of them."""
        numbers = [randint(rng, 1, self.max_number) for _ in range(3)]
        found = choose(rng, expressions(numbers, self.max_value))
        other = bool(rng.integers(2))
        claimed = randint(rng, 0, min(self.max_value, 2 * found.value + 10)) if other else found.value
        return {"expression": found.text, "value": found.value, "claimed": claimed}

    def ask(self, data: Mapping[str, Any]) -> str:
        """Show both."""
        return f"{data['expression']} vs {data['claimed']}?\n<<<yes/no>>>"

    def find(self, data: Mapping[str, Any]) -> str:
        """Compare."""
        return "yes" if data["value"] == data["claimed"] else "no"
