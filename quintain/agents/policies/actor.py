"""Playing a frozen policy, whose action may depend on the history of its episode.

Given the history, the action of a history-dependent policy is a function of the current observation alone. At every
time step it is therefore an ordinary, memoryless policy, :meth:`Rollouts.policy_at`, and whatever works on memoryless
policies works on that one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Generic, Protocol, Self, TypeVar

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from quintain.agents.agent import Action
from quintain.agents.policies.networks import Network
from quintain.agents.policies.sequence import SequencePolicy
from quintain.errors import CapabilityError

__all__ = ["FrozenPolicy", "PolicyActor", "Rollouts"]

Array = NDArray[np.floating[Any]]
Rows = NDArray[np.int64]


class FrozenPolicy(Protocol):
    """The part of :class:`~quintain.agents.policies.policy.Policy` that playing needs."""

    network: Network

    def act_batch(self, observations: Array) -> NDArray[Any]:
        """Return the most likely actions for observations of shape ``(n, d)``."""

    def normalise(self, observations: Array) -> Array:
        """Return observations, shape ``(n, d)``, as the network reads them."""

    def with_network(self, network: Network) -> Self:
        """Return the same policy with another network."""


P = TypeVar("P", bound=FrozenPolicy)


class Rollouts(Generic[P]):
    """The state of a policy in several episodes that are played at once, one per row.

    For a memoryless policy there is no state, and every method but :meth:`act` and :meth:`policy_at` does nothing.

    Args:
        policy: The policy that acts, shared by all rows.
        rows: Number of episodes, >= 1.
    """

    def __init__(self, policy: P, rows: int) -> None:
        self.policy = policy
        self._history = policy.network.new_history(rows) if isinstance(policy.network, SequencePolicy) else None
        self._all = np.arange(rows, dtype=np.int64)

    def reset(self, rows: Rows | None = None) -> None:
        """Start new episodes in ``rows``, by default in all: their history is empty."""
        if self._history is not None:
            self._history.reset(self._all if rows is None else rows)

    def policy_at(self, rows: Rows | None = None) -> P:
        """Return the policy at the current time step of ``rows``, a function of the current observation alone.

        Args:
            rows: Indices of the episodes, by default all. Row ``i`` of the result's batches belongs to ``rows[i]``.
        """
        if self._history is None:
            return self.policy
        return self.policy.with_network(self._history.network(self._all if rows is None else rows))

    def observe(self, observations: Array, rows: Rows | None = None) -> None:
        """Record the observations that the policy received, perturbed ones if there was an attack: shape ``(n, d)``."""
        if self._history is not None:
            self._history.observe(self.policy.normalise(observations), self._all if rows is None else rows)

    def record(self, actions: NDArray[Any], rewards: Array, rows: Rows | None = None) -> None:
        """Record the actions that followed the last observations, and their rewards, shape ``(n,)``."""
        if self._history is not None:
            self._history.record(np.asarray(actions), np.asarray(rewards), self._all if rows is None else rows)

    def act(self, observations: Array) -> NDArray[Any]:
        """Return the most likely actions in all rows, and record the observations."""
        actions = self.policy_at().act_batch(observations)
        self.observe(observations)
        return actions


class PolicyActor:
    """Plays one episode with a policy, which may be history-dependent.

    Args:
        policy: The policy that chooses the actions; it keeps no state of the episode.
        dict_space: Space of the observations if they are dictionaries, which are flattened.
    """

    def __init__(self, policy: FrozenPolicy, dict_space: spaces.Dict | None = None) -> None:
        self._dict_space = dict_space
        self._rollouts = Rollouts(policy, 1)
        self._rollouts.reset()
        self._last: NDArray[Any] | None = None

    def act(self, observation: Any, info: dict[str, Any]) -> Action:
        """Return the most likely action."""
        if self._last is not None:
            self._rollouts.record(self._last, np.array([_reward_of(info)]))
        if self._dict_space is not None and isinstance(observation, Mapping):
            observation = spaces.flatten(self._dict_space, observation)
        actions = self._rollouts.act(np.asarray(observation)[None])
        if isinstance(self._rollouts.policy.network, SequencePolicy):
            self._last = actions
        return actions[0]


def _reward_of(info: dict[str, Any]) -> float:
    """Return the reward of the last step. An actor receives it only as the named terms in ``info``."""
    if "reward_terms" not in info:
        raise CapabilityError(
            "a history-dependent policy needs the rewards of its episode, and this environment reports no "
            "info['reward_terms']; play it with play_episodes"
        )
    return float(sum(info["reward_terms"].values()))
