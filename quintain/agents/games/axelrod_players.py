"""The strategies of the axelrod library (Knight et al. 2016). Importing that library takes many seconds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from quintain.agents.games.game_info import GameRules
from quintain.agents.games.machines import Traits
from quintain.errors import CapabilityError, ConfigurationError, UnknownNameError, require

__all__ = ["AxelrodPlayer", "AxelrodStrategy", "axelrod_names", "find_strategy"]


@dataclass(frozen=True)
class AxelrodStrategy:
    """One of the library's strategies.

    Attributes:
        make: Returns a new player of the library.
        traits: The properties that the library declares.
    """

    make: Callable[[], Any]
    traits: Traits


def axelrod_names() -> list[str]:
    """Return the names of all strategies of the installed library that obey its rules, without those that cheat.

    Raises:
        MissingDependencyError: If it is not installed.
    """
    return sorted(_classes())


def find_strategy(name: str, arguments: dict[str, Any]) -> AxelrodStrategy:
    """Find a strategy by its name in the library, such as ``"Tit For Tat"``.

    Raises:
        UnknownNameError: If the library has none of that name.
        ConfigurationError: If it does not take the arguments.
        MissingDependencyError: If the library is not installed.
    """
    classes = _classes()
    if name not in classes:
        raise UnknownNameError("axelrod strategy", name, classes)
    try:
        sample = classes[name](**arguments)
    except TypeError as error:
        raise ConfigurationError(f"axelrod strategy {name!r}: {error}") from None
    declared = sample.classifier
    traits = Traits(float(declared["memory_depth"]), stochastic=bool(declared["stochastic"]))
    return AxelrodStrategy(partial(classes[name], **arguments), traits)


class AxelrodPlayer:
    """Plays one match by a strategy of the library.

    The library's players read both histories; a mock player of the library holds the opponent's. Both get the number
    of rounds (infinite where it is random or hidden, as in the library's own matches), the noise, and the player's
    payoffs. Several others count as one, who defects if one of them does.

    Args:
        strategy: The strategy, as :func:`find_strategy` returns it.
        rules: The rules of the match as the player sees them.
        rng: Generator of the player's seed.

    Raises:
        CapabilityError: If the strategy is not defined for these payoffs.
    """

    def __init__(self, strategy: AxelrodStrategy, rules: GameRules, rng: np.random.Generator) -> None:
        axl = _axelrod()
        self._actions = (axl.Action.C, axl.Action.D)
        self._own, self._other = strategy.make(), axl.MockPlayer()
        # By own option: the payoff where all others cooperate, and where all defect.
        (reward, sucker), (temptation, punishment) = (
            (float(payoffs.flat[0]), float(payoffs.flat[-1])) for payoffs in np.asarray(rules["payoffs"][0])
        )
        game = axl.Game(r=reward, s=sucker, t=temptation, p=punishment)
        length = float("inf") if rules["rounds"] is None else rules["rounds"]
        try:
            for side in (self._own, self._other):
                side.set_match_attributes(length=length, game=game, noise=rules["noise"])
        except ValueError as error:  # parameters that are computed from the payoffs can be out of range
            raise CapabilityError(
                f"axelrod strategy {self._own.name!r} cannot play {rules['game']}: {error}"
            ) from error
        self._own.set_seed(int(rng.integers(2**31)))

    def choose(self) -> int:
        """Return the player's option for the next round."""
        return self._actions.index(self._own.strategy(self._other))

    def learn(self, moves: Sequence[int]) -> None:
        """Append the executed moves to both histories."""
        own, other = self._actions[moves[0]], self._actions[max(moves[1:])]
        self._own.update_history(own, other)
        self._other.update_history(other, own)


def _axelrod() -> Any:
    return require("axelrod", "games", "its strategies as opponents")


def _classes() -> dict[str, Any]:
    return {kind.name: kind for kind in _axelrod().strategies}
