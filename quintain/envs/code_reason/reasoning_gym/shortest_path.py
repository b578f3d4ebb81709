"""Shortest path: from start to goal through a grid. Our own generator; every shortest path is right."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from quintain.envs.text.answers import parse_words
from quintain.envs.text.draws import randint, sample
from quintain.envs.text.task import Malformed, Problem, Task, expect

__all__ = ["ShortestPath"]

_STEPS = {"up": (-1, 0), "down": (1, 0), "left": (0, -1), "right": (0, 1)}
_NONE = "infeasible"


@dataclass(frozen=True)
class ShortestPath(Task[list[str]]):
    """Open cells O, blocked cells X, start * and goal #. One problem in five has no path.

    Attributes:
        min_size: Minimum number of rows and columns, in [2, ``max_size``]. Default: 5.
        max_size: Maximum number of rows and columns, in [``min_size``, 40]. Default: 8.
        percent: Percentage of blocked cells, in [10, 60]. Default: 35.
    """

    LEVELS: ClassVar = {"easy": {"min_size": 3, "max_size": 4}, "hard": {"min_size": 12, "max_size": 20}}

    min_size: int = 5
    max_size: int = 8
    percent: int = 35

    def __post_init__(self) -> None:
        """Check the parameters."""
        expect(2 <= self.min_size <= self.max_size <= 40, "2 <= min_size <= max_size <= 40")
        expect(10 <= self.percent <= 60, "percent in [10, 60]")

    def generate(self, rng: np.random.Generator) -> Problem:
        """Decide first whether there is a path, then draw grids until that is so."""
        feasible = rng.random() < 0.8
        while True:
            height, width = (randint(rng, self.min_size, self.max_size) for _ in range(2))
            blocked = (100 * rng.random((height, width)) < self.percent).tolist()
            grid = [["X" if block else "O" for block in row] for row in blocked]
            ends = sample(rng, [(r, c) for r in range(height) for c in range(width)], 2)
            for (r, c), mark in zip(ends, "*#", strict=True):
                grid[r][c] = mark
            rows = ["".join(row) for row in grid]
            path = _search(rows)
            if (path is not None) == feasible:
                break
        shown = "\n".join(" ".join(row) for row in rows)
        prompt = (
            f"In this grid, O is an open cell, X a blocked cell, * the start and # the goal:\n{shown}\n"
            "Give a shortest path from the start to the goal that avoids blocked cells, moving up, down, left or "
            f"right. Write the moves separated by spaces, <<<move1 move2 ...>>>, or the word {_NONE} between the "
            "markers if there is none."
        )
        return Problem(prompt, self.render(path or [_NONE]), {"rows": rows})

    def parse(self, text: str) -> list[str]:
        """Read moves separated by spaces or commas."""
        moves = parse_words(text.lower())
        if moves != [_NONE] and (not moves or any(move not in _STEPS for move in moves)):
            raise Malformed(f"expected moves up, down, left, right, or {_NONE}")
        return moves

    def render(self, value: list[str]) -> str:
        """Write the moves separated by spaces."""
        return " ".join(value)

    def check(self, problem: Problem, value: list[str]) -> str:
        """Walk; the path must be as short as the shortest."""
        rows = problem.data["rows"]
        shortest = _search(rows)
        if shortest is None or value == [_NONE]:
            return "" if shortest is None and value == [_NONE] else f"there is {'no' if shortest is None else 'a'} path"
        if len(value) != len(shortest):
            return f"{len(value)} moves, where {len(shortest)} are needed"
        r, c = _find(rows, "*")
        for number, move in enumerate(value, 1):
            r, c = r + _STEPS[move][0], c + _STEPS[move][1]
            if not (0 <= r < len(rows) and 0 <= c < len(rows[0])) or rows[r][c] == "X":
                return f"move {number} leads off the grid or into a blocked cell"
        return "" if rows[r][c] == "#" else "the moves do not end at the goal"

    def solve(self, problem: Problem) -> str:
        """Search breadth first."""
        return self.render(_search(problem.data["rows"]) or [_NONE])


def _find(rows: Sequence[str], mark: str) -> tuple[int, int]:
    return next((r, row.index(mark)) for r, row in enumerate(rows) if mark in row)


def _search(rows: Sequence[str]) -> list[str] | None:
    start = _find(rows, "*")
    came: dict[tuple[int, int], tuple[tuple[int, int], str] | None] = {start: None}
    queue = deque([start])
    while queue:
        cell = queue.popleft()
        if rows[cell[0]][cell[1]] == "#":
            moves = []
            while (step := came[cell]) is not None:
                cell, move = step
                moves.append(move)
            return moves[::-1]
        for move, (dr, dc) in _STEPS.items():
            r, c = cell[0] + dr, cell[1] + dc
            if 0 <= r < len(rows) and 0 <= c < len(rows[0]) and rows[r][c] != "X" and (r, c) not in came:
                came[r, c] = (cell, move)
                queue.append((r, c))
    return None
