"""Mini countdown: combine three small numbers to a target (Countdown, as in Four Habits, Gandhi et al. 2025)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from quintain.envs.code_reason.symbench._arithmetic import complaint, reach_natural
from quintain.envs.text.answers import Expression, parse_expression
from quintain.envs.text.draws import randint
from quintain.envs.text.forms import ExpressionTask
from quintain.envs.text.task import Problem, expect

__all__ = ["MiniCountdown"]


@dataclass(frozen=True)
class MiniCountdown(ExpressionTask):
    """Use each number exactly once, with + - * / and brackets, to make the target; every problem has a solution.

    Attributes:
        numbers: How many numbers there are, in [2, 4]. Default: 3.
        max_number: Maximum number, in [5, 30]. Default: 12.
        max_target: Maximum target, in [10, 200]. Default: 50.
    """

    LEVELS: ClassVar = {"easy": {"max_number": 9, "max_target": 40}, "hard": {"numbers": 4, "max_target": 100}}

    numbers: int = 3
    max_number: int = 12
    max_target: int = 50

    def __post_init__(self) -> None:
        """Check the parameters."""
        expect(2 <= self.numbers <= 4, "numbers in [2, 4]")
        expect(5 <= self.max_number <= 30, "max_number in [5, 30]")
        expect(10 <= self.max_target <= 200, "max_target in [10, 200]")

    def generate(self, rng: np.random.Generator) -> Problem:
        """Draw numbers and a target until they can make it."""
        while True:
            numbers = rng.integers(1, self.max_number, endpoint=True, size=self.numbers).tolist()
            target = randint(rng, 10, self.max_target)
            solution = reach_natural(numbers, target)
            if solution is not None:
                break
        prompt = f"{' '.join(map(str, numbers))} to {target}\n<<<expression>>>"
        return Problem(prompt, parse_expression(solution).text, {"numbers": numbers, "target": target})

    def check(self, problem: Problem, value: Expression) -> str:
        """Each number is used once, and the value is the target exactly."""
        return complaint(value, problem.data, ordered=False)

    def solve(self, problem: Problem) -> str:
        """Search all expressions."""
        found = reach_natural(problem.data["numbers"], problem.data["target"])
        assert found is not None  # the generator saw a solution
        return parse_expression(found).text
