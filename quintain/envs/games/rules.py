"""The rules of a repeated game besides its payoffs, and how both are put into words for a language agent."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import product
from typing import Any, Literal, get_args

from quintain.envs.games.normal_form import NormalFormGame
from quintain.errors import ConfigurationError

__all__ = ["NO_MOVE", "Rules", "describe_game", "describe_round", "find_option", "unit_word"]

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


def unit_word(amount: float, unit: str) -> str:
    """Write an amount with its unit: ``"1 point"``, ``"10 coins"``."""
    return f"{amount:g} {unit[:-1] if amount == 1 else unit}"


def _others(names: Sequence[str]) -> str:
    if len(names) == 1:
        return f"the other player chooses {names[0]}"
    return "the others choose " + " and ".join(names)


def describe_game(game: NormalFormGame, rules: Rules, seat: int) -> str:
    """Tell one player the whole game in words: who plays, how long, and every cell from its own point of view."""
    order = [(seat + k) % game.players for k in range(game.players)]
    own, *others = (game.options[player] for player in order)
    payoffs = game.seen_by(seat)
    partners = "another player" if game.players == 2 else f"{game.players - 1} other players"
    lines = [
        f"You play a game over several rounds with {partners}. Everyone chooses at the same time.",
        f"Your options: {', '.join(own)}.",
    ]
    if rules.horizon == "known":
        if rules.continuation is None:
            lines.append(f"There are {rules.rounds} rounds.")
        else:
            lines.append(f"After each round another one follows with probability {rules.continuation:g}.")
    if rules.noise:
        lines.append(f"With probability {rules.noise:g} a choice goes wrong and another option is played.")
    if payoffs[0].size <= 64:
        for cell in product(*(range(len(names)) for names in (own, *others))):
            chosen = [names[k] for names, k in zip(others, cell[1:], strict=True)]
            earned = [unit_word(payoffs[(player, *cell)], rules.unit) for player in range(game.players)]
            rest = "the other earns " if game.players == 2 else "the others earn "
            lines.append(
                f"If you choose {own[cell[0]]} and {_others(chosen)}, you earn {earned[0]} and "
                f"{rest}{' and '.join(earned[1:])}."
            )
    return "\n".join(lines)


def describe_round(
    number: int,
    moves: Sequence[int],
    payoffs: Sequence[float | None],
    options: Sequence[Sequence[str]],
    unit: str,
) -> str:
    """Tell one player what happened in a round.

    Args:
        number: Number of the round, from 1.
        moves: Own move first, then the others' in seat order; :data:`NO_MOVE` where there was none or it is hidden.
        payoffs: In the same order; ``None`` where hidden.
        options: Names of the options, in the same order.
        unit: What payoffs are called.
    """
    said = ["an illegal move" if move == NO_MOVE else names[move] for move, names in zip(moves, options, strict=True)]
    earned = ["?" if payoff is None else unit_word(payoff, unit) for payoff in payoffs]
    text = f"Round {number}: you chose {said[0]} and earned {earned[0]}"
    if payoffs[1] is None:
        return text + "."
    rivals = [f"{who} and earned {what}" for who, what in zip(said[1:], earned[1:], strict=True)]
    return text + ("; the other player chose " if len(rivals) == 1 else "; the others chose ") + "; ".join(rivals) + "."


def find_option(text: str, options: Sequence[str]) -> int | None:
    """Return the index of the one option that ``text`` names, or ``None``.

    The whole text, without surrounding space, quotes or a full stop, is compared first; otherwise exactly one option
    must occur in it as a word. Case does not matter.
    """
    said = text.strip().strip("\"'`.!* \n").casefold()
    names = [name.casefold() for name in options]
    if said in names:
        return names.index(said)
    padded = f" {''.join(ch if ch.isalnum() else ' ' for ch in said)} "
    padded = " ".join(padded.split()).join("  ")
    found = [k for k, name in enumerate(names) if f" {' '.join(name.split())} " in padded]
    return found[0] if len(found) == 1 else None
