"""Rules of a repeated game other than its payoffs: number of rounds, noise, and visibility of the history."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, TypedDict, get_args

import numpy as np

from quintain.envs.games.normal_form import NormalFormGame
from quintain.errors import ConfigurationError

__all__ = ["NO_MOVE", "Rules", "RulesInfo", "Unit"]

#: Placeholder for an illegal move and for moves that are hidden from a player.
NO_MOVE = -1

#: Unit in which texts state payoffs.
Unit = Literal["points", "dollars", "coins"]


class RulesInfo(TypedDict):
    """What one player may know of a repeated game before the first round: ``info["rules"]`` of ``reset``.

    Attributes:
        game: Name of the stage game.
        seat: Index of the player's seat.
        payoffs: Payoff tensors as nested lists, from the player's point of view: own payoffs and own option axis first,
            then the others in seat order.
        options: Names of the options of each player, in the same order.
        rounds: Number of rounds; ``None`` if it is hidden or random.
        continuation: Probability that another round follows; ``None`` if it is hidden or the number of rounds is fixed.
        noise: Probability that a move is replaced by another option.
        history: ``"public"``: players see all moves and payoffs. ``"private"``: only their own.
        unit: Unit of the payoffs in text observations.
    """

    game: str
    seat: int
    payoffs: list[Any]
    options: list[list[str]]
    rounds: int | None
    continuation: float | None
    noise: float
    history: Literal["public", "private"]
    unit: Unit


@dataclass(frozen=True)
class Rules:
    """How a stage game is repeated.

    Attributes:
        rounds: Number of rounds, >= 1; with ``continuation`` the maximum number. Default: 10.
        continuation: Probability in [0, 1) that another round follows, or ``None`` for a fixed number of rounds.
        noise: Probability in [0, 1] that a player's move is replaced by another of its options, drawn uniformly.
            Default: 0.
        history: ``"public"``: players see all moves and payoffs. ``"private"``: only their own. Default: ``"public"``.
        horizon: ``"known"``: players know the number of rounds or the continuation probability. ``"hidden"``: they do
            not. Default: ``"known"``.
        unit: Unit of the payoffs in text observations. Default: ``"points"``.
    """

    rounds: int = 10
    continuation: float | None = None
    noise: float = 0.0
    history: Literal["public", "private"] = "public"
    horizon: Literal["known", "hidden"] = "known"
    unit: Unit = "points"

    def __post_init__(self) -> None:
        if isinstance(self.rounds, bool) or not isinstance(self.rounds, int) or self.rounds < 1:
            raise ConfigurationError(f"rounds must be an integer >= 1, got {self.rounds!r}")
        if self.continuation is not None and not 0 <= self.continuation < 1:
            raise ConfigurationError(
                f"continuation must be a probability in [0, 1), got {self.continuation!r}; use None for fixed rounds"
            )
        if not 0 <= self.noise <= 1:
            raise ConfigurationError(f"noise must be a probability in [0, 1], got {self.noise!r}")
        for name, allowed in (
            ("history", ("public", "private")),
            ("horizon", ("known", "hidden")),
            ("unit", get_args(Unit)),
        ):
            if getattr(self, name) not in allowed:
                raise ConfigurationError(f"{name} must be one of {allowed}, got {getattr(self, name)!r}")

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-able data."""
        return asdict(self)

    def fingerprint(self, game: NormalFormGame) -> str:
        """Return a stable hash of these rules together with ``game``, 16 hexadecimal digits."""
        canonical = json.dumps([self.to_dict(), game.fingerprint], sort_keys=True)
        return hashlib.blake2b(canonical.encode(), digest_size=8).hexdigest()

    def tremble(self, moves: list[int], shape: Sequence[int], rng: np.random.Generator) -> None:
        """Apply noise to the moves, in place: with probability ``noise`` a legal move becomes another option.

        Args:
            moves: Index of an option per player; :data:`NO_MOVE` is left unchanged.
            shape: Number of options of each player.
            rng: Generator of the noise.
        """
        for seat in np.flatnonzero(rng.random(len(moves)) < self.noise).tolist():
            if moves[seat] != NO_MOVE:
                shift = int(rng.integers(1, shape[seat]))
                moves[seat] = (moves[seat] + shift) % shape[seat]

    def ending(self, played: int, rng: np.random.Generator) -> tuple[bool, bool]:
        """Return (terminated, truncated) after ``played`` rounds; only a random horizon is truncated, at ``rounds``."""
        if self.continuation is None:
            return played >= self.rounds, False
        if rng.random() >= self.continuation:
            return True, False
        return False, played >= self.rounds
