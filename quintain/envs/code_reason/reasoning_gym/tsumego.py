"""Tsumego: the move that captures most stones on a Go board. Our own generator; every best move is right."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, TypeAlias

import numpy as np

from quintain.envs.text.draws import choose, randint
from quintain.envs.text.task import Malformed, Problem, Task, expect

__all__ = ["Tsumego"]

Point: TypeAlias = tuple[int, int]

_COLUMNS = "ABCDEFGHJKLMNOPQRST"  # Go boards have no column I


@dataclass(frozen=True)
class Tsumego(Task[Point]):
    """Black X to play on a random position; asked is a move that captures as many white stones O as any other.

    Attributes:
        size: Number of rows and of columns of the board, in [4, 19]. Default: 9.
        percent: Percentage of points with a stone, in [20, 75]. Default: 55.
        min_captured: Minimum number of stones that the best move captures, in [1, 4]. Default: 2.
    """

    LEVELS: ClassVar = {"easy": {"size": 5, "min_captured": 1}, "hard": {"size": 13}}

    size: int = 9
    percent: int = 55
    min_captured: int = 2

    def __post_init__(self) -> None:
        """Check the parameters."""
        expect(4 <= self.size <= 19, "size in [4, 19]")
        expect(20 <= self.percent <= 75, "percent in [20, 75]")
        expect(1 <= self.min_captured <= 4, "min_captured in [1, 4]")

    def generate(self, rng: np.random.Generator) -> Problem:
        """Place stones at random, take off those without liberties, until the best move captures enough."""
        while True:
            density = randint(rng, 40, self.percent) if self.percent > 40 else self.percent
            marks = rng.random((self.size, self.size)) * 100
            rows = [
                "".join("." if mark >= density else "X" if mark < 0.56 * density else "O" for mark in line)
                for line in marks.tolist()
            ]
            rows = _without_dead(rows)
            captures = _captures(rows)
            best = max(captures.values(), default=0)
            if best >= self.min_captured:
                break
        move = choose(rng, sorted(point for point, count in captures.items() if count == best))
        header = "   " + " ".join(_COLUMNS[: self.size])
        board = "\n".join(f"{self.size - r:2} {' '.join(row)}" for r, row in enumerate(rows))
        prompt = (
            f"A Go position (X black, O white, . empty):\n{header}\n{board}\n"
            "Black plays one stone. A group of white stones is captured when it has no empty point next to it any "
            "more. Which move captures the most white stones at once? Write column and row, as <<<column and row>>>, "
            "such as the letter, then the number, without a space."
        )
        return Problem(prompt, self._write(move), {"rows": rows})

    def _write(self, point: Point) -> str:
        return f"{_COLUMNS[point[1]]}{self.size - point[0]}"

    def parse(self, text: str) -> Point:
        """Read a point; rows are counted from the bottom."""
        match = re.fullmatch(r"([A-HJ-Ta-hj-t])\s?([1-9][0-9]?)", text)
        if match is None:
            raise Malformed("expected a point such as C4")
        return self.size - int(match[2]), _COLUMNS.index(match[1].upper())

    def render(self, value: Point) -> str:
        """Write column and row."""
        return self._write(value)

    def check(self, problem: Problem, value: Point) -> str:
        """An empty point, and no other captures more."""
        captures = _captures(problem.data["rows"])
        if value not in captures:
            return "this move captures nothing"
        best = max(captures.values())
        return "" if captures[value] == best else f"this move captures {captures[value]}, another one {best}"

    def solve(self, problem: Problem) -> str:
        """Try all points."""
        captures = _captures(problem.data["rows"])
        return self.render(max(sorted(captures), key=lambda point: captures[point]))


def _groups(rows: Sequence[str]) -> list[tuple[str, set[Point], set[Point]]]:
    """List groups with their colour, their stones and their liberties."""
    groups = []
    seen: set[Point] = set()
    for r, row in enumerate(rows):
        for c, colour in enumerate(row):
            if colour == "." or (r, c) in seen:
                continue
            stones, liberties, todo = {(r, c)}, set(), [(r, c)]
            while todo:
                y, x = todo.pop()
                for j, i in ((y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)):
                    if 0 <= j < len(rows) and 0 <= i < len(row):
                        if rows[j][i] == ".":
                            liberties.add((j, i))
                        elif rows[j][i] == colour and (j, i) not in stones:
                            stones.add((j, i))
                            todo.append((j, i))
            seen |= stones
            groups.append((colour, stones, liberties))
    return groups


def _without_dead(rows: Sequence[str]) -> list[str]:
    dead = {point for _, stones, liberties in _groups(rows) if not liberties for point in stones}
    return ["".join("." if (r, c) in dead else mark for c, mark in enumerate(row)) for r, row in enumerate(rows)]


def _captures(rows: Sequence[str]) -> dict[Point, int]:
    """Count, for every point that captures, the white stones whose last liberty it is."""
    counts: dict[Point, int] = {}
    for colour, stones, liberties in _groups(rows):
        if colour == "O" and len(liberties) == 1:
            (point,) = liberties
            counts[point] = counts.get(point, 0) + len(stones)
    return counts
