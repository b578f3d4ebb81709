"""The strategies of the axelrod library (Knight et al. 2016) as players. Importing it takes many seconds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from quintain.agents.games.machines import Traits
from quintain.errors import ConfigurationError, UnknownNameError, require

__all__ = ["AxelrodPlayer", "AxelrodStrategy", "axelrod_names", "find_strategy"]


@dataclass(frozen=True)
class AxelrodStrategy:
    """One of the library's strategies.

    Attributes:
        make: Makes a fresh player.
        traits: What the library declares about it.
    """

    make: Callable[[], Any]
    traits: Traits


def axelrod_names() -> list[str]:
    """Names of all honest strategies of the installed library.

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
    return AxelrodStrategy(lambda: classes[name](**arguments), traits)


class AxelrodPlayer:
    """One match of an axelrod player against whoever sits opposite, whose moves a mock player repeats.

    The library's players look at both histories, so both are kept. They assume the classic payoffs 3, 0, 5, 1.
    """

    def __init__(self, player: AxelrodStrategy, rng: np.random.Generator) -> None:
        axl = _axelrod()
        self._actions = (axl.Action.C, axl.Action.D)
        self._own, self._other = player.make(), axl.MockPlayer()
        for side in (self._own, self._other):
            side.set_match_attributes(length=float("inf"), game=axl.DefaultGame, noise=0)
        self._own.reset()
        self._own.set_seed(int(rng.integers(2**31)))

    def choose(self) -> int:
        """Ask the player, before either history grows."""
        return self._actions.index(self._own.strategy(self._other))

    def learn(self, moves: Sequence[int]) -> None:
        """Write the executed moves into both histories."""
        own, other = self._actions[moves[0]], self._actions[max(moves[1:])]
        self._own.update_history(own, other)
        self._other.update_history(other, own)


def _axelrod() -> Any:
    return require("axelrod", "games", "its strategies as opponents")


def _classes() -> dict[str, Any]:
    return {kind.name: kind for kind in _axelrod().strategies}
