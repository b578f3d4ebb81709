"""Layouts of mazes: unit cells with walls between them, generated, drawn, read from a drawing, and changed."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from quintain.errors import ConfigurationError

__all__ = ["SIDES", "Cell", "Layout", "Place", "closings", "generate", "move_goal", "read_drawing", "reroute"]

#: Row and column of a cell; row 0 is at the bottom, y = 0.
Cell = tuple[int, int]
#: Coordinates (x, y), in cells.
Place = Sequence[float] | NDArray[np.float64]
#: Steps (row, column) to the neighbour behind each side of a cell: east, west, north, south.
SIDES: tuple[Cell, ...] = ((0, 1), (0, -1), (1, 0), (-1, 0))
_OPPOSITE = (1, 0, 3, 2)
#: Least distance of a body from a wall, in cells.
MARGIN = 0.05
# What is drawn between two cells: (closed towards east or north, closed towards west or south) -> character.
_BESIDE = {(True, True): "|", (False, False): " ", (False, True): ">", (True, False): "<"}
_ABOVE = {(True, True): "-", (False, False): " ", (False, True): "^", (True, False): "v"}


@dataclass(frozen=True, eq=False)
class Layout:
    """A maze of unit cells.

    Attributes:
        walls: Shape ``(4, rows, columns)``, bool: whether a body in the cell is stopped at its side; sides are in the
            order of :data:`SIDES`. A door of one direction is a wall from one of its two cells.
        start: Where a visit begins, ``(x, y)`` in cells.
        goal: Where it ends, ``(x, y)`` in cells.
    """

    walls: NDArray[np.bool_]
    start: tuple[float, float]
    goal: tuple[float, float]

    @property
    def shape(self) -> Cell:
        """Numbers of rows and columns."""
        return self.walls.shape[1], self.walls.shape[2]

    def distances(self, towards: tuple[float, float] | None = None) -> NDArray[np.float64]:
        """Return the number of cells from every cell to the one of ``towards``, by default the goal; inf without a way.

        Shape ``(rows, columns)``.
        """
        found = np.full(self.shape, np.inf)
        end = cell_of(self.goal if towards is None else towards)
        found[end] = 0
        queue = deque([end])
        while queue:
            cell = queue.popleft()
            for side, (row, column) in _neighbours(cell, self.shape):
                if np.isinf(found[row, column]) and not self.walls[_OPPOSITE[side], row, column]:
                    found[row, column] = found[cell] + 1
                    queue.append((row, column))
        return found

    def shortest(self) -> float:
        """Return the length of the shortest way from start to goal, in cells; inf if there is none."""
        return float(self.distances()[cell_of(self.start)])

    def way(self) -> list[Cell]:
        """Return the cells of a shortest way from start to goal.

        Raises:
            ConfigurationError: If the maze cannot be solved.
        """
        left, cell = self.distances(), cell_of(self.start)
        if np.isinf(left[cell]):
            raise ConfigurationError("this maze cannot be solved: no way leads from its start to its goal")
        cells = [cell]
        while left[cell] > 0:
            cell = min(
                (near for side, near in _neighbours(cell, self.shape) if not self.walls[(side, *cell)]),
                key=lambda near: left[near],
            )
            cells.append(cell)
        return cells

    def draw(self) -> list[str]:
        """Draw the maze as text, top row first: ``S`` start, ``G`` goal, ``< > ^ v`` doors of one direction.

        Start and goal are drawn in their cells, so that :func:`read_drawing` puts them at the centres.
        """
        rows, columns = self.shape
        marks = {cell_of(self.start): "S", cell_of(self.goal): "G"}
        lines = []
        for row in reversed(range(rows)):
            above = [self._between(row, column, 2, _ABOVE) * 2 for column in range(columns)]
            lines.append("+" + "+".join(above) + "+")
            line = "|"
            for column in range(columns):
                line += marks.get((row, column), " ") + " " + self._between(row, column, 0, _BESIDE)
            lines.append(line)
        return [*lines, "+" + "+".join(["--"] * columns) + "+"]

    def _between(self, row: int, column: int, side: int, signs: dict[tuple[bool, bool], str]) -> str:
        near = (row + SIDES[side][0], column + SIDES[side][1])
        inside = near[0] < self.shape[0] and near[1] < self.shape[1]
        back = bool(self.walls[(_OPPOSITE[side], *near)]) if inside else True
        return signs[bool(self.walls[side, row, column]), back]


def cell_of(place: Place) -> Cell:
    """Return row and column of the cell that holds a place ``(x, y)``."""
    return int(np.floor(place[1])), int(np.floor(place[0]))


def generate(rng: np.random.Generator, size: Cell, *, openings: float = 0.0, one_way: float = 0.0) -> Layout:
    """Generate a maze that can be solved, from the bottom left cell to the top right one.

    A recursive backtracker makes a spanning tree of the cells; then some of the remaining walls are removed, and some
    openings become doors of one direction, as long as the goal can be reached from every cell.

    Args:
        rng: Source of every draw.
        size: Rows and columns, each >= 2.
        openings: Share of the inner walls left by the backtracker that are removed, in [0, 1].
        one_way: Share of all openings that become doors of one direction, in [0, 1].
    """
    walls = np.ones((4, *size), np.bool_)
    _backtrack(walls, rng)
    closed = [place for place in _inner(size) if walls[place]]
    for index in rng.permutation(len(closed))[: round(openings * len(closed))]:
        _set(walls, closed[index], closed=False)
    layout = Layout(walls, (0.5, 0.5), (size[1] - 0.5, size[0] - 0.5))
    open_places = [place for place in _inner(size) if not walls[place]]
    left = round(one_way * len(open_places))
    for index in rng.permutation(len(open_places)):
        side, row, column = open_places[index]
        if rng.random() < 0.5:
            side, row, column = _behind(side, row, column)
        if left > 0:
            walls[side, row, column] = True
            if np.isinf(layout.distances()).any():  # a trap, from which no way leads to the goal
                walls[side, row, column] = False
            else:
                left -= 1
    return layout


def read_drawing(lines: Sequence[str]) -> Layout:
    """Read a maze as :meth:`Layout.draw` draws it.

    Raises:
        ConfigurationError: If the lines are no such drawing, ``S`` or ``G`` is missing, or no way leads from one to the
            other.
    """
    rows, columns = (len(lines) - 1) // 2, (len(lines[0]) - 1) // 3 if lines else 0
    if rows < 1 or columns < 1 or len(lines) != 2 * rows + 1 or any(len(line) != 3 * columns + 1 for line in lines):
        raise ConfigurationError(
            "a drawing of a maze has 2 * rows + 1 lines of 3 * columns + 1 characters, such as '+--+--+', got "
            f"{len(lines)} lines of {sorted({len(line) for line in lines})}"
        )
    walls = np.ones((4, rows, columns), np.bool_)
    signs = {sign: pair for table in (_BESIDE, _ABOVE) for pair, sign in table.items()}
    places: dict[str, list[tuple[float, float]]] = {}
    for row in range(rows):
        text, above = lines[2 * (rows - row) - 1], lines[2 * (rows - row) - 2]
        for column in range(columns):
            for mark in text[3 * column + 1 : 3 * column + 3].replace(" ", ""):
                places.setdefault(mark, []).append((column + 0.5, row + 0.5))
            for side, sign in ((0, text[3 * column + 3]), (2, above[3 * column + 1])):
                if sign not in signs:
                    raise ConfigurationError(f"a maze is drawn with '+', '-', '|', '<>^v' and spaces, got {sign!r}")
                near = (row + SIDES[side][0], column + SIDES[side][1])
                if near[0] < rows and near[1] < columns:
                    walls[side, row, column], walls[(_OPPOSITE[side], *near)] = signs[sign]
    found = sorted(mark for mark, at in places.items() for _ in at)
    if found != ["G", "S"]:
        raise ConfigurationError(f"the cells of a maze hold one 'S' and one 'G', got {found}")
    layout = Layout(walls, places["S"][0], places["G"][0])
    layout.way()
    return layout


def reroute(layout: Layout, taken: Sequence[Cell], rng: np.random.Generator) -> Layout | None:
    """Close an opening on a way that was taken, and open another wall, so that there is a detour.

    Args:
        layout: The maze; it is left as it is.
        taken: Cells of the way, in order.
        rng: Chooses among the openings and walls.

    Returns:
        The changed maze; ``None`` if no opening of the way can be closed without cutting a cell off from the goal.
    """
    crossings = list(pairwise(taken))
    for index in rng.permutation(len(crossings)):
        one, other = crossings[index]
        walls = layout.walls.copy()
        side = SIDES.index((other[0] - one[0], other[1] - one[1]))
        _set(walls, (side, *one), closed=True)
        changed = replace(layout, walls=walls)
        if np.array_equal(np.isinf(changed.distances()), np.isinf(layout.distances())):
            closed = [place for place in _inner(layout.shape) if layout.walls[place]]
            if closed:
                _set(walls, closed[rng.integers(len(closed))], closed=False)
            return changed
    return None


def closings(layout: Layout) -> list[Layout]:
    """Return the maze with one opening of its shortest way closed, once for each, in their order."""
    found = []
    for one, other in pairwise(layout.way()):
        walls = layout.walls.copy()
        _set(walls, (SIDES.index((other[0] - one[0], other[1] - one[1])), *one), closed=True)
        found.append(replace(layout, walls=walls))
    return found


def move_goal(layout: Layout, rng: np.random.Generator) -> Layout:
    """Move the goal to the centre of another cell that can be reached, at least half as far as the present one."""
    rows, columns = layout.shape
    places = [(column + 0.5, row + 0.5) for row in range(rows) for column in range(columns)]
    moved = [replace(layout, goal=place) for place in places if place != layout.goal]
    far = [each for each in moved if layout.shortest() / 2 <= each.shortest() < np.inf]
    return far[rng.integers(len(far))] if far else layout


def check_place(layout: Layout, name: str, place: Sequence[float]) -> tuple[float, float]:
    """Return a place inside the maze and outside its walls.

    Raises:
        ConfigurationError: If it is outside the maze, or in a wall.
    """
    rows, columns = layout.shape
    x, y = (float(value) for value in place)
    if not (0 <= x < columns and 0 <= y < rows):
        raise ConfigurationError(f"{name} must be in [0, {columns}) x [0, {rows}), got ({x:g}, {y:g})")
    cell = cell_of((x, y))
    depths = (cell[1] + 1 - x, x - cell[1], cell[0] + 1 - y, y - cell[0])
    if any(depth < MARGIN and layout.walls[(side, *cell)] for side, depth in enumerate(depths)):
        raise ConfigurationError(f"{name} ({x:g}, {y:g}) lies in a wall; walls are {2 * MARGIN} cells thick")
    return x, y


def _neighbours(cell: Cell, shape: Cell) -> Iterator[tuple[int, Cell]]:
    for side, (up, right) in enumerate(SIDES):
        near = (cell[0] + up, cell[1] + right)
        if 0 <= near[0] < shape[0] and 0 <= near[1] < shape[1]:
            yield side, near


def _inner(size: Cell) -> list[tuple[int, int, int]]:
    """Return the inner boundaries, each once: the side east or north of a cell."""
    return [
        (side, row, column)
        for side in (0, 2)
        for row in range(size[0] - (side == 2))
        for column in range(size[1] - (side == 0))
    ]


def _behind(side: int, row: int, column: int) -> tuple[int, int, int]:
    return _OPPOSITE[side], row + SIDES[side][0], column + SIDES[side][1]


def _set(walls: NDArray[np.bool_], place: tuple[int, int, int], *, closed: bool) -> None:
    walls[place] = walls[_behind(*place)] = closed


def _backtrack(walls: NDArray[np.bool_], rng: np.random.Generator) -> None:
    """Remove walls along a random depth-first walk through all cells."""
    size = walls.shape[1:]
    path, seen = [(0, 0)], {(0, 0)}
    while path:
        cell = path[-1]
        ways = [(side, near) for side, near in _neighbours(cell, (size[0], size[1])) if near not in seen]
        if not ways:
            path.pop()
            continue
        side, near = ways[rng.integers(len(ways))]
        _set(walls, (side, *cell), closed=False)
        seen.add(near)
        path.append(near)
