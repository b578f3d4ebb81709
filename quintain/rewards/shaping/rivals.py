"""Rivals of ExploRS that learn a reward from true returns: SORS by ranking episodes, LIRPG by its effect on returns.

Both as adapted in the release of ExploRS: SORS is added to the environment's reward, LIRPG has no meta-gradient.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from quintain.arguments import check_number
from quintain.mdp import MDP
from quintain.rewards.shaping.self_shaping import joined
from quintain.rewards.shaping.shaper import Episodes, returns_to_go

__all__ = ["LIRPG", "SORS"]

Array = NDArray[np.float64]
Integers = NDArray[np.intp]


class _Added:
    """A learned table that is added to the environment's reward."""

    def __init__(self, mdp: MDP, runs: int, lr: float, every: int) -> None:
        self.mdp, self.lr, self.every = mdp, lr, every
        self.phi = np.zeros((runs, *mdp.shape))
        self._runs = np.arange(runs)

    def shape(
        self, states: Integers, actions: Integers, after: Integers, rewards: Array, running: NDArray[np.bool_]
    ) -> Array:
        """Add the table's entries."""
        return np.asarray(rewards + self.phi[self._runs, states, actions])


class SORS(_Added):
    """Ranks episodes by their true return, and learns a reward under which the better one returns more.

    Logistic loss on up to ``pairs`` pairs of the latest episodes with different returns (Memarian et al. 2021,
    "Self-Supervised Online Reward Shaping in Sparse-Reward Environments").

    Args:
        mdp: The MDP.
        runs: Number of runs.
        lr: Step size. Default: 0.01.
        every: Number of episodes between two updates. Default: 5.
        pairs: Maximum number of pairs of an update, in [1, 64]. Default: 10.

    Attributes:
        phi: The learned reward, shape ``(K, S, A)``.

    Raises:
        ConfigurationError: If ``pairs`` is out of range.
    """

    def __init__(self, mdp: MDP, runs: int, *, lr: float = 0.01, every: int = 5, pairs: int = 10) -> None:
        super().__init__(mdp, runs, lr, every)
        check_number("pairs", pairs, low=1, high=64, integer=True)
        self.pairs = pairs

    def update(self, episodes: Sequence[Episodes], policy: Array, draws: Array) -> None:
        """Take one gradient step on pairs of episodes, drawn with replacement where there are more than ``pairs``."""
        visits = np.zeros((len(episodes), *self.phi.shape))
        discounts = self.mdp.gamma ** np.arange(episodes[0].states.shape[1])
        for number, each in enumerate(episodes):
            runs = np.broadcast_to(self._runs[:, None], each.states.shape)
            np.add.at(visits[number], (runs, each.states, each.actions), discounts * each.steps)
        true = np.stack([returns_to_go(each.rewards, self.mdp.gamma)[:, 0] for each in episodes], axis=1)
        learned = np.einsum("eksa,ksa->ke", visits, self.phi)
        for run in self._runs:
            better, worse = np.nonzero(true[run][:, None] > true[run][None, :])
            if not len(better):
                continue
            if len(better) > self.pairs:
                chosen = (draws[run, : self.pairs] * len(better)).astype(int)
                better, worse = better[chosen], worse[chosen]
            doubt = 1 / (1 + np.exp(learned[run, better] - learned[run, worse]))
            moves = visits[better, run] - visits[worse, run]
            self.phi[run] += self.lr * np.tensordot(doubt, moves, axes=1) / len(better)


class LIRPG(_Added):
    """Learned intrinsic rewards for policy gradients, without the meta-gradient (Zheng, Oh, Singh 2018).

    phi(s, a) += lr / n sum over steps of pi(a|s) (G - V(s)) [N(s, a | s, a) - N(s, a | s, pi)], with N the discounted
    number of visits that follow.

    Differences: the numbers of visits are exact expectations from the MDP's transitions, where the release samples one
    episode each.

    Args:
        mdp: The MDP, whose transitions are used.
        runs: Number of runs.
        lr: Step size. Default: 0.01.
        lr_value: Step size of the baseline V. Default: 0.01.
        every: Number of episodes between two updates. Default: 5.

    Attributes:
        phi: The learned reward, shape ``(K, S, A)``.
        values: Baseline V of true returns, shape ``(K, S)``.
    """

    def __init__(
        self, mdp: MDP, runs: int, *, lr: float = 0.01, lr_value: float = 0.01, every: int = 5
    ) -> None:  # fmt: skip
        super().__init__(mdp, runs, lr, every)
        self.values, self.lr_value = np.zeros((runs, mdp.shape[0])), lr_value

    def update(self, episodes: Sequence[Episodes], policy: Array, draws: Array) -> None:
        """Take one step of the reward and one of the baseline."""
        states, actions, steps, returns = joined(episodes, self.mdp.gamma)
        runs = np.broadcast_to(self._runs[:, None], states.shape)
        surprise = (returns - self.values[runs, states]) * steps
        gradient = np.zeros_like(self.phi)
        np.add.at(gradient, (runs, states, actions), policy[runs, states, actions] * surprise)
        self.phi += self.lr / len(episodes) * gradient * self._more_visits(policy)
        change = np.zeros_like(self.values)
        np.add.at(change, (runs, states), surprise)
        self.values += self.lr_value * change / steps.sum(axis=1)[:, None]

    def _more_visits(self, policy: Array) -> Array:
        """Return how many more visits of (s, a) follow from taking a in s than from following the policy there."""
        onward = self.mdp.gamma * self.mdp.continuing
        moves = np.einsum("ksa,sat->kst", policy, onward, optimize=True)
        returns_to = np.linalg.inv(np.eye(self.mdp.shape[0]) - moves)
        back = np.einsum("sat,kts->ksa", onward, returns_to, optimize=True)
        mean = (policy * back).sum(axis=-1, keepdims=True)
        return np.asarray(1 - policy + (back - mean) * policy)
