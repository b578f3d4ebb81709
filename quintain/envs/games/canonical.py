"""The canonical named games, and ``load_game``, which makes a game of a name or of plain data."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np

from quintain.envs.games.normal_form import NormalFormGame, bimatrix
from quintain.envs.games.ordinal import ordinal_game
from quintain.errors import ConfigurationError, UnknownNameError
from quintain.registry import NoFacts, Registry

__all__ = ["GAMES", "GAME_IDS", "GameLike", "game_names", "load_game", "public_goods"]

#: What :func:`load_game` turns into a game.
GameLike = str | NormalFormGame | Mapping[str, Any] | Sequence[Any]

_COOPERATION = (("cooperate", "defect"),) * 2


def _symmetric(name: str, own: list[list[float]], options: tuple[str, ...]) -> NormalFormGame:
    return bimatrix(name, own, np.transpose(own), (options, options))


def prisoners_dilemma() -> NormalFormGame:
    """The payoffs of Akata et al. (2025): 8 each, 0 against 10, 5 each."""
    return bimatrix("prisoners_dilemma", [[8, 0], [10, 5]], [[8, 10], [0, 5]], _COOPERATION)


def prisoners_dilemma_classic() -> NormalFormGame:
    """Axelrod's tournament payoffs: reward 3, sucker 0, temptation 5, punishment 1."""
    return bimatrix("prisoners_dilemma_classic", [[3, 0], [5, 1]], [[3, 5], [0, 1]], _COOPERATION)


def battle_of_the_sexes(first: float = 10, second: float = 7) -> NormalFormGame:
    """Akata et al. (2025): both want to meet, player 0 at football (10, 7), player 1 at the ballet (7, 10).

    Args:
        first: Payoff at the preferred meeting place: player 0's at football, player 1's at the ballet. Default: 10.
        second: Payoff at the other meeting place. Default: 7.
    """
    row = [[first, 0], [0, second]]
    return bimatrix("battle_of_the_sexes", row, [[second, 0], [0, first]], (("football", "ballet"),) * 2)


def stag_hunt() -> NormalFormGame:
    """Hunt the stag together for 4, or catch a hare alone for a safe 3 (2 if both chase it)."""
    return _symmetric("stag_hunt", [[4, 1], [3, 2]], ("stag", "hare"))


def chicken() -> NormalFormGame:
    """Swerve or drive straight on: two who drive on crash."""
    return _symmetric("chicken", [[3, 2], [4, 1]], ("swerve", "straight"))


def deadlock() -> NormalFormGame:
    """Mutual defection is better for both than mutual cooperation."""
    return _symmetric("deadlock", [[2, 1], [4, 3]], ("cooperate", "defect"))


def matching_pennies() -> NormalFormGame:
    """Player 0 wins when the pennies match, player 1 when they differ. Zero-sum."""
    own = np.array([[1.0, -1.0], [-1.0, 1.0]])
    return bimatrix("matching_pennies", own, -own, (("heads", "tails"),) * 2)


def rock_paper_scissors() -> NormalFormGame:
    """Each option beats one and loses to the other. Zero-sum."""
    own = np.array([[0.0, -1.0, 1.0], [1.0, 0.0, -1.0], [-1.0, 1.0, 0.0]])
    return bimatrix("rock_paper_scissors", own, -own, (("rock", "paper", "scissors"),) * 2)


def public_goods(players: int = 4, multiplier: float = 1.6, endowment: float = 10.0, levels: int = 2) -> NormalFormGame:
    """Everyone keeps or contributes; contributions are multiplied and shared equally.

    Player i contributing c_i of endowment e earns e - c_i + m * sum_j c_j / n. It is a social dilemma when
    1 < m < n (Isaac and Walker 1988).

    Args:
        players: Number of players n, >= 2. Default: 4.
        multiplier: Growth m of the pot. Default: 1.6.
        endowment: Maximum contribution of each player, e > 0. Default: 10.
        levels: Number of evenly spaced contributions, from everything (option 0) to nothing, >= 2. Default: 2.

    Raises:
        ConfigurationError: If an argument is out of range, or the tensor would have more than a million cells.
    """
    if players < 2 or levels < 2 or not endowment > 0:
        raise ConfigurationError(
            "public_goods needs players >= 2, levels >= 2 and endowment > 0, "
            f"got {players!r}, {levels!r}, {endowment!r}"
        )
    if players * levels**players > 1_000_000:
        raise ConfigurationError(f"public_goods: {levels} levels for {players} players make too many cells; use fewer")
    gifts = endowment * np.linspace(1, 0, levels)
    given = np.array([gifts[list(cell)] for cell in product(range(levels), repeat=players)])  # (cells, players)
    earned = endowment - given + multiplier * given.sum(axis=1, keepdims=True) / players
    names = ("contribute", "keep") if levels == 2 else tuple(f"contribute {gift:g}" for gift in gifts)
    return NormalFormGame("public_goods", earned.T.reshape(players, *(levels,) * players), (names,) * players)


