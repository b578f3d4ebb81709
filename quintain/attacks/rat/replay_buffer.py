"""The replay buffer of RAT: transitions in time order, so that segments can be cut out and rewards relabelled."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["ReplayBuffer"]

Array = NDArray[np.floating[Any]]


class ReplayBuffer:
    """Transitions of several environments that are stepped together.

    Args:
        length: Maximum number of steps of each environment.
        n_envs: Number of environments that are stepped in parallel.
        state_size: Entries of a state.
        action_size: Entries of an action.
        store_perturbations: Whether perturbations are stored, and returned by :meth:`sample` in place of actions.
            Default: false.

    Attributes:
        size: Number of steps stored so far.
        x: Normalised states, shape ``(length, n_envs, state_size)``.
        z: The same before the normaliser's clip, from which a perturbation starts.
        next_x: Normalised states after the action, same shape.
        action: Executed actions, of the perturbed policy or the intention policy, scaled to [-1, 1]; never the
            perturbation. Shape ``(length, n_envs, action_size)``.
        delta: Perturbations, scaled to [-1, 1]; no entries unless ``store_perturbations``.
        not_terminated: 0 where the task ended with the step, else 1; shape ``(length, n_envs)``, like the following.
        reward: Output of the learned reward, from which the learners learn.
        true_reward: The attacker's reward by the environment; only the teacher reads it.
        episode: Number of the episode that the step belongs to.
    """

    def __init__(
        self, length: int, n_envs: int, state_size: int, action_size: int, store_perturbations: bool = False
    ) -> None:
        self.n_envs, self.size = n_envs, 0
        self.x = np.zeros((length, n_envs, state_size), np.float32)
        self.z, self.next_x = np.zeros_like(self.x), np.zeros_like(self.x)
        self.action = np.zeros((length, n_envs, action_size), np.float32)
        self.delta = np.zeros((length, n_envs, state_size if store_perturbations else 0), np.float32)
        self.not_terminated = np.zeros((length, n_envs), np.float32)
        self.reward = np.zeros((length, n_envs), np.float32)
        self.true_reward = np.zeros((length, n_envs))
        self.episode = np.zeros((length, n_envs), np.int64)

    def add(
        self,
        x: Array,
        action: Array,
        next_x: Array,
        not_terminated: Array,
        reward: Array,
        true_reward: Array,
        episode: NDArray[Any],
        delta: Array | None = None,
        z: Array | None = None,
    ) -> None:
        """Store one step of all environments; arguments are rows of the attributes of the same names."""
        i = self.size
        self.z[i] = x if z is None else z
        self.x[i], self.action[i], self.next_x[i] = x, action, next_x
        self.not_terminated[i], self.reward[i], self.true_reward[i] = not_terminated, reward, true_reward
        self.episode[i] = episode
        if self.delta.shape[2]:
            assert delta is not None
            self.delta[i] = delta
        self.size += 1

    def sample(self, n: int, rng: np.random.Generator) -> tuple[Array, ...]:
        """Draw ``n`` transitions with replacement.

        Returns:
            States, actions (perturbations, if stored), learned rewards, next states, and 0 where the task ended else 1.
        """
        i = self._draw(n, rng)
        chosen = self.delta if self.delta.shape[2] else self.action
        return self.x[i], chosen[i], self.reward[i], self.next_x[i], self.not_terminated[i]

    def sample_states(self, n: int, rng: np.random.Generator) -> Array:
        """Draw ``n`` states with replacement, before the normaliser's clip."""
        return np.asarray(self.z[self._draw(n, rng)])

    def _draw(self, n: int, rng: np.random.Generator) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        return rng.integers(self.size, size=n), rng.integers(self.n_envs, size=n)

    def segment(self, length: int, rng: np.random.Generator) -> tuple[Array, float] | None:
        """Draw a segment of one episode.

        Returns:
            States joined with actions, shape ``(length, state_size + action_size)``, and the attacker's true return of
            the segment; ``None`` if none of 100 random segments lies within one episode.
        """
        for _ in range(100):
            start, row = int(rng.integers(max(1, self.size - length + 1))), int(rng.integers(self.n_envs))
            part = slice(start, start + length)
            if start + length <= self.size and self.episode[start, row] == self.episode[start + length - 1, row]:
                inputs = np.concatenate([self.x[part, row], self.action[part, row]], 1)
                return inputs, float(self.true_reward[part, row].sum())
        return None
