"""Normal-form games: one payoff tensor per player."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from quintain.errors import ConfigurationError

__all__ = ["NormalFormGame", "bimatrix"]


@dataclass(frozen=True, eq=False)
class NormalFormGame:
    """A one-shot game in normal form.

    Attributes:
        name: Short name, such as ``"prisoners_dilemma"``.
        payoffs: Shape ``(players, k_0, ..., k_{players-1})``, float64, read-only: ``payoffs[i][a_0, a_1, ...]`` is what
            player ``i`` earns when the players choose options ``a_0, a_1, ...``.
        options: For each player the names of its options. By convention option 0 is the cooperative or first one.
        family: Family among the 144 ordinal games (``"W"``, ``"B"``, ...), or ``""``.

    Raises:
        ConfigurationError: If the payoffs have the wrong shape or are not finite numbers, or the names do not fit.

    Example:
        >>> game = bimatrix("pd", [[3, 0], [5, 1]], [[3, 5], [0, 1]])
        >>> game.payoffs[1][0, 1]
        np.float64(5.0)
    """

    name: str
    payoffs: NDArray[np.float64]
    options: tuple[tuple[str, ...], ...] = field(default=())
    family: str = ""

    def __post_init__(self) -> None:
        payoffs = _finite_tensor(self.name, self.payoffs)
        payoffs.setflags(write=False)
        object.__setattr__(self, "payoffs", payoffs)
        options = self.options or tuple(tuple(f"option {k + 1}" for k in range(size)) for size in payoffs.shape[1:])
        options = tuple(tuple(names) for names in options)
        if tuple(len(names) for names in options) != payoffs.shape[1:]:
            raise ConfigurationError(
                f"game {self.name!r}: options must name {payoffs.shape[1:]} options per player, got {options!r}"
            )
        if any(len(set(names)) < len(names) for names in options):
            raise ConfigurationError(
                f"game {self.name!r}: a player's options must have distinct names, got {options!r}"
            )
        object.__setattr__(self, "options", options)

    @property
    def players(self) -> int:
        """Number of players."""
        return int(self.payoffs.shape[0])

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of options of each player."""
        return tuple(int(k) for k in self.payoffs.shape[1:])

    @property
    def is_symmetric(self) -> bool:
        """Whether every seat sees the same game."""
        first = self.seen_by(0)
        return all(np.array_equal(first, self.seen_by(seat)) for seat in range(1, self.players))

    @property
    def fingerprint(self) -> str:
        """Stable hash of payoffs and option names."""
        canonical = json.dumps([self.payoffs.tolist(), self.options], separators=(",", ":"))
        return hashlib.blake2b(canonical.encode(), digest_size=8).hexdigest()

    def seen_by(self, seat: int) -> NDArray[np.float64]:
        """Rewrite the payoffs from one seat's point of view.

        Players are taken in cyclic order beginning with ``seat``, in the leading axis and in the option axes. For two
        players and seat 1 this transposes each matrix, so ``[0, 1]`` always means "I choose 0, the other chooses 1".

        Args:
            seat: Index of the player.

        Returns:
            Same number of axes as ``payoffs``; element 0 of the leading axis holds the seat's own payoffs.
        """
        order = [(seat + k) % self.players for k in range(self.players)]
        return np.ascontiguousarray(np.transpose(self.payoffs[order], [0, *(1 + player for player in order)]))

    def best_payoff(self, seat: int) -> float:
        """The maximum payoff of ``seat`` in one round."""
        return float(self.payoffs[seat].max())

    def security_level(self, seat: int) -> float:
        """The payoff that ``seat`` can guarantee itself with one fixed option: the maximin value in pure strategies."""
        own = self.seen_by(seat)[0]
        return float(own.reshape(own.shape[0], -1).min(axis=1).max())

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-able data from which :func:`~quintain.envs.games.load_game` rebuilds the game."""
        return {
            "name": self.name,
            "payoffs": self.payoffs.tolist(),
            "options": [list(names) for names in self.options],
            "family": self.family,
        }


def bimatrix(
    name: str,
    row: ArrayLike,
    column: ArrayLike,
    options: Sequence[Sequence[str]] = (),
    family: str = "",
) -> NormalFormGame:
    """Make a two-player game from the row player's and the column player's matrices.

    Args:
        name: Name of the game.
        row: Shape ``(k_0, k_1)``: what player 0 earns.
        column: Shape ``(k_0, k_1)``: what player 1 earns, with player 0's choice still in the rows.
        options: One sequence of names for both players, as two sequences, or nothing.
        family: Family of the game, if it has one.

    Raises:
        ConfigurationError: If the matrices do not fit together.
    """
    first, second = np.asarray(row, dtype=object), np.asarray(column, dtype=object)
    if first.shape != second.shape or first.ndim != 2:
        raise ConfigurationError(
            f"game {name!r}: both payoff matrices must have one shape (rows, columns), "
            f"got {first.shape} and {second.shape}"
        )
    return NormalFormGame(name, np.stack([first, second]), tuple(tuple(names) for names in options), family)


def _finite_tensor(name: str, payoffs: ArrayLike) -> NDArray[np.float64]:
    try:
        tensor = np.array(payoffs, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ConfigurationError(f"game {name!r}: payoffs must be a rectangular array of numbers ({error})") from None
    if tensor.ndim < 3 or tensor.shape[0] != tensor.ndim - 1 or min(tensor.shape[1:]) < 2:
        raise ConfigurationError(
            f"game {name!r}: payoffs need the shape (players, options of player 0, options of player 1, ...) "
            f"with at least two players and two options each, got {tensor.shape}"
        )
    if not np.isfinite(tensor).all():
        raise ConfigurationError(f"game {name!r}: payoffs must be finite, got {tensor.tolist()!r}")
    return tensor
