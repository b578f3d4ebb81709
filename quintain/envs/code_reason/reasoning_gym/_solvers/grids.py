"""Solvers of questions about grids, graphs and cubes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from quintain.envs.code_reason.reasoning_gym._solvers._reading import Unclear, find, integers, matrix
from quintain.errors import TaskError

__all__ = [
    "binary_matrix",
    "color_cube_rotation",
    "course_schedule",
    "largest_island",
    "manipulate_matrix",
    "maze",
    "modulo_grid",
    "path_star",
    "rotten_oranges",
    "spiral_matrix",
]

Cell = tuple[int, int]
Rows = list[list[int]]


def _near(cell: Cell) -> list[Cell]:
    row, column = cell
    return [(row + 1, column), (row - 1, column), (row, column + 1), (row, column - 1)]


def _spread(sources: Iterable[Cell], free: set[Cell]) -> dict[Cell, int]:
    """Count the steps from the nearest source to every cell that can be reached through free cells."""
    front = list(sources)
    steps = dict.fromkeys(front, 0)
    while front:
        front = list(dict.fromkeys(n for cell in front for n in _near(cell) if n in free and n not in steps))
        steps.update(dict.fromkeys(front, max(steps.values()) + 1))
    return steps


def _cells(rows: Rows, value: int) -> set[Cell]:
    return {(r, c) for r, row in enumerate(rows) for c, cell in enumerate(row) if cell == value}


def _write(rows: Rows) -> str:
    return "\n".join(" ".join(map(str, row)) for row in rows)


def binary_matrix(question: str) -> str:
    """Spread from all zeros at once."""
    rows = matrix(question)
    steps = _spread(_cells(rows, 0), _cells(rows, 1))
    return _write([[steps[r, c] for c in range(len(row))] for r, row in enumerate(rows)])


def largest_island(question: str) -> str:
    """Spread from one cell of each island."""
    land, largest = _cells(matrix(question), 1), 0
    while land:
        island = _spread([min(land)], land)
        land -= island.keys()
        largest = max(largest, len(island))
    return str(largest)


def rotten_oranges(question: str) -> str:
    """Spread from all rotten oranges at once."""
    rows = matrix(question)
    fresh = _cells(rows, 1)
    steps = _spread(_cells(rows, 2), fresh)
    return str(max(steps.values(), default=0) if fresh <= steps.keys() else -1)


def maze(question: str) -> str:
    """Spread from the start through the passages."""
    start, goal = find(r"Navigate from '(.)' \(start\) to '(.)' \(goal\)", question).groups()
    passage = find(r"'(.)' = Passage", question)[1]
    rows = find(r"```\n(.*)\n```\nLegend", question)[1].split("\n")
    where = {
        mark: {(r, c) for r, row in enumerate(rows) for c, m in enumerate(row) if m == mark}
        for mark in (start, goal, passage)
    }
    (end,) = where[goal]
    steps = _spread(where[start], where[passage] | {end})
    if end not in steps:
        raise Unclear("the goal cannot be reached")
    return str(steps[end])


def spiral_matrix(question: str) -> str:
    """Take the first row and turn the rest anticlockwise, over and over."""
    rows, order = matrix(question), []
    while rows:
        order += rows[0]
        rows = [list(column) for column in zip(*rows[1:], strict=True)][::-1]
    return " ".join(map(str, order))


def path_star(question: str) -> str:
    """Walk back from the goal: every node but the centre has one predecessor."""
    edges, start, goal = find(r"following task:\n(\S.*)/(\S+) (\S+) =$", question).groups()
    before = {b: a for a, b in (edge.split() for edge in edges.strip("|").split("|"))}
    path = [goal]
    while path[-1] != start:
        path.append(before[path[-1]])
    return " ".join(reversed(path))


def course_schedule(question: str) -> str:
    """Take courses whose prerequisites are done, as long as there are any."""
    pairs = integers(find(r"take course a_i:\n(\[.*?\])\n", question)[1])
    needs = set(zip(pairs[::2], pairs[1::2], strict=True))
    left = {course for pair in needs for course in pair}
    while free := {course for course in left if not any(a == course and b in left for a, b in needs)}:
        left -= free
    return str(not left)


def color_cube_rotation(question: str) -> str:
    """Turn the cube in space: sides are directions, and a rotation brings one of them to the top."""
    top, right, front = (0, 0, 1), (1, 0, 0), (0, 1, 0)
    names = {"top": top, "right": right, "front": front} | {
        name: (-x, -y, -z) for name, (x, y, z) in {"bottom": top, "left": right, "back": front}.items()
    }
    colours = {names[side]: colour for colour, side in re.findall(r"- an? (\w+) (\w+) side", question)}
    turns = {  # where a direction goes when the named side comes to the top
        "front": lambda x, y, z: (x, -z, y),
        "back": lambda x, y, z: (x, z, -y),
        "right": lambda x, y, z: (-z, y, x),
        "left": lambda x, y, z: (z, y, -x),
        "bottom": lambda x, y, z: (x, -y, -z),
    }
    moves = question.partition("bottom side\n")[2].partition("What is now")[0]
    for side in re.findall(r"\b(front|back|right|left|bottom)\b", moves):
        colours = {turns[side](*direction): colour for direction, colour in colours.items()}
    return str(colours[names[find(r"color of the (\w+) side", question)[1]]])


def modulo_grid(question: str) -> str:
    """Try every rule ``f(x, y) mod divisor = target`` with f a sum, difference, product or power.

    The question is unclear if two rules fit what is shown and differ in what is not.
    """
    rows = [line for line in question.splitlines() if line and set(line) <= set("✅❌❔")]
    shown = [(x, y, mark) for y, row in enumerate(rows) for x, mark in enumerate(row) if mark != "❔"]
    hidden = [(x, y) for y, row in enumerate(rows) for x, mark in enumerate(row) if mark == "❔"]
    rules: list[Callable[[int, int, int], int]] = [
        lambda x, y, d: (x + y) % d,
        lambda x, y, d: abs(x - y) % d,
        lambda x, y, d: x * y % d,
        lambda x, y, d: pow(x, y, d),
    ]
    fillings = {
        tuple(rule(x, y, d) == target for x, y in hidden)
        for rule in rules
        for d in range(1, 21)
        for target in range(d)
        if all((rule(x, y, d) == target) == (mark == "✅") for x, y, mark in shown)
    }
    if len(fillings) != 1:
        raise Unclear(f"{len(fillings)} fillings fit")
    for (x, y), marked in zip(hidden, fillings.pop(), strict=True):
        rows[y] = rows[y][:x] + ("✅" if marked else "❌") + rows[y][x + 1 :]
    return "\n".join(rows)


def manipulate_matrix(question: str) -> str:
    """Do one operation after the other."""
    rows = matrix(question)
    for operation in re.findall(r"\n- ([^\n]*)", question):
        rows = _operate(rows, operation)
    return _write(rows)


def _operate(rows: Rows, operation: str) -> Rows:
    numbers = integers(re.sub(r"(\d)-", r"\1 ", operation))
    columns = [list(column) for column in zip(*rows, strict=True)]
    if operation.startswith("Identity"):
        return rows
    if operation.startswith("Rotate"):  # clockwise
        for _ in range(numbers[0] // 90 % 4):
            rows = [list(column) for column in zip(*rows[::-1], strict=True)]
        return rows
    if operation.startswith("Horizontally mirror"):  # as the note in the question says: the order of rows is reversed
        return rows[::-1]
    if operation.startswith("Vertically mirror"):
        return [row[::-1] for row in rows]
    if operation == "Mirror the matrix along the diagonal":
        return columns
    if operation == "Mirror the matrix along the counterdiagonal":
        return [column[::-1] for column in columns[::-1]]
    if operation.startswith("Map each occurrence"):
        return [[numbers[1] if x == numbers[0] else x for x in row] for row in rows]
    if operation.startswith("Set all elements divisible"):
        return [[0 if x % numbers[0] == 0 else x for x in row] for row in rows]
    if operation.startswith("Crop"):
        top, bottom, left, right = numbers[:4]
        return [row[left - 1 : right] for row in rows[top - 1 : bottom]]
    if operation.startswith("Remove every"):
        n = numbers[0]
        if "row" in operation:
            return [row for i, row in enumerate(rows, 1) if i % n]
        return [[x for i, x in enumerate(row, 1) if i % n] for row in rows]
    raise TaskError(f"cannot read the operation {operation!r}; install reasoning-gym==0.1.25")
