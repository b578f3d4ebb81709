"""Reversi: play a few moves and show the board (SymBench)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, TypeAlias

import numpy as np

from quintain.envs.text.draws import choose, randint
from quintain.envs.text.forms import SymbolGridTask
from quintain.envs.text.task import expect

__all__ = ["Reversi"]

Board: TypeAlias = list[list[str]]

_DIRECTIONS = [(dr, dc) for dr in (-1, 0, 1) for dc in (-1, 0, 1) if (dr, dc) != (0, 0)]


@dataclass(frozen=True)
class Reversi(SymbolGridTask):
    """Black (1) and white (0) move in turn and flip bracketed pieces; * is an empty cell.

    Differences from the original: the position to start from is reached from the standard opening by a few random
    moves, because the opening itself gives few different questions.

    Attributes:
        sizes: Board sides, even numbers in [4, 12]. Default: ``(4, 6)``.
        max_plies: Maximum number of moves, in [1, 30]. Default: 3.
        max_opening: Maximum number of random moves before the position that is shown, in [0, 30]. Default: 6.
    """

    LEVELS: ClassVar = {"easy": {"sizes": (4,), "max_plies": 1}, "hard": {"sizes": (6, 8), "max_plies": 8}}

    sizes: tuple[int, ...] = (4, 6)
    max_plies: int = 3
    max_opening: int = 6

    def __post_init__(self) -> None:
        """Check the parameters."""
        expect(bool(self.sizes) and all(s % 2 == 0 and 4 <= s <= 12 for s in self.sizes), "even sizes in [4, 12]")
        expect(1 <= self.max_plies <= 30, "max_plies in [1, 30]")
        expect(0 <= self.max_opening <= 30, "max_opening in [0, 30]")

    def draw(self, rng: np.random.Generator) -> dict[str, Any]:
        """Play random legal moves until there are enough of them in a row."""
        while True:
            size, opening = choose(rng, self.sizes), randint(rng, 0, self.max_opening)
            board, start, moves = _opening(size), _opening(size), []
            for ply in range(opening + randint(rng, 1, self.max_plies)):
                colour = "10"[ply % 2]
                legal = [[r, c] for r in range(size) for c in range(size) if _flips(board, r, c, colour)]
                if not legal:
                    break
                move = choose(rng, legal)
                if ply >= opening:
                    moves.append(move)
                _play(board, move[0], move[1], colour)
                if ply < opening:
                    start = [list(row) for row in board]
            if moves:
                return {"board": start, "moves": moves, "first": opening % 2}

    def ask(self, data: Mapping[str, Any]) -> str:
        """Show the position and list the moves."""
        rows = "\n".join(" ".join(row) for row in data["board"])
        size = len(data["board"])
        moves = "\n".join(
            f"{('Black', 'White')[(i + data['first']) % 2]} plays at row {r}, column {c}."
            for i, (r, c) in enumerate(data["moves"])
        )
        return (
            f"A game of Reversi on a {size}x{size} board has reached this position (1 = black, 0 = white, * = empty):\n"
            f"{rows}\n"
            "A move puts a piece on an empty cell and turns over all opposing pieces that stand in an unbroken "
            "straight line, in any of the eight directions, between the new piece and another piece of the mover's "
            f"colour. Rows and columns are counted from 0 at the top left.\n{moves}\n"
            "Write the final board as a list of rows, with every symbol in quotes: "
            "<<<[['x11', 'x12', ...], ['x21', 'x22', ...], ...]>>>."
        )

    def find(self, data: Mapping[str, Any]) -> Board:
        """Play the moves."""
        board = [list(row) for row in data["board"]]
        for ply, (r, c) in enumerate(data["moves"], data["first"]):
            _play(board, r, c, "10"[ply % 2])
        return board


def _opening(size: int) -> Board:
    board = [["*"] * size for _ in range(size)]
    a, b = size // 2 - 1, size // 2
    board[a][a] = board[b][b] = "0"
    board[a][b] = board[b][a] = "1"
    return board


def _flips(board: Board, r: int, c: int, colour: str) -> list[tuple[int, int]]:
    """List the pieces that a move would turn over; none makes it illegal."""
    if board[r][c] != "*":
        return []
    flips = []
    for dr, dc in _DIRECTIONS:
        line = []
        y, x = r + dr, c + dc
        while 0 <= y < len(board) and 0 <= x < len(board) and board[y][x] not in ("*", colour):
            line.append((y, x))
            y, x = y + dr, x + dc
        if 0 <= y < len(board) and 0 <= x < len(board) and board[y][x] == colour:
            flips += line
    return flips


def _play(board: Board, r: int, c: int, colour: str) -> None:
    for y, x in _flips(board, r, c, colour):
        board[y][x] = colour
    board[r][c] = colour
