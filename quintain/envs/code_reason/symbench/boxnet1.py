"""BoxNet1: robot arms pass boxes across a grid to targets of their colours (SymBench, text-or-code steering set)."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple, TypeAlias

import numpy as np

from quintain.envs.text.answers import Nested, parse_integer, parse_list
from quintain.envs.text.draws import choose, randint
from quintain.envs.text.task import Malformed, Problem, Task, expect

__all__ = ["Boxnet1"]

_COLOURS = ("blue", "red", "green", "purple", "orange")
_STEPS = {"up": (-1, 0), "down": (1, 0), "left": (0, -1), "right": (0, 1)}


class Action(NamedTuple):
    """The arm of a cell moves a box of its cell to a neighbouring cell, or matches it with a target in its cell."""

    row: int
    column: int
    colour: str
    verb: str


Plan: TypeAlias = list[list[Action]]


@dataclass(frozen=True)
class Boxnet1(Task[Plan]):
    """One arm per cell; in a step each arm moves at most one box. All boxes must be matched in the end.

    Differences from the original: actions are lists instead of phrases. The actions of a step refer to the state before
    it.

    Attributes:
        min_columns: Minimum number of columns, in [2, ``max_columns``]. Default: 2.
        max_columns: Maximum number of columns, in [``min_columns``, 8]. Default: 4.
        max_rows: Maximum number of rows, in [1, 6]. Default: 2.
        max_boxes: Maximum number of boxes, in [1, 20]. Default: 5.
    """

    LEVELS: ClassVar = {
        "easy": {"max_columns": 2, "max_rows": 2, "max_boxes": 2},
        "hard": {"min_columns": 4, "max_columns": 6, "max_rows": 4, "max_boxes": 10},
    }

    min_columns: int = 2
    max_columns: int = 4
    max_rows: int = 2
    max_boxes: int = 5

    def __post_init__(self) -> None:
        """Check the parameters."""
        expect(2 <= self.min_columns <= self.max_columns <= 8, "2 <= min_columns <= max_columns <= 8")
        expect(1 <= self.max_rows <= 6, "max_rows in [1, 6]")
        expect(1 <= self.max_boxes <= 20, "max_boxes in [1, 20]")

    def generate(self, rng: np.random.Generator) -> Problem:
        """Draw as many targets as boxes of every colour."""
        rows, columns = randint(rng, 1, self.max_rows), randint(rng, self.min_columns, self.max_columns)
        colours = [choose(rng, _COLOURS) for _ in range(randint(rng, 1, self.max_boxes))]
        boxes, targets = (
            [[colour, randint(rng, 0, rows - 1), randint(rng, 0, columns - 1)] for colour in colours] for _ in range(2)
        )
        data: dict[str, Any] = {"rows": rows, "columns": columns, "boxes": sorted(boxes), "targets": sorted(targets)}
        lists = {key: ", ".join(f"{c} at ({x}, {y})" for c, x, y in data[key]) for key in ("boxes", "targets")}
        prompt = (
            f"A {rows}x{columns} grid has a robot arm in every cell; cells are (row, column), counted from 0 at the "
            f"top left.\nBoxes: {lists['boxes']}.\nTargets: {lists['targets']}.\n"
            "In each step every arm may do one action with one box that is in its cell at the beginning of the step: "
            "move it to the neighbouring cell up, down, left or right, or match it with a target of the same colour "
            "in its own cell. A match removes the box and the target. Match all boxes.\n"
            "Write the steps in order. A step is a list of actions [row, column, colour, verb], where row and column "
            "are the arm's cell and verb is up, down, left, right or match. The whole has the form "
            "<<<[[[row, column, colour, verb], ...], [[row, column, colour, verb], ...], ...]>>>."
        )
        return Problem(prompt, self.render(_plan(data["boxes"], data["targets"])), data)

    def parse(self, text: str) -> Plan:
        """Read a list of steps."""
        return [[_action(action) for action in _list(step)] for step in parse_list(text)]

    def render(self, value: Plan) -> str:
        """Write the steps as nested lists without quotes."""
        return str([[list(action) for action in step] for step in value]).replace("'", "")

    def check(self, problem: Problem, value: Plan) -> str:
        """Carry out the steps."""
        data = problem.data
        boxes, targets = (Counter(tuple(item) for item in data[key]) for key in ("boxes", "targets"))
        for number, step in enumerate(value, 1):
            if len({(action.row, action.column) for action in step}) < len(step):
                return f"step {number}: an arm does two actions"
            arriving: Counter[tuple[str, int, int]] = Counter()
            for row, column, colour, verb in step:
                box = (colour, row, column)
                if not boxes[box]:
                    return f"step {number}: there is no {colour} box at {(row, column)}"
                boxes[box] -= 1
                if verb == "match":
                    if not targets[box]:
                        return f"step {number}: there is no {colour} target at {(row, column)}"
                    targets[box] -= 1
                    continue
                r, c = row + _STEPS[verb][0], column + _STEPS[verb][1]
                if not (0 <= r < data["rows"] and 0 <= c < data["columns"]):
                    return f"step {number}: there is no cell {verb} of {(row, column)}"
                arriving[colour, r, c] += 1
            boxes += arriving
        return "boxes are left" if boxes.total() else ""

    def solve(self, problem: Problem) -> str:
        """Carry one box after the other to a target of its colour."""
        return self.render(_plan(problem.data["boxes"], problem.data["targets"]))


def _plan(boxes: list[list[Any]], targets: list[list[Any]]) -> Plan:
    """Pair boxes and targets in sorted order, which pairs equal colours, and move one box per step."""
    plan: Plan = []
    for (colour, row, column), (_, to_row, to_column) in zip(boxes, targets, strict=True):
        while (row, column) != (to_row, to_column):
            across, along = "right" if column < to_column else "left", "down" if row < to_row else "up"
            verb = along if row != to_row else across
            plan.append([Action(row, column, colour, verb)])
            row, column = row + _STEPS[verb][0], column + _STEPS[verb][1]
        plan.append([Action(row, column, colour, "match")])
    return plan


def _list(item: str | Nested) -> Nested:
    if isinstance(item, str):
        raise Malformed("expected steps of the form [[row, column, colour, verb], ...]")
    return item


def _action(item: str | Nested) -> Action:
    parts = [part for part in _list(item) if isinstance(part, str)]
    if len(parts) != 4 or len(item) != 4 or parts[3].lower() not in (*_STEPS, "match"):
        raise Malformed("expected actions of the form [row, column, colour, verb]")
    return Action(parse_integer(parts[0]), parse_integer(parts[1]), parts[2].lower(), parts[3].lower())
