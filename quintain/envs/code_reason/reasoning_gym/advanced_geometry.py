"""Orthocenters, inscribed circles and angles of triangles whose vertices have integer coordinates."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, ClassVar, TypeAlias

import numpy as np

from quintain.envs.text.answers import parse_number
from quintain.envs.text.draws import choose, randint
from quintain.envs.text.task import ExactTask, Malformed, expect

__all__ = ["AdvancedGeometry"]

_QUESTIONS = {
    "orthocenter": ("Find its orthocenter, the point where its altitudes meet.", "(x, y)"),
    "inradius": ("Find the radius of the circle inscribed in it.", "number"),
    "angle": ("Find its angle at B, in degrees.", "number"),
}

_Corners: TypeAlias = list[list[int]]


@dataclass(frozen=True)
class AdvancedGeometry(ExactTask[list[Fraction]]):
    """Find the orthocenter, the radius of the inscribed circle or an angle of a triangle, to three decimal places.

    Differences from reasoning-gym: all answers have three decimal places (in reasoning-gym, angles have two although
    the question asks for three), an answer is correct within 0.0005, and items are generated without SymPy.

    Attributes:
        max_coordinate: Maximum absolute value of a vertex's coordinate, in [2, 10000]. Default: 10.
    """

    LEVELS: ClassVar = {"easy": {"max_coordinate": 5}, "hard": {"max_coordinate": 100}}

    max_coordinate: int = 10

    def __post_init__(self) -> None:
        """Check the parameters."""
        expect(2 <= self.max_coordinate <= 10_000, "max_coordinate in [2, 10000]")

    def draw(self, rng: np.random.Generator) -> dict[str, Any]:
        """Draw a non-degenerate triangle and one of the three questions."""
        bound = self.max_coordinate
        while True:
            corners = [[randint(rng, -bound, bound) for _ in range(2)] for _ in range(3)]
            if _twice_area(corners):
                return {"corners": corners, "asked": choose(rng, list(_QUESTIONS))}

    def ask(self, data: Mapping[str, Any]) -> str:
        """Write the vertices and the question."""
        corners = ", ".join(f"{name} = ({x}, {y})" for name, (x, y) in zip("ABC", data["corners"], strict=True))
        question, form = _QUESTIONS[data["asked"]]
        return (
            f"A triangle has the corners {corners}. {question}\nRound to three decimal places and write the answer as "
            f"<<<{form}>>>."
        )

    def find(self, data: Mapping[str, Any]) -> list[Fraction]:
        """Compute the answer, rounded to three decimal places."""
        corners = data["corners"]
        if data["asked"] == "orthocenter":
            return [_rounded(coordinate) for coordinate in _orthocenter(corners)]
        return [_rounded(Fraction(_inradius(corners) if data["asked"] == "inradius" else _angle(corners)))]

    def parse(self, text: str) -> list[Fraction]:
        """Read a number, or a point written ``(x, y)``."""
        if not text.startswith("("):
            return [parse_number(text)]
        parts = text.removeprefix("(").removesuffix(")").split(",")
        if len(parts) != 2 or not text.endswith(")"):
            raise Malformed("expected a number, or a point (x, y)")
        return [parse_number(part) for part in parts]

    def render(self, value: list[Fraction]) -> str:
        """Write a number with three decimal places, or a point as ``(x, y)``."""
        texts = [_fixed(number) for number in value]
        return texts[0] if len(texts) == 1 else f"({', '.join(texts)})"

    def same(self, value: list[Fraction], right: list[Fraction]) -> bool:
        """Compare with a tolerance of 0.0005, so that both rounded and unrounded answers are accepted."""
        return len(value) == len(right) and all(
            abs(a - b) <= Fraction(1, 2000) for a, b in zip(value, right, strict=True)
        )


def _fixed(number: Fraction) -> str:
    """Write a number with three decimal places, or as a fraction ``p/q`` if that would not be exact."""
    scaled = number * 1000
    if scaled.denominator != 1:
        return str(number)
    whole, thousandths = divmod(abs(scaled.numerator), 1000)
    return f"{'-' if scaled < 0 else ''}{whole}.{thousandths:03d}"


def _rounded(number: Fraction) -> Fraction:
    return Fraction(math.floor(abs(number) * 1000 + Fraction(1, 2)), 1000) * (-1 if number < 0 else 1)


def _twice_area(corners: _Corners) -> int:
    (ax, ay), (bx, by), (cx, cy) = corners
    return abs((bx - ax) * (cy - ay) - (cx - ax) * (by - ay))


def _orthocenter(corners: _Corners) -> tuple[Fraction, Fraction]:
    """Solve (H - A) . (C - B) = 0 and (H - B) . (C - A) = 0."""
    (ax, ay), (bx, by), (cx, cy) = corners
    ux, uy, vx, vy = cx - bx, cy - by, cx - ax, cy - ay
    p, q = ax * ux + ay * uy, bx * vx + by * vy
    determinant = ux * vy - uy * vx
    return Fraction(p * vy - q * uy, determinant), Fraction(q * ux - p * vx, determinant)


def _inradius(corners: _Corners) -> float:
    """Divide twice the area by the perimeter."""
    a, b, c = corners
    return _twice_area(corners) / (math.dist(a, b) + math.dist(b, c) + math.dist(c, a))


def _angle(corners: _Corners) -> float:
    """Give the angle between BA and BC in degrees."""
    (ax, ay), (bx, by), (cx, cy) = corners
    dot = (ax - bx) * (cx - bx) + (ay - by) * (cy - by)
    return math.degrees(math.atan2(_twice_area(corners), dot))
