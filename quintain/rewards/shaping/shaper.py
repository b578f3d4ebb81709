"""What a reward that changes during training sees and gives: many runs at once, one row each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from quintain.errors import ConfigurationError

__all__ = ["Episodes", "FixedReward", "Grouped", "Shaper", "returns_to_go"]

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


class Grouped:
    """Different rewards of consecutive groups of runs, so that all of them learn in one loop.

    Args:
        shapers: The rewards.
        sizes: Number of runs of each.
    """

    def __init__(self, shapers: Sequence[Shaper], sizes: Sequence[int]) -> None:
        ends = np.cumsum(sizes)
        self.parts = [(each, slice(int(e - n), int(e))) for each, n, e in zip(shapers, sizes, ends, strict=True)]
        updated = {each.every for each in shapers if each.every}
        if len(updated) > 1:
            raise ConfigurationError(
                f"grouped rewards must be updated equally often, not every {sorted(updated)} episodes"
            )
        self.every = updated.pop() if updated else 0

    def shape(
        self, states: Integers, actions: Integers, after: Integers, rewards: Array, running: NDArray[np.bool_]
    ) -> Array:
        """Return the rewards of each group."""
        return np.concatenate(
            [each.shape(states[p], actions[p], after[p], rewards[p], running[p]) for each, p in self.parts]
        )

    def update(self, episodes: Sequence[Episodes], policy: Array, draws: Array) -> None:
        """Let each reward learn from the episodes of its group."""
        for each, p in self.parts:
            if each.every:
                own = [Episodes(*(getattr(e, name)[p] for name in _FIELDS)) for e in episodes]
                each.update(own, policy[p], draws[p])


_FIELDS = ("states", "actions", "rewards", "shaped", "steps")


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
