"""Mini verdict: is a step of a calculation right?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from quintain.envs.text.draws import choose, randint
from quintain.envs.text.forms import OptionTask
from quintain.envs.text.task import expect

__all__ = ["MiniVerdict"]


@dataclass(frozen=True)
class MiniVerdict(OptionTask):
    """Judge one sum or difference of two numbers; half of the steps are wrong, most of them by a little.

    Attributes:
        max_number: Maximum number, in [9, 999]. Default: 49.
        max_error: Maximum error of a wrong result, in [1, 100]. Default: 10.
    """

    OPTIONS: ClassVar = ("right", "wrong")
    LEVELS: ClassVar = {"easy": {"max_number": 19}, "hard": {"max_number": 99, "max_error": 2}}

    max_number: int = 49
    max_error: int = 10

    def __post_init__(self) -> None:
        """Check the parameters."""
        expect(9 <= self.max_number <= 999, "max_number in [9, 999]")
        expect(1 <= self.max_error <= 100, "max_error in [1, 100]")

    def draw(self, rng: np.random.Generator) -> dict[str, Any]:
        """Draw a step, and an error for half of them."""
        first, second = sorted((randint(rng, 1, self.max_number), randint(rng, 1, self.max_number)), reverse=True)
        operator = choose(rng, "+-")
        result = first + second if operator == "+" else first - second
        wrong = bool(rng.integers(2))
        error = choose(rng, (1, -1)) * randint(rng, 1, self.max_error) if wrong else 0
        if result + error < 0:
            error = -error
        return {"first": first, "operator": operator, "second": second, "result": result + error}

    def ask(self, data: Mapping[str, Any]) -> str:
        """Show the step, and ask for a verdict."""
        return f"{data['first']}{data['operator']}{data['second']}={data['result']}?\n<<<right/wrong>>>"

    def find(self, data: Mapping[str, Any]) -> str:
        """Compute the step."""
        sign = 1 if data["operator"] == "+" else -1
        return "right" if data["first"] + sign * data["second"] == data["result"] else "wrong"
