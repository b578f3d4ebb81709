"""Sokoban: push boxes onto goals. Our own generator; any moves that do it are right."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, TypeAlias

import numpy as np

from quintain.envs.text.answers import parse_words
from quintain.envs.text.draws import choose, randint, sample
from quintain.envs.text.task import Malformed, Problem, Task, expect

__all__ = ["Sokoban"]

Cell: TypeAlias = tuple[int, int]
#: Where the player is, and where the boxes are.
State: TypeAlias = tuple[Cell, frozenset[Cell]]

_STEPS = {"U": (-1, 0), "D": (1, 0), "L": (0, -1), "R": (0, 1)}


@dataclass(frozen=True)
class Sokoban(Task[str]):
    """Walls +, floor -, player * (% on a goal), boxes @ ($ on a goal), goals X. Moves into walls are not allowed.

    Attributes:
        size: Number of rows and of columns inside the walls, in [3, 6]. Default: 4.
        boxes: Number of boxes, in [1, 3]. Default: 2.
        pulls: Number of random pulls that move boxes away from their goals in generation, in [1, 100]. Default: 8.
    """

    LEVELS: ClassVar = {"easy": {"size": 3, "boxes": 1, "pulls": 4}, "hard": {"size": 5, "boxes": 2, "pulls": 14}}

    size: int = 4
    boxes: int = 2
    pulls: int = 8

    def __post_init__(self) -> None:
        """Check the parameters."""
        expect(3 <= self.size <= 6, "size in [3, 6]")
        expect(1 <= self.boxes <= 3, "boxes in [1, 3]")
        expect(1 <= self.pulls <= 100, "pulls in [1, 100]")

    def generate(self, rng: np.random.Generator) -> Problem:
        """Play backwards: begin with the boxes on their goals and pull them away at random."""
        n = self.size
        inside = [(r, c) for r in range(1, n + 1) for c in range(1, n + 1)]
        while True:
            blocks = sample(rng, inside, randint(rng, 0, n - 2))
            floor = [cell for cell in inside if cell not in blocks]
            goals = sample(rng, floor, self.boxes)
            boxes, player = set(goals), choose(rng, [cell for cell in floor if cell not in goals])
            moves, pulls = "", 0
            for _ in range(12 * self.pulls):
                letter = choose(rng, list(_STEPS))
                back = _step(player, letter, -1)
                if back not in floor or back in boxes:
                    continue
                ahead = _step(player, letter, 1)
                if ahead in boxes and rng.random() < 0.8:
                    boxes = (boxes - {ahead}) | {player}
                    pulls += 1
                player, moves = back, letter + moves
                if pulls == self.pulls:
                    break
            if not boxes & set(goals):
                break
        rows = _draw(n, floor, goals, player, boxes)
        prompt = (
            "Solve this Sokoban puzzle: + wall, - floor, * player, % player on a goal, @ box, $ box on a goal, X "
            "goal.\n"
            + "\n".join(" ".join(row) for row in rows)
            + "\nThe player moves up, down, left or right (U, D, L, R) and pushes a box when walking into it, if the "
            "cell behind it is free. All boxes must be on goals in the end.\n"
            "Write the moves as one string of letters: <<<moves as U, D, L, R>>>."
        )
        return Problem(prompt, moves, {"rows": rows})

    def parse(self, text: str) -> str:
        """Read a string of moves."""
        words = parse_words(text.upper())
        moves = "".join(words)
        if not re.fullmatch("[UDLR]+", moves) or (len(words) > 1 and len(words) < len(moves)):
            raise Malformed("expected a string of the letters U, D, L, R")
        return moves

    def check(self, problem: Problem, value: str) -> str:
        """Walk and push."""
        floor, goals, state = _read(problem.data["rows"])
        for number, letter in enumerate(value, 1):
            after = _move(state, letter, floor)
            if after is None:
                return f"move {number}, {letter}, is blocked"
            state = after
        return "" if state[1] == goals else "not all boxes are on goals"

    def solve(self, problem: Problem) -> str:
        """Search breadth first."""
        floor, goals, start = _read(problem.data["rows"])
        came: dict[State, tuple[State, str] | None] = {start: None}
        queue = deque([start])
        while queue:
            state = queue.popleft()
            if state[1] == goals:
                moves = ""
                while (step := came[state]) is not None:
                    state, moves = step[0], step[1] + moves
                return moves
            for letter in _STEPS:
                after = _move(state, letter, floor)
                if after is not None and after not in came:
                    came[after] = (state, letter)
                    queue.append(after)
        raise AssertionError("puzzles are made from a solution")


def _step(cell: Cell, letter: str, times: int) -> Cell:
    dr, dc = _STEPS[letter]
    return cell[0] + times * dr, cell[1] + times * dc


def _move(state: State, letter: str, floor: frozenset[Cell]) -> State | None:
    player, boxes = state
    ahead, behind = _step(player, letter, 1), _step(player, letter, 2)
    if ahead not in floor or (ahead in boxes and (behind not in floor or behind in boxes)):
        return None
    return ahead, (boxes - {ahead}) | {behind} if ahead in boxes else boxes


def _draw(n: int, floor: Sequence[Cell], goals: Sequence[Cell], player: Cell, boxes: set[Cell]) -> list[str]:
    def mark(cell: Cell) -> str:
        if cell not in floor:
            return "+"
        kind = 1 if cell == player else 2 if cell in boxes else 0
        return ("-*@", "X%$")[cell in goals][kind]

    return ["".join(mark((r, c)) for c in range(n + 2)) for r in range(n + 2)]


def _read(rows: Sequence[str]) -> tuple[frozenset[Cell], frozenset[Cell], State]:
    cells = {(r, c): mark for r, row in enumerate(rows) for c, mark in enumerate(row)}
    player = next(cell for cell, mark in cells.items() if mark in "*%")
    boxes = frozenset(cell for cell, mark in cells.items() if mark in "@$")
    goals = frozenset(cell for cell, mark in cells.items() if mark in "X%$")
    return frozenset(cell for cell, mark in cells.items() if mark != "+"), goals, (player, boxes)
