"""Game of 24: combine four numbers to 24 (SymBench, from the text-or-code steering set)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from quintain.envs.code_reason.symbench._arithmetic import complaint, reach
from quintain.envs.text.answers import Expression
from quintain.envs.text.forms import ExpressionTask
from quintain.envs.text.task import Problem, expect

__all__ = ["Game24"]


@dataclass(frozen=True)
class Game24(ExpressionTask):
    """Use four numbers exactly once each, in any order, with + - * / and brackets, to make 24.

    Every problem has a solution. The value is computed in rational numbers, so ``8 / (3 - 8 / 3)`` counts.

    Attributes:
        max_number: Maximum number, in [4, 100]. Default: 13.
    """

    LEVELS: ClassVar = {"easy": {"max_number": 6}, "hard": {"max_number": 30}}

    max_number: int = 13

    def __post_init__(self) -> None:
        """Check the parameters."""
        expect(4 <= self.max_number <= 100, "max_number in [4, 100]")

    def generate(self, rng: np.random.Generator) -> Problem:
        """Draw four numbers until they can make 24."""
        while True:
            numbers = rng.integers(1, self.max_number, endpoint=True, size=4).tolist()
            solution = reach(numbers, 24)
            if solution is not None:
                break
        prompt = (
            f"Make 24 from the numbers {', '.join(map(str, numbers))}: use each of them exactly once, in any order, "
            "with the operators + - * / and brackets.\n"
            "Write the expression, without an equals sign, as <<<expression>>>."
        )
        return Problem(prompt, solution, {"numbers": numbers, "target": 24})

    def check(self, problem: Problem, value: Expression) -> str:
        """Each number is used once, and the value is 24 exactly."""
        return complaint(value, problem.data, ordered=False)

    def solve(self, problem: Problem) -> str:
        """Search all expressions."""
        found = reach(problem.data["numbers"], problem.data["target"])
        assert found is not None  # the generator saw a solution
        return found
