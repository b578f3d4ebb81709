"""Geometry problems with exact answers.

In the place of the geometry part of MATH in SymBench, whose items (Hendrycks et al. 2021, arXiv 2103.03874) are not
reproduced: the templates are our own and every number is drawn.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import gcd, isqrt
from typing import Any, ClassVar

import numpy as np

from quintain.envs.code_reason.symbench._templates import Template, answer, draw, text
from quintain.envs.text.forms import NumberTask
from quintain.envs.text.task import expect

__all__ = ["MathGeometry"]


def _root(square: int) -> int | None:
    """Take the root of a perfect square."""
    return isqrt(square) if square > 0 and isqrt(square) ** 2 == square else None


def _triangle(a: int, b: int, c: int, d: int, e: int, f: int) -> Fraction | None:
    twice = abs((c - a) * (f - b) - (e - a) * (d - b))
    return Fraction(twice, 2) if twice else None


def _quadrilateral(a: int, b: int, c: int, d: int) -> Fraction | None:
    """Give the largest angle, if all are below 180 degrees."""
    largest = Fraction((360 - d) * max(a, b, c), a + b + c)
    return max(largest, Fraction(d)) if largest < 180 and d < 180 else None


def _leg(m: int, n: int, k: int) -> int | None:
    """Give the odd leg of a Pythagorean triple by Euclid's formula."""
    return k * (m * m - n * n) if m > n else None


_TEMPLATES = (
    Template(
        "What is the area of the triangle with corners ({a}, {b}), ({c}, {d}) and ({e}, {f})?",
        dict.fromkeys("abcdef", (-20, 20)),
        _triangle,
    ),
    Template(
        "A right triangle has legs k*2*m*n and k*(m^2 - n^2) with k = {k}, m = {m} and n = {n}. How long is the "
        "hypotenuse?",
        {"k": (1, 9), "m": (2, 12), "n": (1, 11)},
        lambda k, m, n: k * (m * m + n * n) if m > n else None,
    ),
    Template(
        "The hypotenuse of a right triangle is {h} times as long as its shorter leg's third part, and the shorter leg "
        "measures {a}. What is the square of the length of the other leg?",
        {"h": (5, 20), "a": (3, 60)},
        lambda h, a: h * h * a * a // 9 - a * a if a % 3 == 0 else None,
    ),
    Template(
        "A circle has the area {k}*pi. A second circle has a radius {p} times as long. The area of the second circle "
        "is x*pi. What is x?",
        {"k": (2, 90), "p": (2, 15)},
        lambda k, p: k * p * p,
    ),
    Template(
        "Three interior angles of a convex quadrilateral are in the ratio {a} : {b} : {c}, and the fourth is {d} "
        "degrees. How many degrees is the largest of the four angles?",
        {"a": (1, 9), "b": (1, 9), "c": (1, 9), "d": (40, 150)},
        _quadrilateral,
    ),
    Template(
        "Each interior angle of a regular polygon with {n} sides measures how many degrees?",
        {"n": (5, 400)},
        lambda n: Fraction(180 * (n - 2), n),
    ),
    Template(
        "A rectangular box has a square base of side {s} and the height {h}. A straight rod reaches from one corner "
        "to the opposite corner of the box. What is the square of the rod's length?",
        {"s": (2, 60), "h": (2, 90)},
        lambda s, h: 2 * s * s + h * h,
    ),
    Template(
        "Two similar triangles have areas {p} and {q}. A side of the first is {a} long. How long is the "
        "corresponding side of the second?",
        {"p": (1, 200), "q": (1, 200), "a": (2, 40)},
        lambda p, q, a: (
            Fraction(a * isqrt(q // gcd(p, q)), isqrt(p // gcd(p, q)))
            if p != q and _root(p // gcd(p, q)) and _root(q // gcd(p, q))
            else None
        ),
    ),
    Template(
        "A trapezoid has parallel sides {a} and {b} and the height {h}. The line through the midpoints of the other "
        "two sides cuts it into two parts. What is the area of the part next to the side of length {a}?",
        {"a": (2, 60), "b": (2, 60), "h": (2, 50)},
        lambda a, b, h: Fraction((3 * a + b) * h, 8) if a != b else None,
    ),
    Template(
        "How many points with integer coordinates lie on the segment from (0, 0) to ({x}, {y}), ends included?",
        {"x": (2, 900), "y": (2, 900)},
        lambda x, y: gcd(x, y) + 1,
    ),
    Template(
        "A cone and a cylinder have equal volumes and equal base radii. The cylinder is {h} high. A pyramid whose "
        "height equals that of the cone has a square base of side {s}. What is the volume of the pyramid?",
        {"h": (2, 50), "s": (2, 40)},
        lambda h, s: h * s * s,
    ),
    Template(
        "In a right triangle with a leg of length k*(m^2 - n^2) and the hypotenuse k*(m^2 + n^2), where k = {k}, m = "
        "{m} and n = {n}, what is the radius of the inscribed circle?",
        {"k": (1, 9), "m": (2, 12), "n": (1, 11)},
        lambda k, m, n: k * n * (m - n) if _leg(m, n, k) else None,
    ),
)


@dataclass(frozen=True)
class MathGeometry(NumberTask):
    """Twelve templates: areas, angles, similarity, right triangles, solids, lattice points.

    Attributes:
        percent: Scale of the numbers, in percent of the default, in [20, 10**6]. Default: 100.
    """

    LEVELS: ClassVar = {"easy": {"percent": 50}, "hard": {"percent": 1000}}

    percent: int = 100

    def __post_init__(self) -> None:
        """Check the parameters."""
        expect(20 <= self.percent <= 10**6, "percent in [20, 10**6]")

    def draw(self, rng: np.random.Generator) -> dict[str, Any]:
        """Draw a template and its numbers."""
        return draw(rng, _TEMPLATES, Fraction(self.percent, 100))

    def ask(self, data: Mapping[str, Any]) -> str:
        """Ask the question."""
        return text(_TEMPLATES, data) + "\nWrite the exact answer as an integer or a fraction p/q: <<<number>>>."

    def find(self, data: Mapping[str, Any]) -> Fraction:
        """Compute the answer."""
        return answer(_TEMPLATES, data)
