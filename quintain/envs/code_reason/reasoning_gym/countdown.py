"""Countdown: combine given numbers to a target. Our own generator, and a verifier that evaluates nothing.

Reasoning-gym's scorer for this family passes the answer to a parser that executes it as code.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from quintain.envs.code_reason.symbench._arithmetic import complaint, reach_natural
from quintain.envs.text.answers import Expression
from quintain.envs.text.draws import choose, randint, sample
from quintain.envs.text.forms import ExpressionTask
from quintain.envs.text.task import Problem, expect

__all__ = ["Countdown"]


@dataclass(frozen=True)
class Countdown(ExpressionTask):
    """Use every number exactly once, with + - * / and brackets, to make the target.

    As in Gandhi et al. 2025 (arXiv 2503.01307): three or four numbers, each below the target's bound, and a solution in
    which every intermediate value is a whole number >= 0 and every division comes out even. Answers may leave the whole
    numbers; the value is computed exactly.

    Attributes:
        min_numbers: Minimum number of numbers, in [2, ``max_numbers``]. Default: 3.
        max_numbers: Maximum number of numbers, in [``min_numbers``, 5]. Default: 4.
        max_target: Maximum value of the target; the numbers are below it. >= ``min_target + 5``. Default: 100.
        min_target: Minimum value of the target, >= 1. Default: 10.
    """

    LEVELS: ClassVar = {
        "easy": {"min_numbers": 3, "max_numbers": 3, "max_target": 30},
        "hard": {"min_numbers": 4, "max_numbers": 5, "max_target": 200},
    }

    min_numbers: int = 3
    max_numbers: int = 4
    max_target: int = 100
    min_target: int = 10

    def __post_init__(self) -> None:
        """Check the parameters."""
        expect(2 <= self.min_numbers <= self.max_numbers <= 5, "2 <= min_numbers <= max_numbers <= 5")
        expect(1 <= self.min_target <= self.max_target - 5, "1 <= min_target <= max_target - 5")
        expect(self.max_target <= 10_000, "max_target at most 10000")

    def generate(self, rng: np.random.Generator) -> Problem:
        """Draw numbers and combine them at random until a target comes out."""
        while True:
            numbers = [
                randint(rng, 1, self.max_target - 1) for _ in range(randint(rng, self.min_numbers, self.max_numbers))
            ]
            target, solution = _combine(rng, numbers)
            if self.min_target <= target <= self.max_target and target not in numbers:
                break
        prompt = (
            f"Make {target} from the numbers {', '.join(map(str, numbers))}: use each of them exactly once, in any "
            "order, with the operators + - * / and brackets.\n"
            "Write the expression, without an equals sign, as <<<expression>>>."
        )
        return Problem(prompt, solution, {"numbers": numbers, "target": target})

    def check(self, problem: Problem, value: Expression) -> str:
        """Each number is used once, and the value is the target exactly."""
        return complaint(value, problem.data, ordered=False)

    def solve(self, problem: Problem) -> str:
        """Search all expressions."""
        found = reach_natural(problem.data["numbers"], problem.data["target"])
        assert found is not None  # problems have a solution in whole numbers
        return found


def _combine(rng: np.random.Generator, numbers: list[int]) -> tuple[int, str]:
    """Combine all numbers by random steps within the whole numbers >= 0; give value and expression."""
    pool = [(number, str(number)) for number in numbers]
    while len(pool) > 1:
        i, j = sample(rng, range(len(pool)), 2)
        (a, s), (b, t) = pool[i], pool[j]
        results = [(a + b, f"({s} + {t})"), (a * b, f"({s} * {t})")]
        if a >= b:
            results.append((a - b, f"({s} - {t})"))
        if b and a % b == 0:
            results.append((a // b, f"({s} / {t})"))
        pool = [pool[k] for k in range(len(pool)) if k not in (i, j)] + [choose(rng, results)]
    value, text = pool[0]
    return value, text[1:-1]
