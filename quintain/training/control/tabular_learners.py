"""Tabular learners, many independent ones at once: Q-learning and REINFORCE."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from quintain.rewards.shaping.shaper import Episodes, returns_to_go

__all__ = ["QLearner", "Reinforce", "TabularLearner"]

Array = NDArray[np.float64]
Integers = NDArray[np.intp]

#: Action values that differ by less are equal (released programs).
_TIE = 1e-6


class TabularLearner(Protocol):
    """``K`` independent learners.

    Attributes:
        table: What is learned, shape ``(K, S, A)``.
        every: Number of episodes between two updates from episodes; 0 for a learner that learns in every step.
    """

    table: Array
    every: int

    def choose(self, states: Integers, draws: Array) -> Integers:
        """Return one action per learner for its state, shape ``(K,)``, from uniform random numbers."""
        ...

    def step(
        self, states: Integers, actions: Integers, rewards: Array, after: Integers, running: NDArray[np.bool_]
    ) -> None:
        """Learn from one step of every learner."""
        ...

    def update(self, episodes: Sequence[Episodes]) -> None:
        """Learn from the latest episodes, oldest first."""
        ...

    def policy(self) -> Array:
        """Return the action probabilities with which the learner plays, shape ``(K, S, A)``."""
        ...

    def greedy(self) -> Array:
        """Return the policy to be evaluated: without exploration, shape ``(K, S, A)``."""
        ...


class QLearner:
    """Q-learning with epsilon-greedy actions; ties are broken at random.

    Q(s, a) += alpha [r + gamma max_b Q(s', b) - Q(s, a)] after every step.

    Args:
        runs: Number of learners.
        shape: Number of states and actions.
        gamma: Discount.
        alpha: Step size. Default: 0.5 (EXPRD's runs).
        epsilon: Share of random actions. Default: 0.1 (EXPRD's runs).
    """

    every = 0

    def __init__(
        self, runs: int, shape: tuple[int, int], gamma: float, *, alpha: float = 0.5, epsilon: float = 0.1
    ) -> None:
        self.table = np.zeros((runs, *shape))
        self.gamma, self.alpha, self.epsilon = gamma, alpha, epsilon
        self._runs = np.arange(runs)

    def choose(self, states: Integers, draws: Array) -> Integers:
        """Return epsilon-greedy actions."""
        rows = self.table[self._runs, states]
        return _drawn(_soft(rows, self.epsilon), draws)

    def step(
        self, states: Integers, actions: Integers, rewards: Array, after: Integers, running: NDArray[np.bool_]
    ) -> None:
        """Update the action values; those of terminal states are never updated and stay 0."""
        best = self.table[self._runs, after].max(axis=1)
        index = (self._runs, states, actions)
        self.table[index] += self.alpha * running * (rewards + self.gamma * best - self.table[index])

    def update(self, episodes: Sequence[Episodes]) -> None:
        """Learn nothing: every step has been learned from."""

    def policy(self) -> Array:
        """Return the epsilon-greedy policy."""
        return _soft(self.table, self.epsilon)

    def greedy(self) -> Array:
        """Return the greedy policy, uniform among equal actions."""
        return _soft(self.table, 0.0)


class Reinforce:
    """REINFORCE with a softmax table and no baseline.

    theta(s, .) += alpha / N sum over steps of the latest episodes of G [1(. = a) - pi(. | s)], where G is the
    discounted return from the step on and N the number of steps.

    Args:
        runs: Number of learners.
        shape: Number of states and actions.
        gamma: Discount.
        alpha: Step size. Default: 0.1 (ExploRS's runs; 0.01 in ExpAdaRD's).
        every: Number of episodes between two updates. Default: 2.
        recent: Number of latest episodes from which an update learns. Default: 5.
        start: Logits to begin with, shape ``(S, A)`` or ``(K, S, A)``. Default: zeros, the uniform policy.
    """

    def __init__(
        self,
        runs: int,
        shape: tuple[int, int],
        gamma: float,
        *,
        alpha: float = 0.1,
        every: int = 2,
        recent: int = 5,
        start: Array | None = None,
    ) -> None:
        self.table = np.zeros((runs, *shape)) + (0.0 if start is None else start)
        self.gamma, self.alpha, self.every, self.recent = gamma, alpha, every, recent
        self._runs = np.arange(runs)
        self._refresh()

    def _refresh(self) -> None:
        weights = np.exp(self.table - self.table.max(axis=-1, keepdims=True))
        self._policy: Array = weights / weights.sum(axis=-1, keepdims=True)
        self._cumulative = self._policy.cumsum(axis=-1)[..., :-1]

    def choose(self, states: Integers, draws: Array) -> Integers:
        """Sample actions."""
        return np.asarray((draws[:, None] > self._cumulative[self._runs, states]).sum(axis=1))

    def step(
        self, states: Integers, actions: Integers, rewards: Array, after: Integers, running: NDArray[np.bool_]
    ) -> None:
        """Learn nothing yet."""

    def update(self, episodes: Sequence[Episodes]) -> None:
        """Take one gradient step."""
        latest = episodes[-self.recent :]
        states, actions, steps = (
            np.concatenate([getattr(each, name) for each in latest], axis=1) for name in ("states", "actions", "steps")
        )
        gains = np.concatenate([returns_to_go(each.shaped, self.gamma) for each in latest], axis=1) * steps
        runs = np.broadcast_to(self._runs[:, None], states.shape)
        gradient = np.zeros_like(self.table)
        np.add.at(gradient, (runs, states, actions), gains)
        weights = np.zeros(self.table.shape[:2])
        np.add.at(weights, (runs, states), gains)
        gradient -= weights[..., None] * self._policy
        self.table = self.table + self.alpha * gradient / steps.sum(axis=1)[:, None, None]
        self._refresh()

    def policy(self) -> Array:
        """Return the softmax policy."""
        return self._policy

    def greedy(self) -> Array:
        """Return the softmax policy: exploration is part of it."""
        return self._policy


def _soft(values: Array, epsilon: float) -> Array:
    """Return epsilon-greedy probabilities along the last axis."""
    best = values >= values.max(axis=-1, keepdims=True) - _TIE
    found: Array = (1 - epsilon) * best / best.sum(axis=-1, keepdims=True) + epsilon / values.shape[-1]
    return found


def _drawn(probabilities: Array, draws: Array) -> Integers:
    found: Integers = (draws[:, None] > probabilities.cumsum(axis=1)[:, :-1]).sum(axis=1)
    return found
