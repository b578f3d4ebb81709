"""The rules of a repeated game besides its payoffs: how long it lasts, whose hand trembles, who sees what."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

import numpy as np

from quintain.envs.games.normal_form import NormalFormGame
from quintain.errors import ConfigurationError

__all__ = ["NO_MOVE", "Rules", "Unit"]

# Stands for the move of a player who made no legal one, and for moves that a player may not see.
NO_MOVE = -1

Unit = Literal["points", "dollars", "coins"]


@dataclass(frozen=True)
class Rules:
    """How a stage game is repeated.

    Attributes:
        rounds: Number of rounds; with ``continuation`` the most that are played, >= 1.
        continuation: Probability in [0, 1) that another round follows, or ``None`` for a fixed number of rounds.
        noise: Probability in [0, 1] that a player's hand trembles: another of its options is played, drawn uniformly.
        history: ``"public"``: all see all moves and payoffs. ``"private"``: a player sees only its own.
        horizon: ``"known"``: players are told the number of rounds or the probability. ``"hidden"``: they are not.
        unit: What payoffs are called in text.
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
        """Stable hash of these rules together with ``game``."""
        canonical = json.dumps([self.to_dict(), game.fingerprint], sort_keys=True)
        return hashlib.blake2b(canonical.encode(), digest_size=8).hexdigest()

    def tremble(self, moves: list[int], shape: Sequence[int], rng: np.random.Generator) -> None:
        """Let hands slip, in place: with probability ``noise`` a legal move becomes another option.

        Args:
            moves: One per player; :data:`NO_MOVE` stays what it is.
            shape: Number of options of each player.
            rng: Where the slips are drawn.
        """
        for seat in np.flatnonzero(rng.random(len(moves)) < self.noise).tolist():
            if moves[seat] != NO_MOVE:
                shift = int(rng.integers(1, shape[seat]))
                moves[seat] = (moves[seat] + shift) % shape[seat]

    def ending(self, played: int, rng: np.random.Generator) -> tuple[bool, bool]:
        """Tell whether the game is over after so many rounds: (terminated by its rules, cut short by the cap)."""
        if self.continuation is None:
            return played >= self.rounds, False
        if rng.random() >= self.continuation:
            return True, False
        return False, played >= self.rounds
