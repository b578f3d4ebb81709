"""Victims that remember their episode: what they keep of it, and several episodes in the middle of which they are.

Given what a victim remembers, its action is a function of the newest observation alone. So a victim with a memory is,
at any moment, an ordinary victim, and whatever works on those works on it: :meth:`Rollouts.at` returns that victim.
Whoever plays keeps one :class:`Rollouts`; an attack keeps another of its own, fed with what the victim was shown.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from quintain.agents.victims.networks import Network, Pullback
from quintain.errors import CapabilityError

if TYPE_CHECKING:
    from quintain.agents.victims.victim import Victim

__all__ = ["Memory", "Rollouts", "SequencePolicy"]

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


class Rollouts:
    """A victim in the middle of several episodes, one per row, with what it remembers of each.

    Args:
        victim: The victim; one that remembers nothing costs nothing here.
        rows: Number of episodes.
    """

    def __init__(self, victim: Victim, rows: int) -> None:
        self.victim = victim
        self._memory = victim.policy.remember(rows) if isinstance(victim.policy, SequencePolicy) else None
        self._all = np.arange(rows, dtype=np.int64)

    def restart(self, rows: Rows | None = None) -> None:
        """Begin other episodes in ``rows``, by default in all."""
        if self._memory is not None:
            self._memory.restart(self._all if rows is None else rows)

    def at(self, rows: Rows | None = None) -> Victim:
        """Return the victim at this moment of the episodes in ``rows``: it acts on the newest observation alone."""
        if self._memory is None:
            return self.victim
        return self.victim.with_policy(self._memory.policy(self._all if rows is None else rows))

    def saw(self, observations: Array, rows: Rows | None = None) -> None:
        """Take note of what the victim saw, shape ``(n, d)``; perturbed, if it was."""
        if self._memory is not None:
            self._memory.saw(self.victim.normalise(observations), self._all if rows is None else rows)

    def did(self, actions: NDArray[Any], rewards: Array, rows: Rows | None = None) -> None:
        """Take note of what it did after that, and what it was paid."""
        if self._memory is not None:
            self._memory.did(np.asarray(actions), np.asarray(rewards), self._all if rows is None else rows)

    def act(self, observations: Array) -> NDArray[Any]:
        """Return the most likely actions in all rows, and take note of what was seen."""
        actions = self.at().act_batch(observations)
        self.saw(observations)
        return actions
