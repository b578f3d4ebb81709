"""Mini check: which of a few expressions has a given value?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from quintain.envs.code_reason.miniature._expressions import expressions
from quintain.envs.text.answers import Expression, parse_expression
from quintain.envs.text.draws import choose, randint
from quintain.envs.text.forms import ExpressionTask
from quintain.envs.text.task import Problem, expect

__all__ = ["MiniCheck"]


@dataclass(frozen=True)
class MiniCheck(ExpressionTask):
    """Name the expression that has the wanted value; exactly one has.

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

    def generate(self, rng: np.random.Generator) -> Problem:
        """Draw expressions of three numbers with different values; the value of one of them is wanted."""
        drawn: dict[int, str] = {}
        while len(drawn) < self.count:
            numbers = [randint(rng, 1, self.max_number) for _ in range(3)]
            found = choose(rng, expressions(numbers, self.max_value))
            drawn.setdefault(found.value, found.text)
        target = choose(rng, list(drawn))
        prompt = f"{target}? {' '.join(drawn.values())}\n<<<expression>>>"
        data = {"target": target, "expressions": list(drawn.values())}
        return Problem(prompt, parse_expression(drawn[target]).text, data)

    def check(self, problem: Problem, value: Expression) -> str:
        """It is one of the expressions, and has the value."""
        shown = problem.data["expressions"]
        if value.text not in [parse_expression(text).text for text in shown]:
            return f"the expression must be one of {', '.join(shown)}"
        if value.value != problem.data["target"]:
            return f"the expression equals {value.value}, not {problem.data['target']}"
        return ""

    def solve(self, problem: Problem) -> str:
        """Compute each."""
        found = map(parse_expression, problem.data["expressions"])
        return next(e.text for e in found if e.value == problem.data["target"])
