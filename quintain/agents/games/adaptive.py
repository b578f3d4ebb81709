"""Strategies that learn within a match from the payoffs and the history, for any number of options.

Each class is a :class:`~quintain.agents.games.strategy_agent.MatchPlayer`, which plays one seat of one match. ``own``
is the player's own payoff tensor, axis 0 being its own option; the others' joint moves are treated as one opponent.
``rng`` is the generator of that seat of that match, from which mixed choices are drawn.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["BestResponse", "FictitiousPlay", "Hedge", "QLearning", "RegretMatching"]


class _Payoffs:
    """Own payoffs as a matrix: own options in rows, joint moves of the others in columns.

    Args:
        own: Own payoff tensor, shape ``(options, ...)`` with one axis per player.
        rng: Generator of the drawn options.
    """

    def __init__(self, own: ArrayLike, rng: np.random.Generator) -> None:
        tensor = np.asarray(own, dtype=np.float64)
        self._others = tensor.shape[1:]
        self.matrix: NDArray[np.float64] = tensor.reshape(tensor.shape[0], -1)
        self.rng = rng

    @property
    def options(self) -> int:
        return int(self.matrix.shape[0])

    def column(self, moves: Sequence[int]) -> int:
        """Return the column of the others' joint move."""
        return int(np.ravel_multi_index(tuple(moves[1:]), self._others))

    def unit_matrix(self) -> NDArray[np.float64]:
        """Return the payoffs scaled to [0, 1]; all 0 if they are equal."""
        spread = float(np.ptp(self.matrix))
        return (self.matrix - self.matrix.min()) / spread if spread else np.zeros_like(self.matrix)


class BestResponse(_Payoffs):
    """Best reply to the others' last joint move; in round 1, to uniform play. Ties go to the lower option."""

    def __init__(self, own: ArrayLike, rng: np.random.Generator) -> None:
        super().__init__(own, rng)
        self._belief = np.full(self.matrix.shape[1], 1 / self.matrix.shape[1])

    def choose(self) -> int:
        """Return the option with the highest expected payoff under the current belief."""
        return int(np.argmax(self.matrix @ self._belief))

    def learn(self, moves: Sequence[int]) -> None:
        """Put all belief on the others' last joint move."""
        self._belief = np.zeros(self.matrix.shape[1])
        self._belief[self.column(moves)] = 1.0


class FictitiousPlay(BestResponse):
    """Best reply to the empirical frequencies of the others' joint moves, with a prior count of 1 each (Brown 1951)."""

    def __init__(self, own: ArrayLike, rng: np.random.Generator) -> None:
        super().__init__(own, rng)
        self._belief = np.ones(self.matrix.shape[1])

    def learn(self, moves: Sequence[int]) -> None:
        """Count the others' joint move."""
        self._belief[self.column(moves)] += 1.0


class RegretMatching(_Payoffs):
    """Probabilities proportional to positive regret (Hart and Mas-Colell 2000).

    The regret of an option is the total payoff that it would have added, had it been played in every past round.
    """

    def __init__(self, own: ArrayLike, rng: np.random.Generator) -> None:
        super().__init__(own, rng)
        self.regret = np.zeros(self.options)

    def choose(self) -> int:
        """Draw an option; uniformly while no regret is positive."""
        positive = np.maximum(self.regret, 0.0)
        total = positive.sum()
        return int(self.rng.choice(self.options, p=positive / total if total > 0 else None))

    def learn(self, moves: Sequence[int]) -> None:
        """Add to each option's regret its payoff minus that of the played option."""
        column = self.matrix[:, self.column(moves)]
        self.regret += column - column[moves[0]]


class Hedge(_Payoffs):
    """Exponential weights on the options' total payoffs, with the anytime rate eta_t = sqrt(8 ln k / t).

    Payoffs are scaled to [0, 1] (Freund and Schapire 1997; rate of Cesa-Bianchi and Lugosi 2006, section 2.3).
    """

    def __init__(self, own: ArrayLike, rng: np.random.Generator) -> None:
        super().__init__(own, rng)
        self._gain = np.zeros(self.options)
        self._unit = self.unit_matrix()
        self._round = 1

    def choose(self) -> int:
        """Draw an option in proportion to its weight."""
        eta = np.sqrt(8 * np.log(self.options) / self._round)
        weights = np.exp(eta * (self._gain - self._gain.max()))
        return int(self.rng.choice(self.options, p=weights / weights.sum()))

    def learn(self, moves: Sequence[int]) -> None:
        """Add to each option's total its payoff against the others' joint move."""
        self._gain += self._unit[:, self.column(moves)]
        self._round += 1


class QLearning(_Payoffs):
    """Tabular Q-learning within one match; the state is the last joint move (Sandholm and Crites 1996).

    Q(s, a) <- Q(s, a) + alpha (r + gamma max_b Q(s', b) - Q(s, a)), epsilon-greedy, with payoffs scaled to [0, 1].

    Args:
        own: Own payoff tensor, shape ``(options, ...)`` with one axis per player.
        rng: Generator of exploration and ties.
        alpha: Learning rate, in (0, 1]. Default: 0.2.
        gamma: Discount per round, in [0, 1]. Default: 0.9.
        epsilon: Probability of a uniformly drawn option, in [0, 1]. Default: 0.1.
    """

    def __init__(
        self,
        own: ArrayLike,
        rng: np.random.Generator,
        alpha: float = 0.2,
        gamma: float = 0.9,
        epsilon: float = 0.1,
    ) -> None:
        super().__init__(own, rng)
        self.alpha, self.gamma, self.epsilon = alpha, gamma, epsilon
        self._unit = self.unit_matrix()
        self.q = np.zeros((1 + self.matrix.size, self.options))
        self._state = 0

    def choose(self) -> int:
        """Return a uniform option with probability epsilon, otherwise one of the highest value; ties are drawn."""
        if self.rng.random() < self.epsilon:
            return int(self.rng.integers(self.options))
        values = self.q[self._state]
        return int(self.rng.choice(np.flatnonzero(values == values.max())))

    def learn(self, moves: Sequence[int]) -> None:
        """Update the value of the played option in the last state."""
        column = self.column(moves)
        following = 1 + moves[0] * self.matrix.shape[1] + column
        target = self._unit[moves[0], column] + self.gamma * self.q[following].max()
        self.q[self._state, moves[0]] += self.alpha * (target - self.q[self._state, moves[0]])
        self._state = following
