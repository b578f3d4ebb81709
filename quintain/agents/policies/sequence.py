"""History-dependent policies: networks that read the episode so far, and the history that they keep of each episode."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from quintain.agents.policies.networks import Network, VJPFunction
from quintain.errors import CapabilityError

__all__ = ["History", "SequencePolicy"]

Array = NDArray[np.floating[Any]]
Rows = NDArray[np.int64]


class History(Protocol):
    """What a policy keeps of several episodes, one per row. ``rows`` holds indices of rows."""

    def reset(self, rows: Rows) -> None:
        """Empty the history of ``rows``: new episodes start there."""

    def network(self, rows: Rows) -> Network:
        """Return the network at the current time step: from the current observations of ``rows`` to outputs."""

    def observe(self, x: Array, rows: Rows) -> None:
        """Append the current observations, normalised: shape ``(n, d)``."""

    def record(self, actions: NDArray[Any], rewards: Array, rows: Rows) -> None:
        """Append the actions that followed, and their rewards, shape ``(n,)``."""


class SequencePolicy(ABC):
    """A network whose output depends on the episode so far, not on the current observation alone.

    It takes the place of a :class:`~quintain.agents.policies.networks.Network` in a policy, but refuses to be called
    with single observations: play such a policy through :class:`~quintain.agents.policies.actor.Rollouts`.
    """

    @abstractmethod
    def new_history(self, rows: int) -> History:
        """Return an empty history of ``rows`` episodes."""

    def __call__(self, x: Array) -> Array:
        """Refuse: the history is missing."""
        raise CapabilityError(_NO_HISTORY)

    def vjp(self, x: Array) -> tuple[Array, VJPFunction]:
        """Refuse: the history is missing."""
        raise CapabilityError(_NO_HISTORY)


_NO_HISTORY = (
    "this policy is history-dependent and was given single observations; play it with play_episodes, "
    "quintain.evaluate or Rollouts, and attack it with attacks that follow its episodes"
)
