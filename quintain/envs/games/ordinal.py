"""The 144 strict ordinal 2x2 games of Robinson and Goforth, generated from their 12 row and 12 column matrices.

Each player ranks the four outcomes 1 (worst) to 4 (best) without ties. Game ``(r, c)`` joins row matrix ``r`` with
column matrix ``c``, both numbered from 1, as in Akata et al., "Playing repeated games with Large Language Models"
(Nature Human Behaviour 9, 2025). Robinson and Goforth describe the set in *The Topology of the 2x2 Games* (2005).
"""

from __future__ import annotations

from functools import cache

import numpy as np

from quintain.envs.games.normal_form import NormalFormGame, bimatrix
from quintain.errors import ConfigurationError

__all__ = ["FAMILIES", "family_of", "ordinal_game", "ordinal_games"]

# Payoffs in the order (option 1, option 1), (1, 2), (2, 1), (2, 2), player 0's choice first.
_ROWS = ["3241", "2341", "1342", "1243", "2143", "3142", "4132", "4123", "4213", "4312", "4321", "4231"]
_COLUMNS = ["4321", "4231", "4132", "4123", "4213", "4312", "3412", "2413", "1423", "1432", "2431", "3421"]

# One string per row matrix, one letter per column matrix.
_FAMILY_ROWS = [
    "UBBCCCUUUBBU",
    "UBBCCCBBBBBB",
    "UBBCCCBBBBBB",
    "UBBSSTTSSBBU",
    "UBBSSTTSSBBU",
    "UBBPPPPTTBBU",
    "WWWWWWPTTCCC",
    "WWWWWWPSSCCC",
    "WWWWWWPSSCCC",
    "WWWWWWBBBBBB",
    "WWWWWWBBBBBB",
    "WWWWWWUUUUUU",
]

#: Letter of a family of ordinal games -> its name in Akata et al. (2025).
FAMILIES: dict[str, str] = {
    "W": "win-win",
    "B": "biased",
    "U": "unfair",
    "C": "cyclic",
    "S": "second best",
    "P": "prisoner's dilemma family",
    "T": "tragic",
}


def family_of(row: int, column: int) -> str:
    """Return the family letter of game ``(row, column)``."""
    _check(row, column)
    return _FAMILY_ROWS[row - 1][column - 1]


def ordinal_game(row: int, column: int) -> NormalFormGame:
    """Build one of the 144 games.

    Args:
        row: Number of player 0's matrix, 1 to 12.
        column: Number of player 1's matrix, 1 to 12.

    Raises:
        ConfigurationError: If a number is out of range.

    Example:
        >>> ordinal_game(6, 7).payoffs[0].tolist()  # the prisoner's dilemma
        [[3.0, 1.0], [4.0, 2.0]]
    """
    _check(row, column)
    return bimatrix(
        f"ordinal_{row}_{column}",
        _matrix(_ROWS[row - 1]),
        _matrix(_COLUMNS[column - 1]),
        family=family_of(row, column),
    )


@cache
def ordinal_games() -> tuple[NormalFormGame, ...]:
    """All 144 games, row by row."""
    return tuple(ordinal_game(row, column) for row in range(1, 13) for column in range(1, 13))


def _matrix(digits: str) -> np.ndarray:
    return np.array([int(digit) for digit in digits], dtype=float).reshape(2, 2)


def _check(row: int, column: int) -> None:
    if not (row in range(1, 13) and column in range(1, 13)):
        raise ConfigurationError(f"ordinal games are numbered (1..12, 1..12), got ({row!r}, {column!r})")
