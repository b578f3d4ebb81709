"""Logic puzzle: choose cells of a grid under a rule for its rows and columns (SymBench)."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import ClassVar, TypeAlias

import numpy as np

from quintain.envs.text.answers import parse_integer_grid
from quintain.envs.text.draws import randint, sample, shuffled
from quintain.envs.text.task import Malformed, Problem, Task, expect

__all__ = ["LogicPuzzle"]

Grid: TypeAlias = list[list[int]]
Cells: TypeAlias = list[list[int]]

_LIMIT = 4


@dataclass(frozen=True)
class LogicPuzzle(Task[Cells]):
    """Choose a given number of cells, the top-right one among them.

    In small grids (side <= 5) the chosen numbers of every row and column must add up to at most 4; in larger ones their
    product must be positive wherever any are chosen.

    Differences from the released judge: answers are cells, they must differ, and the top-right one must be chosen.

    Attributes:
        min_size: Minimum number of rows and columns, in [2, ``max_size``]. Default: 3.
        max_size: Maximum number of rows and columns, in [``min_size``, 10]. Default: 8.
    """

    LEVELS: ClassVar = {"easy": {"min_size": 2, "max_size": 4}, "hard": {"min_size": 8, "max_size": 10}}

    min_size: int = 3
    max_size: int = 8

    def __post_init__(self) -> None:
        """Check the parameters."""
        expect(2 <= self.min_size <= self.max_size <= 10, "2 <= min_size <= max_size <= 10")

    def generate(self, rng: np.random.Generator) -> Problem:
        """Draw a grid around a choice of cells that keeps the rule."""
        n = randint(rng, self.min_size, self.max_size)
        if n <= 5:
            grid = rng.integers(1, 5, size=(n, n)).tolist()
            chosen = _greedy_sum(grid, shuffled(rng, [[r, c] for r in range(n) for c in range(n)]))
        else:
            signs = rng.choice((1, -1), size=(n, n)).tolist()
            grid = [[sign * randint(rng, 1, 9) for sign in row] for row in signs]
            top, bottom = 0, randint(rng, 1, n - 1)
            left, right = randint(rng, 0, n - 2), n - 1
            if grid[0][n - 1] > 0 and n > 2:  # the rectangle of negative numbers may be anywhere
                top, bottom = sorted(sample(rng, range(n), 2))
                left, right = sorted(sample(rng, range(n - 1), 2))
            rectangle = [[r, c] for r in (top, bottom) for c in (left, right)]
            for r, c in rectangle:
                grid[r][c] = -abs(grid[r][c])
            chosen = rectangle + [[r, c] for r in range(n) for c in range(n) if grid[r][c] > 0]
        rule = (
            f"in every row and every column the chosen numbers add up to at most {_LIMIT}"
            if n <= 5
            else "in every row and every column that has chosen numbers, their product is greater than 0"
        )
        rows = "\n".join(" ".join(map(str, row)) for row in grid)
        prompt = (
            f"Choose exactly {len(chosen)} different cells of this {n}x{n} grid so that {rule}. The cell in the top "
            f"right corner must be among them.\n{rows}\n"
            "Rows and columns are counted from 0 at the top left. Write the cells as "
            "<<<[[row1, column1], [row2, column2], ...]>>>."
        )
        return Problem(prompt, str(sorted(chosen)), {"grid": grid, "count": len(chosen)})

    def parse(self, text: str) -> Cells:
        """Read pairs of integers."""
        cells = parse_integer_grid(text)
        if not cells or any(len(cell) != 2 for cell in cells):
            raise Malformed("expected cells [row, column]")
        return cells

    def check(self, problem: Problem, value: Cells) -> str:
        """The count, the corner, different cells on the grid, and the rule."""
        grid, n = problem.data["grid"], len(problem.data["grid"])
        if len(value) != problem.data["count"]:
            return f"choose {problem.data['count']} cells, not {len(value)}"
        if any(not 0 <= x < n for cell in value for x in cell):
            return f"rows and columns run from 0 to {n - 1}"
        if len({tuple(cell) for cell in value}) < len(value):
            return "a cell is chosen twice"
        if [0, n - 1] not in value:
            return "the cell in the top right corner is not chosen"
        for axis, kind in enumerate(("row", "column")):
            for line in range(n):
                numbers = [grid[r][c] for r, c in value if (r, c)[axis] == line]
                if n <= 5 and sum(numbers) > _LIMIT:
                    return f"{kind} {line} adds up to {sum(numbers)}"
                if n > 5 and sum(number < 0 for number in numbers) % 2:
                    return f"the product in {kind} {line} is negative"
        return ""

    def solve(self, problem: Problem) -> str:
        """Search; for products, positive numbers and one rectangle of negative ones suffice."""
        grid, count, n = problem.data["grid"], problem.data["count"], len(problem.data["grid"])
        corner = [0, n - 1]
        if n <= 5:
            return str(_search_sum(grid, count))
        positive = [[r, c] for r in range(n) for c in range(n) if grid[r][c] > 0]
        for top, bottom in combinations(range(n), 2):
            for left, right in combinations(range(n), 2):
                rectangle = [[r, c] for r in (top, bottom) for c in (left, right)]
                if all(grid[r][c] < 0 for r, c in rectangle) and (corner in positive or corner in rectangle):
                    ordered = sorted(positive, key=lambda cell: cell != corner)
                    return str(sorted(rectangle + ordered[: count - 4]))
        raise AssertionError("puzzles are made with a rectangle of negative numbers")


def _greedy_sum(grid: Grid, order: Cells) -> Cells:
    n = len(grid)
    rows, columns = [0] * n, [0] * n
    chosen = []
    for r, c in [[0, n - 1], *order]:
        if [r, c] not in chosen and rows[r] + grid[r][c] <= _LIMIT and columns[c] + grid[r][c] <= _LIMIT:
            chosen.append([r, c])
            rows[r] += grid[r][c]
            columns[c] += grid[r][c]
    return chosen


def _search_sum(grid: Grid, count: int) -> Cells:
    """Choose cells by depth-first search, small numbers first."""
    n = len(grid)
    cells = sorted(([r, c] for r in range(n) for c in range(n)), key=lambda cell: grid[cell[0]][cell[1]])
    cells.remove([0, n - 1])
    rows, columns = [0] * n, [0] * n
    rows[0] = columns[n - 1] = grid[0][n - 1]
    chosen: Cells = [[0, n - 1]]

    def search(i: int) -> bool:
        if len(chosen) == count:
            return True
        if len(chosen) + len(cells) - i < count:
            return False
        r, c = cells[i]
        number = grid[r][c]
        if rows[r] + number <= _LIMIT and columns[c] + number <= _LIMIT:
            chosen.append([r, c])
            rows[r] += number
            columns[c] += number
            if search(i + 1):
                return True
            chosen.pop()
            rows[r] -= number
            columns[c] -= number
        return search(i + 1)

    search(0)
    return sorted(chosen)
