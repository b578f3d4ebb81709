"""What a reward that changes during training sees and gives: many runs at once, one row each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

__all__ = ["Episodes", "FixedReward", "Shaper", "returns_to_go"]

Array = NDArray[np.float64]
Integers = NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Episodes:
    """One episode of each of ``K`` runs, padded to ``H`` steps.

    Attributes:
        states: States, shape ``(K, H)``.
        actions: Actions, shape ``(K, H)``.
        rewards: Rewards of the environment, shape ``(K, H)``; 0 after the end.
        shaped: Rewards that the learner was given, shape ``(K, H)``; 0 after the end.
        steps: Which steps were taken, shape ``(K, H)``.
    """

    states: Integers
    actions: Integers
    rewards: Array
    shaped: Array
    steps: NDArray[np.bool_]


class Shaper(Protocol):
    """A reward that a learner is given in place of the environment's, and that may change between episodes.

    Attributes:
        every: Number of episodes between two updates; 0 for none.
    """

    every: int

    def shape(
        self, states: Integers, actions: Integers, after: Integers, rewards: Array, running: NDArray[np.bool_]
    ) -> Array:
        """Return the reward of one step of every run.

        Args:
            states: States before the step, shape ``(K,)``.
            actions: Actions, shape ``(K,)``.
            after: States after the step, shape ``(K,)``.
            rewards: Rewards of the environment, shape ``(K,)``.
            running: Which runs have not ended their episode before this step, shape ``(K,)``.
        """
        ...

    def update(self, episodes: Sequence[Episodes], policy: Array, draws: Array) -> None:
        """Learn from the latest episodes.

        Args:
            episodes: The latest episodes, oldest first.
            policy: Present action probabilities of the learners, shape ``(K, S, A)``.
            draws: Uniform random numbers for this update, shape ``(K, 64)``.
        """
        ...


class FixedReward:
    """A reward table that stays as it is.

    Args:
        tables: Rewards, shape ``(S, A)``, or one table per run, shape ``(K, S, A)``.
    """

    every = 0

    def __init__(self, tables: Array) -> None:
        self.tables = tables

    def shape(
        self, states: Integers, actions: Integers, after: Integers, rewards: Array, running: NDArray[np.bool_]
    ) -> Array:
        """Return the entries of the table."""
        if self.tables.ndim == 2:
            return np.asarray(self.tables[states, actions])
        return np.asarray(self.tables[np.arange(len(states)), states, actions])

    def update(self, episodes: Sequence[Episodes], policy: Array, draws: Array) -> None:
        """Learn nothing."""


def returns_to_go(rewards: Array, gamma: float) -> Array:
    """Return the discounted sums of future rewards, along the last axis.

    Example:
        >>> returns_to_go(np.array([[1.0, 2.0]]), 0.5)
        array([[2., 2.]])
    """
    found = np.zeros_like(rewards)
    following = np.zeros(rewards.shape[:-1])
    for step in reversed(range(rewards.shape[-1])):
        following = rewards[..., step] + gamma * following
        found[..., step] = following
    return found
