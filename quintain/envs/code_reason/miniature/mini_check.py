"""Mini check: how many of a few expressions have a given value?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from quintain.envs.code_reason.miniature._expressions import expressions
from quintain.envs.text.draws import choose, randint
from quintain.envs.text.forms import IntegerTask
from quintain.envs.text.task import expect

__all__ = ["MiniCheck"]


@dataclass(frozen=True)
class MiniCheck(IntegerTask):
    """Count the expressions that equal a number; three times of four, one does at least.

    Attributes:
        count: How many expressions there are, in [1, 12]. Default: 6.
        max_number: Maximum number in an expression, in [5, 30]. Default: 12.
        max_value: Maximum value of an expression, in [20, 999]. Default: 199.
    """

    LEVELS: ClassVar = {"easy": {"max_number": 9, "max_value": 60}, "hard": {"count": 10, "max_number": 20}}

    count: int = 6
    max_number: int = 12
    max_value: int = 199

    def __post_init__(self) -> None:
        """Check the parameters."""
        expect(1 <= self.count <= 12, "count in [1, 12]")
        expect(5 <= self.max_number <= 30, "max_number in [5, 30]")
        expect(20 <= self.max_value <= 999, "max_value in [20, 999]")

    def draw(self, rng: np.random.Generator) -> dict[str, Any]:
        """Draw expressions of three numbers, and a target that is the value of one of them or any number."""
        drawn = [
            choose(rng, expressions([randint(rng, 1, self.max_number) for _ in range(3)], self.max_value))
            for _ in range(self.count)
        ]
        target = choose(rng, drawn).value if rng.integers(4) else randint(rng, 0, self.max_value)
        return {"target": target, "expressions": [e.text for e in drawn], "values": [e.value for e in drawn]}

    def ask(self, data: Mapping[str, Any]) -> str:
        """Show the target and the expressions."""
        return f"{data['target']}? {' '.join(data['expressions'])}\n<<<number>>>"

    def find(self, data: Mapping[str, Any]) -> int:
        """Count."""
        return sum(value == data["target"] for value in data["values"])
