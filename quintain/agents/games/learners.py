"""Tabular learners for repeated games: independent Q-learning and policy gradient on the last joint move.

A learner holds a table with a row per state: row 0 before the first round, then one per joint move of the last round,
own move first. It is an agent that plays its table; :func:`quintain.training.self_play.train_self_play` trains it.
"""

from __future__ import annotations

import abc
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quintain.agents.agent import Action, Actor, Seat
from quintain.errors import ConfigurationError

__all__ = ["PolicyGradient", "QLearner", "TabularLearner"]


class TabularLearner(abc.ABC):
    """Base class of learners with one number per state and option.

    Args:
        shape: Number of options of each player, own first; each >= 2. Default: (2, 2).
        gamma: Discount per round, in [0, 1]. Default: 0.95.

    Attributes:
        table: Shape ``(1 + number of joint moves, own options)``; zeros at first.

    Raises:
        ConfigurationError: If an argument is out of range.
    """

    def __init__(self, shape: Sequence[int] = (2, 2), *, gamma: float = 0.95) -> None:
        if not 0 <= gamma <= 1 or any(size < 2 for size in shape):
            raise ConfigurationError(f"shape needs two options each and gamma in [0, 1], got {shape!r}, {gamma!r}")
        self.shape = tuple(shape)
        self.gamma = gamma
        self.table: NDArray[np.float64] = np.zeros((1 + int(np.prod(self.shape)), self.shape[0]))

    def state(self, moves: Sequence[int] | None) -> int:
        """Return the row of the table after a round; a void round leads to row 0.

        Args:
            moves: Executed options, own first; ``None`` before the first round; negative where the move was illegal.
        """
        if moves is None or min(moves) < 0:
            return 0
        return 1 + int(np.ravel_multi_index(tuple(moves), self.shape))

    @abc.abstractmethod
    def policy(self, state: int) -> NDArray[np.float64]:
        """Return the probability of each option in ``state``, exploration included."""

    @abc.abstractmethod
    def learn(self, states: Sequence[int], options: Sequence[int], rewards: Sequence[float]) -> None:
        """Update the table from a finished episode.

        Args:
            states: Row of the table before each round.
            options: Option that the learner chose in each round.
            rewards: Reward of each round.
        """

    def begin(self, seat: Seat) -> Actor:
        """Return an actor that draws from :meth:`policy` of the current table."""
        return _TableActor(self, seat)

    def describe(self) -> dict[str, Any]:
        """Return class, settings and table, for the run's manifest."""
        settings = {name: value for name, value in vars(self).items() if isinstance(value, (int, float))}
        return {"agent": type(self).__name__, **settings, "table": np.round(self.table, 6).tolist()}


class QLearner(TabularLearner):
    """Independent Q-learning, epsilon-greedy (Watkins 1989; Sandholm and Crites 1996 in the iterated dilemma).

    Args:
        shape: Number of options of each player, own first; each >= 2. Default: (2, 2).
        alpha: Learning rate, in (0, 1]. Default: 0.1.
        gamma: Discount per round, in [0, 1]. Default: 0.95.
        epsilon: Probability of a uniformly drawn option, in [0, 1]. Default: 0.1.
    """

    def __init__(
        self, shape: Sequence[int] = (2, 2), *, alpha: float = 0.1, gamma: float = 0.95, epsilon: float = 0.1
    ) -> None:
        super().__init__(shape, gamma=gamma)
        if not (0 < alpha <= 1 and 0 <= epsilon <= 1):
            raise ConfigurationError(f"alpha must be in (0, 1] and epsilon in [0, 1], got {alpha!r}, {epsilon!r}")
        self.alpha, self.epsilon = alpha, epsilon

    def policy(self, state: int) -> NDArray[np.float64]:
        """Return epsilon-greedy probabilities; options of equal value share theirs."""
        best = self.table[state] == self.table[state].max()
        greedy: NDArray[np.float64] = (1 - self.epsilon) * best / best.sum() + self.epsilon / len(best)
        return greedy

    def learn(self, states: Sequence[int], options: Sequence[int], rewards: Sequence[float]) -> None:
        """Q(s, a) <- Q(s, a) + alpha (r + gamma max_b Q(s', b) - Q(s, a)), nothing following the last round."""
        following = [*(self.table[state] for state in states[1:]), np.zeros(1)]
        for state, option, reward, after in zip(states, options, rewards, following, strict=True):
            target = reward + self.gamma * after.max()
            self.table[state, option] += self.alpha * (target - self.table[state, option])


class PolicyGradient(TabularLearner):
    """REINFORCE on a table of softmax logits, with the running mean return of each state as baseline (Williams 1992).

    Args:
        shape: Number of options of each player, own first; each >= 2. Default: (2, 2).
        rate: Learning rate of the logits, > 0. Default: 0.05.
        gamma: Discount per round, in [0, 1]. Default: 0.95.
    """

    def __init__(self, shape: Sequence[int] = (2, 2), *, rate: float = 0.05, gamma: float = 0.95) -> None:
        super().__init__(shape, gamma=gamma)
        self.rate = rate
        self._baseline = np.zeros(len(self.table))
        self._seen = np.zeros(len(self.table))

    def policy(self, state: int) -> NDArray[np.float64]:
        """Return the softmax of the state's logits."""
        weights = np.exp(self.table[state] - self.table[state].max())
        probabilities: NDArray[np.float64] = weights / weights.sum()
        return probabilities

    def learn(self, states: Sequence[int], options: Sequence[int], rewards: Sequence[float]) -> None:
        """theta(s, .) <- theta(s, .) + rate (G_t - b(s)) (e_a - pi(. | s)), for every round t."""
        gain, gains = 0.0, []
        for reward in reversed(rewards):
            gain = reward + self.gamma * gain
            gains.append(gain)
        gradient = np.zeros_like(self.table)
        for state, option, gain in zip(states, options, reversed(gains), strict=True):
            self._seen[state] += 1
            self._baseline[state] += (gain - self._baseline[state]) / self._seen[state]
            gradient[state] -= (gain - self._baseline[state]) * self.policy(state)
            gradient[state, option] += gain - self._baseline[state]
        self.table += self.rate * gradient / len(states)


class _TableActor:
    def __init__(self, learner: TabularLearner, seat: Seat) -> None:
        self._learner, self._rng = learner, seat.generator()

    def act(self, observation: Any, info: dict[str, Any]) -> Action:
        probabilities = self._learner.policy(self._learner.state(info["moves"]))
        return int(self._rng.choice(len(probabilities), p=probabilities))
