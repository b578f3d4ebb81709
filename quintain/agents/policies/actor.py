"""Playing a frozen policy, whose action may depend on its episode so far.

Given its history, the action of a history-dependent policy is a function of the newest observation alone. So it is, at
any moment of an episode, an ordinary policy, and whatever works on those works on it: :meth:`Rollouts.at` returns it.
"""

from __future__ import annotations

from typing import Any, Generic, Protocol, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from quintain.agents.agent import Action
from quintain.agents.policies.networks import Network
from quintain.agents.policies.sequence import SequencePolicy
from quintain.errors import AgentError

__all__ = ["FrozenPolicy", "PolicyActor", "Rollouts"]

Array = NDArray[np.floating[Any]]
Rows = NDArray[np.int64]


class FrozenPolicy(Protocol):
    """What playing needs of a :class:`~quintain.agents.policies.policy.Policy`."""

    policy: Network

    def act_batch(self, observations: Array) -> NDArray[Any]:
        """Return the most likely actions for observations of shape ``(n, d)``."""

    def normalise(self, observations: Array) -> Array:
        """Return observations, shape ``(n, d)``, as the network reads them."""

    def with_policy(self, policy: Network) -> Self:
        """Return the same policy with another network."""


P = TypeVar("P", bound=FrozenPolicy)


class Rollouts(Generic[P]):
    """A victim in the middle of several episodes, one per row, with what it remembers of each.

    Args:
        victim: The victim; one that remembers nothing costs nothing here.
        rows: Number of episodes.
    """

    def __init__(self, victim: P, rows: int) -> None:
        self.victim = victim
        self._memory = victim.policy.remember(rows) if isinstance(victim.policy, SequencePolicy) else None
        self._all = np.arange(rows, dtype=np.int64)

    def restart(self, rows: Rows | None = None) -> None:
        """Begin other episodes in ``rows``, by default in all."""
        if self._memory is not None:
            self._memory.restart(self._all if rows is None else rows)

    def at(self, rows: Rows | None = None) -> P:
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


class PolicyActor:
    """Plays one episode with a policy, which may depend on its history."""

    def __init__(self, victim: FrozenPolicy) -> None:
        self._rollouts = Rollouts(victim, 1)
        self._rollouts.restart()
        self._last: NDArray[Any] | None = None

    def act(self, observation: Any, info: dict[str, Any]) -> Action:
        """Return the most likely action."""
        if self._last is not None:
            self._rollouts.did(self._last, np.array([_reward_of(info)]))
        actions = self._rollouts.act(np.asarray(observation)[None])
        if isinstance(self._rollouts.victim.policy, SequencePolicy):
            self._last = actions
        return actions[0]


def _reward_of(info: dict[str, Any]) -> float:
    """Return what the last step paid; an actor is told only in the environment's named terms."""
    if "reward_terms" not in info:
        raise AgentError(
            "a victim that remembers has to know its rewards, and this environment reports no info['reward_terms']; "
            "play it with play_episodes"
        )
    return float(sum(info["reward_terms"].values()))
