"""ExploRS: a learner shapes its own reward by an exploration bonus and a reward learned from its true returns.

R(s, a, s') = R_env(s, a) + R_phi(s, a) + B_w(s'). ``bonus=False`` is SelfRS, ``intrinsic=False`` is ExploB
(Devidze, Kamalaruban, Singla 2022, "Exploration-Guided Reward Shaping for Reinforcement Learning under Sparse Rewards",
NeurIPS).

Differences: R_phi is updated with the present action probabilities, not with those at the time of each step.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from quintain.arguments import check_number
from quintain.errors import ConfigurationError
from quintain.mdp import MDP
from quintain.rewards.shaping.shaper import Episodes, returns_to_go

__all__ = ["ExploRS", "ExploRSSettings", "joined"]

Array = NDArray[np.float64]
Integers = NDArray[np.intp]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExploRSSettings:
    """Settings of ExploRS; defaults of the released tabular program.

    Attributes:
        bonus: Whether there is an exploration bonus. Default: true.
        intrinsic: Whether there is a learned reward R_phi. Default: true.
        lambda_: Scale of the bonus, > 0. Default: 1.
        bonus_max: Bonus of a state that has not been left yet, > 0. Default: 1.
        lr_reward: Step size of R_phi, >= 0. Default: 0.01.
        lr_value: Step size of the baseline V, in [0, 1]. Default: 0.01.
        clip: Bound on the absolute values of R_phi, > 0; ``None`` for none. Default: ``None``, for every learner; the
            released program has 0.01 with Q-learning, which has to be set.
        every: Number of episodes between two updates. Default: 5.

    Raises:
        ConfigurationError: If a value is out of range.
    """

    bonus: bool = True
    intrinsic: bool = True
    lambda_: float = 1.0
    bonus_max: float = 1.0
    lr_reward: float = 0.01
    lr_value: float = 0.01
    clip: float | None = None
    every: int = 5

    def __post_init__(self) -> None:
        """Check the values."""
        check_number("lambda_", self.lambda_, above=0)
        check_number("bonus_max", self.bonus_max, above=0)
        check_number("lr_reward", self.lr_reward, low=0)
        check_number("lr_value", self.lr_value, low=0, high=1)
        check_number("every", self.every, low=1, integer=True)
        if self.clip is not None:
            check_number("clip", self.clip, above=0)
        if not (self.bonus or self.intrinsic):
            raise ConfigurationError("without bonus and intrinsic reward nothing is shaped; use FixedReward")


class ExploRS:
    """The reward of ExploRS, for ``runs`` learners.

    Args:
        mdp: The MDP; of its transitions only which states are terminal is used.
        runs: Number of runs.
        settings: Settings; ``None`` for the defaults.

    Attributes:
        phi: R_phi, shape ``(K, S, A)``.
        values: Baseline V of true returns, shape ``(K, S)``.
        counts: How often each state was left, shape ``(K, S)``.
    """

    def __init__(self, mdp: MDP, runs: int, settings: ExploRSSettings | None = None) -> None:
        self.settings = settings or ExploRSSettings()
        self.every = self.settings.every if self.settings.intrinsic else 0
        self.phi = np.zeros((runs, *mdp.shape))
        self.values, self.counts = (np.zeros((runs, mdp.shape[0])), np.zeros((runs, mdp.shape[0])))
        self._gamma, self._terminal, self._runs = (mdp.gamma, mdp.terminal, np.arange(runs))

    def bonus(self, states: Integers) -> Array:
        """Return lambda / sqrt((lambda / B_max)^2 + w[s]) of one state per run; 0 for terminal states."""
        s = self.settings
        found = s.lambda_ / np.sqrt((s.lambda_ / s.bonus_max) ** 2 + self.counts[self._runs, states])
        return np.where(self._terminal[states], 0.0, found)

    def shape(
        self, states: Integers, actions: Integers, after: Integers, rewards: Array, running: NDArray[np.bool_]
    ) -> Array:
        """Add bonus and learned reward, then count the states that were left."""
        found = rewards
        if self.settings.intrinsic:
            found = found + self.phi[self._runs, states, actions]
        if self.settings.bonus:
            found = found + self.bonus(after)
            self.counts[self._runs, states] += running
        return found

    def update(self, episodes: Sequence[Episodes], policy: Array, draws: Array) -> None:
        """Take a step along the meta-gradient of the true return, then one of the baseline.

        phi += lr sum over steps of pi(a|s) (G - V(s)) [1(a) - pi(.|s)], with true returns G.
        """
        states, actions, steps, returns = joined(episodes, self._gamma)
        runs = np.broadcast_to(self._runs[:, None], states.shape)
        surprise = (returns - self.values[runs, states]) * steps
        weights = policy[runs, states, actions] * surprise
        gradient, total = np.zeros_like(self.phi), np.zeros_like(self.values)
        np.add.at(gradient, (runs, states, actions), weights)
        np.add.at(total, (runs, states), weights)
        self.phi += self.settings.lr_reward * (gradient - total[..., None] * policy)
        if self.settings.clip is not None:
            np.clip(self.phi, -self.settings.clip, self.settings.clip, out=self.phi)
        change = np.zeros_like(self.values)
        np.add.at(change, (runs, states), surprise)
        self.values += self.settings.lr_value * change / steps.sum(axis=1)[:, None]


def joined(
    episodes: Sequence[Episodes], gamma: float
) -> tuple[Integers, Integers, NDArray[np.bool_], Array]:  # fmt: skip
    """Return states, actions, which steps were taken, and true returns of several episodes, each ``(K, n)``."""
    returns = [returns_to_go(each.rewards, gamma) for each in episodes]
    return (
        np.concatenate([each.states for each in episodes], axis=1),
        np.concatenate([each.actions for each in episodes], axis=1),
        np.concatenate([each.steps for each in episodes], axis=1),
        np.concatenate(returns, axis=1),
    )
