"""Combinatorial calculation: put operators between digits in a fixed order to reach a target (SymBench)."""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import ClassVar

import numpy as np

from quintain.envs.code_reason.symbench._arithmetic import complaint, reach_in_order
from quintain.envs.text.answers import Expression
from quintain.envs.text.draws import choose, randint
from quintain.envs.text.forms import ExpressionTask
from quintain.envs.text.task import Problem, expect

__all__ = ["CombinatorialCalculation"]

_OPERATIONS: dict[str, Callable[[Fraction, Fraction], Fraction]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
}


@dataclass(frozen=True)
class CombinatorialCalculation(ExpressionTask):
    """Insert + - * / and brackets between 3 to 6 digits, kept in order, to reach the target. Every item has a solution.

    Differences from the verifier released with SymBench: the order of the digits is checked, and values are compared
    exactly.

    Attributes:
        min_digits: Minimum number of digits, in [3, ``max_digits``]. Default: 3.
        max_digits: Maximum number of digits, in [``min_digits``, 6]. Default: 6.
        targets: Possible values of the target, in [1, 1000]. Default: ``(10, 24, 78, 69, 100)``.
    """

    LEVELS: ClassVar = {"easy": {"min_digits": 3, "max_digits": 3}, "hard": {"min_digits": 6, "max_digits": 6}}

    min_digits: int = 3
    max_digits: int = 6
    targets: tuple[int, ...] = (10, 24, 78, 69, 100)

    def __post_init__(self) -> None:
        """Check the parameters."""
        expect(3 <= self.min_digits <= self.max_digits <= 6, "3 <= min_digits <= max_digits <= 6")
        expect(bool(self.targets) and all(1 <= t <= 1000 for t in self.targets), "targets in [1, 1000]")

    def generate(self, rng: np.random.Generator) -> Problem:
        """Draw digits and a random expression over them until it hits a target."""
        size = randint(rng, self.min_digits, self.max_digits)
        while True:
            digits = rng.integers(1, 10, size=size).tolist()
            terms = [(Fraction(d), str(d)) for d in digits]
            while len(terms) > 1:
                i = int(rng.integers(len(terms) - 1))
                symbol = choose(rng, "+-*" if terms[i + 1][0] == 0 else "+-*/")
                value = _OPERATIONS[symbol](terms[i][0], terms[i + 1][0])
                terms[i : i + 2] = [(value, f"({terms[i][1]} {symbol} {terms[i + 1][1]})")]
            value, text = terms[0]
            if value in self.targets:
                break
        data = {"numbers": digits, "target": int(value)}
        prompt = (
            f"Insert the operators + - * / and brackets between these digits, keeping them in this order and using "
            f"each exactly once, so that the expression equals {data['target']}: {' '.join(map(str, digits))}\n"
            "Digits may not be joined to longer numbers, and there is an operator between any two neighbours.\n"
            "Write the expression, without an equals sign, as <<<expression>>>."
        )
        return Problem(prompt, text[1:-1], data)

    def check(self, problem: Problem, value: Expression) -> str:
        """The digits must stand in order, and the value must be the target exactly."""
        return complaint(value, problem.data, ordered=True)

    def solve(self, problem: Problem) -> str:
        """Search all expressions by dynamic programming over intervals."""
        found = reach_in_order(problem.data["numbers"], problem.data["target"])
        assert found is not None  # the generator saw a solution
        return found