_CANONICAL = (
    prisoners_dilemma,
    prisoners_dilemma_classic,
    battle_of_the_sexes,
    stag_hunt,
    chicken,
    deadlock,
    matching_pennies,
    rock_paper_scissors,
    public_goods,
)

#: Functions that make a game, by name. Other packages list theirs under the entry-point group ``quintain.games``.
GAMES: Registry[NormalFormGame, NoFacts] = Registry("game", NoFacts, group="quintain.games")
for _make in _CANONICAL:
    GAMES.add(_make.__name__, _make)

#: Registered id -> name of a canonical game: each is ``RepeatedGame-v0`` with its game filled in.
GAME_IDS: dict[str, str] = {
    "".join(part.capitalize() for part in make.__name__.split("_")) + "-v0": make.__name__ for make in _CANONICAL
}

_ORDINAL = re.compile(r"ordinal_(\d{1,2})_(\d{1,2})")


def game_names(*, ordinal: bool = True) -> list[str]:
    """List the names that :func:`load_game` knows: those of ``GAMES``, then ``ordinal_1_1`` to ``ordinal_12_12``."""
    numbered = [f"ordinal_{r}_{c}" for r in range(1, 13) for c in range(1, 13)] if ordinal else []
    return [*GAMES, *numbered]


def load_game(game: GameLike, **arguments: Any) -> NormalFormGame:
    """Turn a name, plain data or a game into a game.

    Args:
        game: A name (``"stag_hunt"``, ``"ordinal_6_7"``; numbers after a colon are arguments, as in
            ``"battle_of_the_sexes:9,8"`` or ``"public_goods:3"``), payoff tensors as nested lists, a mapping as
            :meth:`NormalFormGame.to_dict` returns it (only ``payoffs`` is required), or a game.
        **arguments: Arguments of a named game, such as ``players`` of ``public_goods``.

    Raises:
        UnknownNameError: If no game has that name.
        ConfigurationError: If the data do not describe a game, or the arguments do not fit it.

    Example:
        >>> load_game("public_goods:3").shape
        (2, 2, 2)
    """
    if isinstance(game, str):
        return _named(game, arguments)
    if arguments:
        raise ConfigurationError(f"only a named game takes arguments, got {sorted(arguments)!r} with payoffs")
    if isinstance(game, NormalFormGame):
        return game
    if isinstance(game, Mapping):
        unknown = set(game) - {"name", "payoffs", "options", "family"}
        if unknown or "payoffs" not in game:
            raise ConfigurationError(
                f"a game needs 'payoffs' and may have 'name', 'options', 'family'; got {sorted(game)!r}"
            )
        options = tuple(tuple(names) for names in game.get("options", ()))
        return NormalFormGame(game.get("name", "custom"), game["payoffs"], options, game.get("family", ""))
    return NormalFormGame("custom", game)  # type: ignore[arg-type]  # nested lists become an array, or a clear error


def _named(name: str, arguments: dict[str, Any]) -> NormalFormGame:
    numbered = _ORDINAL.fullmatch(name)
    if numbered:
        if arguments:
            raise ConfigurationError(f"game {name!r} takes no arguments, got {sorted(arguments)!r}")
        return ordinal_game(int(numbered[1]), int(numbered[2]))
    base, _, rest = name.partition(":")
    known = next((key for key in (base.replace("-", "_"), base) if key in GAMES), None)
    if known is None:
        raise UnknownNameError("game", name, game_names())
    try:
        made: NormalFormGame = GAMES.load(known)(*_numbers(name, rest), **arguments)
    except TypeError as error:
        raise ConfigurationError(f"game {name!r}: {error}") from None
    return replace(made, name=name) if rest else made


def _numbers(name: str, rest: str) -> list[float]:
    """Read the arguments after the colon; whole numbers stay integers, because some count players."""
    if not rest:
        return []
    try:
        return [int(part) if part.strip().isdecimal() else float(part) for part in rest.split(",")]
    except ValueError:
        raise ConfigurationError(
            f"game {name!r}: expected numbers after the colon, as in 'battle_of_the_sexes:9,8'"
        ) from None
