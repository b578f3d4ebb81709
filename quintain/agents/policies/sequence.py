"""Victims that remember their episode: what they keep of it, and several episodes in the middle of which they are.

Given what a victim remembers, its action is a function of the newest observation alone. So a victim with a memory is,
at any moment, an ordinary victim, and whatever works on those works on it: :meth:`Rollouts.at` returns that victim.
Whoever plays keeps one :class:`Rollouts`; an attack keeps another of its own, fed with what the victim was shown.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from quintain.agents.policies.networks import Network, Pullback
from quintain.errors import CapabilityError

__all__ = ["Memory", "SequencePolicy"]

Array = NDArray[np.floating[Any]]
Rows = NDArray[np.int64]


class Memory(Protocol):
    """What a policy remembers of several episodes, one per row."""

    def restart(self, rows: Rows) -> None:
        """Forget the episodes in ``rows``; others begin there."""

    def policy(self, rows: Rows) -> Network:
        """Return the outputs as a function of the newest observations of ``rows``, everything before being fixed."""

    def saw(self, x: Array, rows: Rows) -> None:
        """Remember the newest observations, as the networks read them: shape ``(n, d)``."""

    def did(self, actions: NDArray[Any], rewards: Array, rows: Rows) -> None:
        """Remember what was done after that, and what it was paid."""


class SequencePolicy(ABC):
    """A policy that reads its episode so far, not the newest observation alone."""

    @abstractmethod
    def remember(self, rows: int) -> Memory:
        """Make room for ``rows`` episodes."""

    def __call__(self, x: Array) -> Array:
        """Refuse: nobody said what came before."""
        raise CapabilityError(_UNREMEMBERED)

    def pull(self, x: Array) -> tuple[Array, Pullback]:
        """Refuse, likewise."""
        raise CapabilityError(_UNREMEMBERED)


_UNREMEMBERED = (
    "this victim remembers its episode, and was asked about single observations; play it with play_episodes, "
    "quintain.evaluate or Rollouts, and attack it with attacks that look at the episode it is in"
)
