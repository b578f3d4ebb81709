"""Continuous path planning: visit boxes in order and avoid others (SymBench, text-or-code steering set)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Any, ClassVar, TypeAlias

import numpy as np

from quintain.envs.text.answers import parse_grid, parse_number
from quintain.envs.text.draws import randint, sample
from quintain.envs.text.task import Malformed, Problem, Task, expect

__all__ = ["PathPlanContinuous"]

Point: TypeAlias = tuple[Fraction, Fraction]
#: Left, bottom, right, top.
Box: TypeAlias = tuple[Fraction, Fraction, Fraction, Fraction]

_COLOURS = ("red", "yellow", "green", "blue", "purple", "orange", "pink")
_EDGE = Fraction(3, 2)
_MAX_POINTS = 200


@dataclass(frozen=True)
class PathPlanContinuous(Task[list[Point]]):
    """A polyline in [-1.5, 1.5]^2 from a start to an end through some of seven boxes, in order, past others.

    Differences from the released judge: the order of the visits is checked; points are computed with exactly. The
    original has ten fixed instructions in one fixed scene; here scene and instruction are drawn.

    Attributes:
        max_visits: Maximum number of boxes to visit, in [1, 5]. Default: 3.
        max_avoided: Maximum number of boxes to avoid, in [0, 4]. Default: 2.
    """

    LEVELS: ClassVar = {"easy": {"max_visits": 1, "max_avoided": 1}, "hard": {"max_visits": 4, "max_avoided": 3}}

    max_visits: int = 3
    max_avoided: int = 2

    def __post_init__(self) -> None:
        """Check the parameters."""
        expect(1 <= self.max_visits <= 5, "max_visits in [1, 5]")
        expect(0 <= self.max_avoided <= 4, "max_avoided in [0, 4]")
        expect(self.max_visits + self.max_avoided <= 7, "at most 7 boxes in all")

    def generate(self, rng: np.random.Generator) -> Problem:
        """Put seven boxes and the two ends into the cells of a 3x3 grid, away from the cells' edges."""
        cells = sample(rng, [(x, y) for x in (-1, 0, 1) for y in (-1, 0, 1)], 9)
        boxes = {}
        for colour, (x, y) in zip(_COLOURS, cells, strict=False):
            half_width, half_height = randint(rng, 8, 24), randint(rng, 8, 24)
            left = 100 * x + randint(rng, -10, 10)
            bottom = 100 * y + randint(rng, -10, 10)
            boxes[colour] = [left - half_width, bottom - half_height, left + half_width, bottom + half_height]
        start, end = ([100 * x + randint(rng, -30, 30), 100 * y + randint(rng, -30, 30)] for x, y in cells[7:])
        named = sample(rng, _COLOURS, 7)
        visits = randint(rng, 1, self.max_visits)
        data: dict[str, Any] = {
            "boxes": {colour: [_decimal(v) for v in box] for colour, box in boxes.items()},
            "start": [_decimal(v) for v in start],
            "end": [_decimal(v) for v in end],
            "visit": named[:visits],
            "avoid": named[visits : visits + randint(rng, 0, self.max_avoided)],
        }
        lines = "\n".join(
            f"{colour}: x from {left} to {right}, y from {bottom} to {top}"
            for colour, (left, bottom, right, top) in data["boxes"].items()
        )
        avoid = f" Never touch the {' or the '.join(data['avoid'])} box." if data["avoid"] else ""
        prompt = (
            f"A square arena has walls at x = -1.5, x = 1.5, y = -1.5 and y = 1.5, and seven boxes:\n{lines}\n"
            f"Plan a path of straight segments from ({', '.join(data['start'])}) to ({', '.join(data['end'])}) that "
            f"stays within the walls and visits the boxes {', '.join(data['visit'])}, in this order (other boxes may "
            f"be crossed at any time; visiting means touching the box or going through it).{avoid}\n"
            "Write the corners of the path, the start and the end included, as <<<[[x1, y1], [x2, y2], ...]>>>."
        )
        return Problem(prompt, self.render(_plan(data)), data)

    def parse(self, text: str) -> list[Point]:
        """Read pairs of numbers."""
        rows = parse_grid(text)
        if not 2 <= len(rows) <= _MAX_POINTS or any(len(row) != 2 for row in rows):
            raise Malformed(f"expected 2 to {_MAX_POINTS} points [x, y]")
        return [(parse_number(x), parse_number(y)) for x, y in rows]

    def render(self, value: list[Point]) -> str:
        """Write decimals."""
        return "[" + ", ".join(f"[{float(x):.12g}, {float(y):.12g}]" for x, y in value) + "]"

    def check(self, problem: Problem, value: list[Point]) -> str:
        """Ends, walls, boxes to avoid, and visits in order."""
        data = problem.data
        if value[0] != _point(data["start"]) or value[-1] != _point(data["end"]):
            return "the path must begin at the start and finish at the end"
        if any(abs(v) > _EDGE for point in value for v in point):
            return "the path leaves the arena"
        segments = list(pairwise(value))
        for colour in data["avoid"]:
            if any(_span(segment, _box(data, colour)) for segment in segments):
                return f"the path touches the {colour} box"
        at = (0, Fraction(0))
        for colour in data["visit"]:
            for i in range(at[0], len(segments)):
                span = _span(segments[i], _box(data, colour))
                earliest = at[1] if i == at[0] else Fraction(0)
                if span and span[1] >= earliest:
                    at = (i, max(span[0], earliest))
                    break
            else:
                return f"the path does not visit the {colour} box in its turn"
        return ""

    def solve(self, problem: Problem) -> str:
        """Go from box to box along the aisles between the cells, which no box reaches."""
        return self.render(_plan(problem.data))


def _decimal(hundredths: int) -> str:
    return f"{hundredths / 100:.2f}"


def _point(pair: Sequence[str]) -> Point:
    return Fraction(pair[0]), Fraction(pair[1])


def _box(data: Mapping[str, Any], colour: str) -> Box:
    left, bottom, right, top = (Fraction(v) for v in data["boxes"][colour])
    return left, bottom, right, top


def _span(segment: tuple[Point, Point], box: Box) -> tuple[Fraction, Fraction] | None:
    """Clip a segment to a closed box: the parameters in [0, 1] where it enters and leaves, or ``None``."""
    enter, leave = Fraction(0), Fraction(1)
    for axis in (0, 1):
        a, b = segment[0][axis], segment[1][axis]
        low, high = box[axis], box[axis + 2]
        if a == b:
            if not low <= a <= high:
                return None
            continue
        t, u = sorted(((low - a) / (b - a), (high - a) / (b - a)))
        enter, leave = max(enter, t), min(leave, u)
    return (enter, leave) if enter <= leave else None


def _plan(data: Mapping[str, Any]) -> list[Point]:
    """Leave every cell along its middle line to an aisle at x = -0.5 or 0.5, and change aisles at y = -0.5 or 0.5."""
    stops = [_point(data["start"])]
    for colour in data["visit"]:
        left, bottom, right, top = _box(data, colour)
        stops.append(((left + right) / 2, (bottom + top) / 2))
    stops.append(_point(data["end"]))
    half = Fraction(1, 2)
    path = [stops[0]]
    for (x, y), (u, v) in pairwise(stops):
        out, into = (half if x > 0 else -half), (half if u > 0 else -half)
        cross = half if y + v > 0 else -half
        path += [(out, y), (out, cross), (into, cross), (into, v), (u, v)]
    return path
