"""What RAT has seen: transitions in playing order, so that segments can be cut from them and rewards relabelled."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Memory"]

Array = NDArray[np.floating[Any]]


class Memory:
    """Transitions of several environments that are played side by side.

    Args:
        length: Steps that fit.
        rows: Environments.
        states: Length of a state.
        actions: Length of an action.
        lies: Keep the perturbations too.
    """

    def __init__(self, length: int, rows: int, states: int, actions: int, lies: bool = False) -> None:
        self.rows, self.size = rows, 0
        self.x = np.zeros((length, rows, states), np.float32)
        self.following = np.zeros((length, rows, states), np.float32)
        #: What the victim or the intention policy executed, in [-1, 1]; never the perturbation.
        self.action = np.zeros((length, rows, actions), np.float32)
        #: What the victim was told, in [-1, 1]; for learners that choose lies rather than actions.
        self.lie = np.zeros((length, rows, states if lies else 0), np.float32)
        self.going = np.zeros((length, rows), np.float32)
        #: What the learned reward says, and what the attacker would really get; the latter only the teacher sees.
        self.reward = np.zeros((length, rows), np.float32)
        self.true_reward = np.zeros((length, rows))
        self.episode = np.zeros((length, rows), np.int64)

    def add(
        self,
        x: Array,
        action: Array,
        following: Array,
        going: Array,
        reward: Array,
        true: Array,
        episode: NDArray[Any],
        lie: Array | None = None,
    ) -> None:
        """Remember one step of all environments."""
        i = self.size
        self.x[i], self.action[i], self.following[i] = x, action, following
        self.going[i], self.reward[i], self.true_reward[i], self.episode[i] = going, reward, true, episode
        if self.lie.shape[2]:
            assert lie is not None
            self.lie[i] = lie
        self.size += 1

    def batch(self, n: int, rng: np.random.Generator) -> tuple[Array, ...]:
        """Draw ``n`` transitions: states, actions (or lies, if kept), rewards, next states, 0 where the task ended."""
        i = rng.integers(self.size, size=n), rng.integers(self.rows, size=n)
        chosen = self.lie if self.lie.shape[2] else self.action
        return self.x[i], chosen[i], self.reward[i], self.following[i], self.going[i]

    def segment(self, length: int, rng: np.random.Generator) -> tuple[Array, float] | None:
        """Cut a segment from one episode: states with actions, ``(length, d + a)``, and the attacker's true return.

        Returns ``None`` if no draw of many fits into an episode.
        """
        for _ in range(100):
            start, row = int(rng.integers(max(1, self.size - length + 1))), int(rng.integers(self.rows))
            part = slice(start, start + length)
            if start + length <= self.size and self.episode[start, row] == self.episode[start + length - 1, row]:
                inputs = np.concatenate([self.x[part, row], self.action[part, row]], 1)
                return inputs, float(self.true_reward[part, row].sum())
        return None
