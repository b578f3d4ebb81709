"""Rubik's cube: undo a short scramble. Our own generator; any moves that solve the cube are right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import ClassVar, TypeAlias

import numpy as np

from quintain.envs.text.answers import parse_words
from quintain.envs.text.draws import choose, randint
from quintain.envs.text.task import Malformed, Problem, Task, expect

__all__ = ["RubiksCube"]

#: Colours of the 54 stickers, face by face in the order of ``_FACES``, each from left to right and top to bottom.
Stickers: TypeAlias = str
Vector: TypeAlias = tuple[int, int, int]

_FACES = "ULFRBD"
_COLOURS = dict(zip(_FACES, "WOGRBY", strict=True))
#: Per face: its outward normal, and the directions of "right" and "down" on it as one looks at it.
_AXES: dict[str, tuple[Vector, Vector, Vector]] = {
    "U": ((0, 1, 0), (1, 0, 0), (0, 0, 1)),
    "D": ((0, -1, 0), (1, 0, 0), (0, 0, -1)),
    "F": ((0, 0, 1), (1, 0, 0), (0, -1, 0)),
    "B": ((0, 0, -1), (-1, 0, 0), (0, -1, 0)),
    "R": ((1, 0, 0), (0, 0, -1), (0, -1, 0)),
    "L": ((-1, 0, 0), (0, 0, 1), (0, -1, 0)),
}
_SOLVED: Stickers = "".join(_COLOURS[face] * 9 for face in _FACES)
_MOVES = tuple(face + turn for face in _FACES for turn in ("", "'"))
_MAX_MOVES = 200


@dataclass(frozen=True)
class RubiksCube(Task[list[str]]):
    """A 3x3x3 cube, a few quarter turns from solved. The answer is any sequence of turns, in Singmaster notation.

    Attributes:
        min_turns: Minimum number of turns of the scramble, in [1, ``max_turns``]. Default: 3.
        max_turns: Maximum number of turns of the scramble, in [``min_turns``, 6], which bidirectional search can solve.
            Default: 4.
    """

    LEVELS: ClassVar = {"easy": {"min_turns": 2, "max_turns": 2}, "hard": {"min_turns": 5, "max_turns": 6}}

    min_turns: int = 3
    max_turns: int = 4

    def __post_init__(self) -> None:
        """Check the parameters."""
        expect(1 <= self.min_turns <= self.max_turns <= 6, "1 <= min_turns <= max_turns <= 6")

    def generate(self, rng: np.random.Generator) -> Problem:
        """Turn a solved cube."""
        cube = _SOLVED
        while cube == _SOLVED:
            scramble = [choose(rng, _MOVES) for _ in range(randint(rng, self.min_turns, self.max_turns))]
            for move in scramble:
                cube = _turn(cube, move)
        undo = [_inverse(move) for move in reversed(scramble)]
        faces = "\n".join(
            f"{name} ({face}): {' / '.join(' '.join(cube[9 * i + 3 * row : 9 * i + 3 * row + 3]) for row in range(3))}"
            for i, (face, name) in enumerate(zip(_FACES, ("Up", "Left", "Front", "Right", "Back", "Down"), strict=True))
        )
        prompt = (
            "These are the faces of a 3x3x3 Rubik's cube, each as one sees it when looking at it, row by row from "
            "the top. Left, Front, Right and Back are looked at with Up on top; Up with Back on top; Down with Front "
            f"on top.\n{faces}\n"
            "Solve the cube, so that every face has one colour. Use Singmaster notation with quarter turns only: U, "
            "D, L, R, F, B turn a face clockwise, U', D', L', R', F', B' counterclockwise. Write <<<move1 move2 ...>>>."
        )
        return Problem(prompt, self.render(undo), {"cube": cube})

    def parse(self, text: str) -> list[str]:
        """Read turns separated by spaces; half turns such as U2 count as two."""
        moves: list[str] = []
        for word in parse_words(text.replace("’", "'")):
            if word[1:] == "2" and word[0] in _FACES:
                moves += [word[0], word[0]]
            elif word in _MOVES:
                moves.append(word)
            else:
                raise Malformed("expected turns such as U R' F, separated by spaces")
        if not 1 <= len(moves) <= _MAX_MOVES:
            raise Malformed(f"expected 1 to {_MAX_MOVES} turns")
        return moves

    def render(self, value: list[str]) -> str:
        """Write the turns separated by spaces."""
        return " ".join(value)

    def check(self, problem: Problem, value: list[str]) -> str:
        """Turn the cube."""
        cube = problem.data["cube"]
        for move in value:
            cube = _turn(cube, move)
        return "" if cube == _SOLVED else "the cube is not solved in the end"

    def solve(self, problem: Problem) -> str:
        """Search from both ends, three turns deep."""
        known = _near_solved()
        frontier: dict[Stickers, tuple[str, ...]] = {problem.data["cube"]: ()}
        for _ in range(4):
            for cube, path in frontier.items():
                if cube in known:
                    return self.render([*path, *(_inverse(move) for move in reversed(known[cube]))])
            frontier = {_turn(cube, move): (*path, move) for cube, path in frontier.items() for move in _MOVES}
        raise AssertionError("cubes are at most six turns from solved")


def _inverse(move: str) -> str:
    return move[0] if move.endswith("'") else move + "'"


def _turn(cube: Stickers, move: str) -> Stickers:
    return "".join([cube[i] for i in _permutation(move)])


@cache
def _near_solved() -> dict[Stickers, tuple[str, ...]]:
    """List the cubes at most three turns from solved, with the turns that lead there."""
    found: dict[Stickers, tuple[str, ...]] = {_SOLVED: ()}
    frontier = dict(found)
    for _ in range(3):
        frontier = {_turn(cube, move): (*path, move) for cube, path in frontier.items() for move in _MOVES}
        found = {**frontier, **found}
    return found


@cache
def _permutation(move: str) -> tuple[int, ...]:
    """Where every sticker comes from. Stickers are identified by their position, just outside the small cube's face."""
    places = [_place(face, row, column) for face in _FACES for row in range(3) for column in range(3)]
    index = {place: i for i, place in enumerate(places)}
    axis = _AXES[move[0]][0]
    source = list(range(54))
    for place, i in index.items():
        if _dot(place, axis) >= 2:  # the small cubes of the face have 2 or 3 along its normal
            source[index[_rotate(place, axis, clockwise=not move.endswith("'"))]] = i
    return tuple(source)


def _place(face: str, row: int, column: int) -> Vector:
    """Small cubes' centres have coordinates -2, 0, 2; a sticker lies one further out along its face's normal."""
    normal, right, down = _AXES[face]
    x, y, z = (3 * n + 2 * (column - 1) * r + 2 * (row - 1) * d for n, r, d in zip(normal, right, down, strict=True))
    return x, y, z


def _dot(a: Sequence[int], b: Sequence[int]) -> int:
    return sum(x * y for x, y in zip(a, b, strict=True))


def _rotate(v: Vector, axis: Vector, *, clockwise: bool) -> Vector:
    """Turn by 90 degrees about an axis, as seen from where it points: v along the axis stays, the rest is crossed."""
    along = _dot(v, axis)
    (a, b, c), (x, y, z) = axis, v
    cross = (b * z - c * y, c * x - a * z, a * y - b * x)
    sign = -1 if clockwise else 1
    p, q, r = (along * n + sign * w for n, w in zip(axis, cross, strict=True))
    return p, q, r
