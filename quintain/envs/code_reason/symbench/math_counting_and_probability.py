"""Counting and probability problems with exact answers.

In the place of the counting and probability part of MATH in SymBench, whose items (Hendrycks et al. 2021, arXiv
2103.03874) are not reproduced: the templates are our own and every number is drawn.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import comb, factorial, perm
from typing import Any, ClassVar

import numpy as np

from quintain.envs.code_reason.symbench._templates import Template, answer, draw, text
from quintain.envs.text.forms import NumberTask
from quintain.envs.text.task import expect

__all__ = ["MathCountingAndProbability"]


def _no_two_ones(n: int) -> int:
    """Count binary strings without two neighbouring ones: a Fibonacci number."""
    a, b = 1, 2
    for _ in range(n - 1):
        a, b = b, a + b
    return b


def _dice_sum(n: int, s: int) -> Fraction | None:
    """Give the probability that n dice show the sum s."""
    ways = {0: 1}
    for _ in range(n):
        after: dict[int, int] = {}
        for total, count in ways.items():
            for face in range(1, 7):
                after[total + face] = after.get(total + face, 0) + count
        ways = after
    return Fraction(ways[s], 6**n) if s in ways else None


def _divisors(a: int, b: int, c: int) -> int:
    return (a + 1) * (b + 1) * (c + 1)


_TEMPLATES = (
    Template(
        "In how many ways can a committee of {k} be chosen from {n} people if two particular people refuse to serve "
        "together?",
        {"k": (2, 6), "n": (6, 25)},
        lambda k, n: comb(n, k) - comb(n - 2, k - 2) if k < n - 1 else None,
    ),
    Template(
        "A bag holds {r} red and {b} blue balls. {k} balls are drawn at random without replacement. What is the "
        "probability that exactly {j} of them are red?",
        {"r": (3, 12), "b": (3, 12), "k": (2, 6), "j": (0, 5)},
        lambda r, b, k, j: (
            Fraction(comb(r, j) * comb(b, k - j), comb(r + b, k)) if 0 <= j <= min(k, r) and k - j <= b else None
        ),
    ),
    Template(
        "In how many different orders can {a} identical red flags, {b} identical white flags and {c} identical blue "
        "flags be hung?",
        {"a": (1, 6), "b": (1, 6), "c": (1, 6)},
        lambda a, b, c: factorial(a + b + c) // (factorial(a) * factorial(b) * factorial(c)),
    ),
    Template(
        "What is the probability that {n} fair six-sided dice show the sum {s}?",
        {"n": (2, 5), "s": (3, 25)},
        _dice_sum,
    ),
    Template(
        "How many binary strings of length {n} have no two neighbouring ones?",
        {"n": (4, 40)},
        _no_two_ones,
    ),
    Template(
        "How many shortest paths along grid lines lead from (0, 0) to ({x}, {y}) through the point ({u}, {v})?",
        {"x": (4, 14), "y": (4, 14), "u": (1, 10), "v": (1, 10)},
        lambda x, y, u, v: comb(u + v, u) * comb(x - u + y - v, x - u) if u < x and v < y else None,
    ),
    Template(
        "In how many ways can {n} different books be put on a shelf if {k} of them must stand next to each other?",
        {"n": (4, 12), "k": (2, 5)},
        lambda n, k: factorial(n - k + 1) * factorial(k) if k < n else None,
    ),
    Template(
        "How many positive divisors does 2^{a} * 3^{b} * 7^{c} have?",
        {"a": (1, 15), "b": (1, 15), "c": (1, 15)},
        _divisors,
    ),
    Template(
        "A fair coin is tossed {n} times. What is the probability of at least {k} heads?",
        {"n": (4, 14), "k": (2, 12)},
        lambda n, k: Fraction(sum(comb(n, i) for i in range(k, n + 1)), 2**n) if k <= n else None,
    ),
    Template(
        "In how many ways can {n} identical sweets be given to {k} children so that every child gets at least {m}?",
        {"n": (8, 40), "k": (2, 6), "m": (1, 4)},
        lambda n, k, m: comb(n - k * m + k - 1, k - 1) if n >= k * m else None,
    ),
    Template(
        "In how many ways can {k} people sit on {n} numbered chairs in a row, no two on neighbouring chairs?",
        {"k": (2, 6), "n": (6, 20)},
        lambda k, n: perm(n - k + 1, k) if n >= 2 * k - 1 else None,
    ),
    Template(
        "How many integers from 1 to {n} are divisible by {a} or by {a} + 1?",
        {"n": (50, 5000), "a": (2, 12)},
        lambda n, a: n // a + n // (a + 1) - n // (a * (a + 1)),
    ),
)


@dataclass(frozen=True)
class MathCountingAndProbability(NumberTask):
    """Twelve templates: selections, arrangements, draws, dice, coins, paths, divisors. Probabilities are fractions.

    Differences from other numeric tasks: decimals must be right to nine places, and below 1 to
    nine significant digits, since probabilities may be small.

    Attributes:
        percent: Scale of the numbers, in percent of the default, in [40, 200]. Default: 100.
    """

    TOLERANCE: ClassVar[Fraction] = Fraction(1, 10**9)
    LEVELS: ClassVar = {"easy": {"percent": 60}, "hard": {"percent": 150}}

    percent: int = 100

    def __post_init__(self) -> None:
        """Check the parameters."""
        expect(40 <= self.percent <= 200, "percent in [40, 200]")

    def draw(self, rng: np.random.Generator) -> dict[str, Any]:
        """Draw a template and its numbers."""
        return draw(rng, _TEMPLATES, Fraction(self.percent, 100))

    def ask(self, data: Mapping[str, Any]) -> str:
        """Ask the question."""
        return text(_TEMPLATES, data) + "\nWrite the exact answer as an integer or a fraction p/q: <<<number>>>."

    def find(self, data: Mapping[str, Any]) -> Fraction:
        """Compute the answer."""
        return answer(_TEMPLATES, data)
