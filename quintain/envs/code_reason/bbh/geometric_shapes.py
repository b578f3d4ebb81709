"""Geometric shapes: name the shape that an SVG path draws (Big-Bench-Hard)."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, TypeAlias

import numpy as np

from quintain.envs.code_reason.bbh._choices import ChoiceTask
from quintain.envs.text.draws import choose, randint, shuffled
from quintain.envs.text.task import expect

__all__ = ["GeometricShapes"]

Point: TypeAlias = tuple[int, int]

_POLYGONS = {3: "triangle", 5: "pentagon", 6: "hexagon", 7: "heptagon", 8: "octagon"}
_SHAPES = ("circle", "heptagon", "hexagon", "kite", "line", "octagon", "pentagon", "rectangle", "sector", "triangle")


@dataclass(frozen=True)
class GeometricShapes(ChoiceTask):
    """Ten shapes with integer corners. No kite has a right angle here.

    Attributes:
        extent: Width and height of the drawing, in [20, 1000]. Default: 100.
    """

    LEVELS: ClassVar = {"easy": {"extent": 30}, "hard": {"extent": 500}}

    extent: int = 100

    def __post_init__(self) -> None:
        """Check the parameters."""
        expect(20 <= self.extent <= 1000, "extent in [20, 1000]")

    def draw(self, rng: np.random.Generator) -> dict[str, Any]:
        """Draw shapes until the path is of the wanted one."""
        wanted = choose(rng, _SHAPES)
        while True:
            path = _path(rng, wanted, self.extent)
            if _classify(path) == wanted:
                return {"path": path, "options": shuffled(rng, _SHAPES)}

    def question(self, data: Mapping[str, Any]) -> str:
        """Show the path."""
        return f'This SVG path element <path d="{data["path"]}"/> draws which shape?'

    def right(self, data: Mapping[str, Any]) -> str:
        """Classify the path."""
        return _classify(data["path"])


def _path(rng: np.random.Generator, shape: str, extent: int) -> str:
    x, y = randint(rng, 0, extent), randint(rng, 0, extent)
    radius = randint(rng, 5, extent // 3)
    if shape == "circle":
        far = f"{x + 2 * radius},{y}"
        return f"M {x},{y} A {radius},{radius} 0 1,1 {far} A {radius},{radius} 0 1,1 {x},{y}"
    if shape == "sector":
        return f"M {x},{y} L {x + radius},{y} A {radius},{radius} 0 0,1 {x},{y + radius} L {x},{y}"
    if shape == "line":
        return f"M {x},{y} L {x + radius},{y + randint(rng, -20, 20)}"
    a, b = randint(rng, 1, extent // 6 + 1), randint(rng, 0, extent // 6 + 1)
    if shape == "rectangle":
        k = randint(rng, 1, 3)
        points = [(x, y), (x + a, y + b), (x + a - k * b, y + b + k * a), (x - k * b, y + k * a)]
    elif shape == "kite":
        k, m = randint(rng, 1, 2), randint(rng, 3, 5)
        points = [(x, y), (x + k * a - b, y + k * b + a), (x + m * a, y + m * b), (x + k * a + b, y + k * b - a)]
    else:
        corners = next(n for n, name in _POLYGONS.items() if name == shape)
        angles = sorted(rng.random(corners) * 2 * math.pi)
        size = extent / 2
        points = [(round(x + size * math.cos(t)), round(y + size * math.sin(t))) for t in angles]
    return "M " + " L ".join(f"{px},{py}" for px, py in [*points, points[0]])


def _classify(path: str) -> str:
    """Name the shape; an empty string for none of the ten."""
    points = [(int(x), int(y)) for x, y in re.findall(r"[ML] (-?\d+),(-?\d+)", path)]
    arcs = path.count("A")
    if arcs:
        return "circle" if arcs == 2 else "sector"
    if len(points) == 2:
        return "line" if points[0] != points[1] else ""
    corners = points[:-1]
    if len(set(corners)) < len(corners) or any(_turn(corners, i) == 0 for i in range(len(corners))):
        return ""
    if len(corners) == 4:
        sides = [math.dist(corners[i], corners[(i + 1) % 4]) ** 2 for i in range(4)]
        a, b, c, d = (round(side) for side in sides)
        right_angles = sum(_dot(corners, i) == 0 for i in range(4))
        if right_angles == 4:
            return "rectangle"
        kite = (a == b and c == d and b != c) or (b == c and d == a and a != b)
        return "kite" if kite and right_angles == 0 else ""
    return _POLYGONS.get(len(corners), "")


def _around(corners: Sequence[Point], i: int) -> tuple[Point, Point]:
    (ax, ay), (bx, by), (cx, cy) = corners[i - 1], corners[i], corners[(i + 1) % len(corners)]
    return (bx - ax, by - ay), (cx - bx, cy - by)


def _turn(corners: Sequence[Point], i: int) -> int:
    (a, b), (c, d) = _around(corners, i)
    return a * d - b * c


def _dot(corners: Sequence[Point], i: int) -> int:
    (a, b), (c, d) = _around(corners, i)
    return a * c + b * d
