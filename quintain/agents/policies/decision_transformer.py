"""The Decision Transformer: a policy that reads a window of its last steps and the return-to-go."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from quintain.agents.policies.networks import Autograd, Network
from quintain.agents.policies.sequence import Array, History, Rows, SequencePolicy
from quintain.agents.policies.transformer import DecisionNetwork
from quintain.errors import ConfigurationError, require

__all__ = ["DecisionTransformer", "encoded_actions"]


class DecisionTransformer(SequencePolicy):
    """A return-conditioned policy (Chen et al. 2021): it acts to reach the target return.

    Args:
        network: Maps windows to actions.
        space: Action space of the environment; bounds the predicted actions.
        context: Length of the window in time steps, the current one included, >= 1.
        target: Return-to-go at the start of an episode, in units of the environment's return; each reward is
            subtracted from it.
        scale: Returns-to-go are divided by it before the network reads them, > 0.

    Raises:
        ConfigurationError: If ``context`` or ``scale`` is out of range.
    """

    def __init__(
        self, network: DecisionNetwork, space: spaces.Space[Any], *, context: int, target: float, scale: float
    ) -> None:
        if context < 1 or not scale > 0:
            raise ConfigurationError(f"expected context >= 1 and scale > 0, got {context!r} and {scale!r}")
        self.network = network
        self.space = space
        self.context = context
        self.target = target
        self.scale = scale

    def new_history(self, rows: int) -> History:
        """Return empty windows of ``rows`` episodes."""
        return _Window(self, rows)


class _Window:
    """The last steps of every row, oldest first: returns-to-go, normalised observations, actions."""

    def __init__(self, policy: DecisionTransformer, rows: int) -> None:
        self._torch = require("torch", "rl", "Decision Transformers")
        self._policy = policy
        shape, before = policy.network.shape, policy.context - 1
        self._returns = np.full((rows, before + 1), policy.target)
        self._states = np.zeros((rows, before, shape.states), np.float32)
        self._actions = np.zeros((rows, before, shape.actions), np.float32)
        self._newest = np.zeros((rows, shape.states), np.float32)
        self._time = np.zeros(rows, np.int64)

    def reset(self, rows: Rows) -> None:
        self._time[rows] = 0
        self._returns[rows, -1] = self._policy.target

    def network(self, rows: Rows) -> Network:
        torch, before = self._torch, self._policy.context - 1
        back = np.arange(before, -1, -1)
        times = self._time[rows, None] - back
        function = self._policy.network.given(
            torch.as_tensor(self._returns[rows] / self._policy.scale, dtype=torch.float32),
            torch.from_numpy(self._states[rows]),
            torch.from_numpy(self._actions[rows]),
            torch.from_numpy(np.maximum(times, 0)),
            torch.from_numpy(times[:, :-1] >= 0),
        )
        return Autograd(function, torch.float32)

    def observe(self, x: Array, rows: Rows) -> None:
        self._newest[rows] = x

    def record(self, actions: NDArray[Any], rewards: Array, rows: Rows) -> None:
        left = self._returns[rows, -1] - rewards
        self._returns[rows] = np.concatenate([self._returns[rows, 1:], left[:, None]], 1)
        if self._policy.context > 1:
            for kept, new in (
                (self._states, self._newest[rows]),
                (self._actions, encoded_actions(actions, self._policy.space)),
            ):
                kept[rows] = np.concatenate([kept[rows, 1:], new[:, None]], 1)
        self._time[rows] += 1


def encoded_actions(actions: NDArray[Any], space: spaces.Space[Any]) -> NDArray[np.float32]:
    """Return actions, shape ``(n, ...)``, as the network reads and predicts them, shape ``(n, k)``.

    Discrete actions are one-hot, those of a bounded Box are scaled to [-1, 1], others are unchanged.
    """
    if isinstance(space, spaces.Discrete):
        return np.eye(int(space.n), dtype=np.float32)[np.asarray(actions, np.int64) - int(space.start)]
    assert isinstance(space, spaces.Box)
    if not space.is_bounded():
        return np.asarray(actions, np.float32)
    low, high = space.low.astype(np.float64), space.high.astype(np.float64)
    return np.asarray(2 * (actions - low) / (high - low) - 1, np.float32)
