"""Survo: put given numbers into a table with given sums. Our own generator; any placement with these sums is right."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import ClassVar, TypeAlias

import numpy as np

from quintain.envs.text.answers import parse_integer_grid
from quintain.envs.text.draws import randint, sample
from quintain.envs.text.task import Malformed, Problem, Task, expect

__all__ = ["Survo"]

Grid: TypeAlias = list[list[int]]


@dataclass(frozen=True)
class Survo(Task[Grid]):
    """Some cells of a table are empty (0); the sums of all rows and columns are known.

    Attributes:
        size: Number of rows and of columns, in [2, 7]. Default: 4.
        max_empty: Maximum number of empty cells, in [1, 10] and less than the number of cells. Default: 6.
    """

    LEVELS: ClassVar = {"easy": {"size": 3, "max_empty": 3}, "hard": {"size": 6, "max_empty": 10}}

    size: int = 4
    max_empty: int = 6

    def __post_init__(self) -> None:
        """Check the parameters."""
        expect(2 <= self.size <= 7, "size in [2, 7]")
        expect(1 <= self.max_empty <= min(10, self.size**2 - 1), "max_empty in [1, 10], fewer than there are cells")

    def generate(self, rng: np.random.Generator) -> Problem:
        """Draw a table and empty some cells."""
        n = self.size
        full = rng.integers(1, 10, size=(n, n)).tolist()
        empty = sample(rng, range(n * n), randint(rng, 1, self.max_empty))
        table = [[0 if n * r + c in empty else full[r][c] for c in range(n)] for r in range(n)]
        data = {
            "table": table,
            "rows": [sum(row) for row in full],
            "columns": [sum(column) for column in zip(*full, strict=True)],
            "numbers": [full[cell // n][cell % n] for cell in empty],
        }
        rows = "\n".join(" ".join(map(str, row)) for row in table)
        prompt = (
            f"In this {n}x{n} table the cells with 0 are empty:\n{rows}\n"
            f"Put the numbers {', '.join(map(str, data['numbers']))} into the empty cells, each of them once, so "
            f"that the rows add up to {data['rows']} and the columns to {data['columns']}.\n"
            "Write the filled table, without the sums, as a list of rows: <<<[[x11, x12, ...], [x21, x22, ...], "
            "...]>>>."
        )
        return Problem(prompt, str(full), data)

    def parse(self, text: str) -> Grid:
        """Read rows of integers."""
        grid = parse_integer_grid(text)
        if len(grid) < 2 or any(len(row) != len(grid) for row in grid):
            raise Malformed("expected as many rows as columns")
        return grid

    def check(self, problem: Problem, value: Grid) -> str:
        """Given cells, the numbers, and the sums."""
        table = problem.data["table"]
        if len(value) != len(table):
            return f"expected {len(table)} rows"
        pairs = [
            (given, cell)
            for row, filled in zip(table, value, strict=True)
            for given, cell in zip(row, filled, strict=True)
        ]
        if any(given and given != cell for given, cell in pairs):
            return "a given number has changed"
        if Counter(cell for given, cell in pairs if not given) != Counter(problem.data["numbers"]):
            return "the empty cells do not hold the given numbers, each once"
        if [sum(row) for row in value] != problem.data["rows"]:
            return "the sums of the rows are not right"
        if [sum(column) for column in zip(*value, strict=True)] != problem.data["columns"]:
            return "the sums of the columns are not right"
        return ""

    def solve(self, problem: Problem) -> str:
        """Fill the cells one by one, checking a sum as soon as its last cell is filled."""
        table = [list(row) for row in problem.data["table"]]
        n = len(table)
        empty = [(r, c) for r in range(n) for c in range(n) if not table[r][c]]
        numbers = Counter(problem.data["numbers"])

        def fits(r: int, c: int) -> bool:
            column = [table[i][c] for i in range(n)]
            lines = ((table[r], problem.data["rows"][r]), (column, problem.data["columns"][c]))
            return all(sum(line) == wanted if 0 not in line else sum(line) < wanted for line, wanted in lines)

        def search(i: int) -> bool:
            if i == len(empty):
                return True
            r, c = empty[i]
            for number in sorted(n for n, times in numbers.items() if times):
                table[r][c] = number
                numbers[number] -= 1
                if fits(r, c) and search(i + 1):
                    return True
                numbers[number] += 1
                table[r][c] = 0
            return False

        search(0)
        return str(table)
