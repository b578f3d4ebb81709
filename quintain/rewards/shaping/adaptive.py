"""ExpAdaRD: a reward that is designed again and again for the learner's present policy.

Devidze, Kamalaruban, Singla 2024, "Informativeness of Reward Functions in Reinforcement Learning", AAMAS (arXiv
2402.07019), with horizon h = 1: a linear objective, so that every design is a linear program.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from quintain.errors import ConfigurationError
from quintain.mdp import MDP, occupancy
from quintain.rewards.shaping.exprd import check_ties, solve_program
from quintain.rewards.shaping.invariance import MARGIN_SLACK, Problem, gap_matrix
from quintain.rewards.shaping.shaper import Episodes

__all__ = ["AdaptiveDesigner", "ExpAdaRD"]

Array = NDArray[np.float64]
Integers = NDArray[np.intp]


class AdaptiveDesigner:
    """Designs the reward from which a given policy learns most in one policy-gradient step.

    I(R | pi_L) = sum_{s,a} mu_T(s) mu_L(s) pi_L(a|s)^2 (A_T(s, a) - A_T(s, pi_L)) (R(s, a) - R(s, pi_L)), with a
    softened optimal teacher policy pi_T, its advantage A_T under the original reward, and discounted occupancies mu.
    R = Phi w keeps the optimal actions with their margins, and |R| <= r_max.

    Args:
        mdp: The MDP with its original reward.
        features: Phi, shape ``(S, A, d)``. Default: one feature per state and action.
        epsilon: Share of uniformly random actions of the teacher, in [0, 1): 0.4 on Room, 0.3 on LineK in the release.
            Default: 0.3.
        r_max: Bound on the absolute rewards, > 0. Default: the largest absolute original reward.
        ties: As in :class:`~quintain.rewards.shaping.exprd.EXPRDSettings`. Default: ``"one"``, since few features
            rarely keep ties.

    Raises:
        ConfigurationError: If a shape or value does not fit.
    """

    def __init__(
        self,
        mdp: MDP,
        features: Array | None = None,
        *,
        epsilon: float = 0.3,
        r_max: float | None = None,
        ties: str = "one",
    ) -> None:
        if not 0 <= epsilon < 1:
            raise ConfigurationError(f"epsilon must be in [0, 1), got {epsilon!r}")
        check_ties(ties)
        self.mdp, self.problem = mdp, Problem.of(mdp)
        states, actions = mdp.shape
        counted = np.repeat(self.problem.states, actions)
        self._map = sparse.csr_matrix(
            np.eye(states * actions) if features is None else features.reshape(states * actions, -1)
        )
        if self._map.shape[0] != states * actions:
            raise ConfigurationError(f"features must have the shape ({states}, {actions}, d)")
        self._map = sparse.diags(counted * 1.0) @ self._map
        wrong = self.problem.wrong.reshape(-1)
        right = counted & self.problem.optimal.reshape(-1)
        gaps = gap_matrix(self.problem) @ self._map
        kept = wrong if ties == "all" else wrong | right
        limit = float(np.abs(mdp.rewards).max()) if r_max is None else r_max
        bounded = self._map.tocsr()[counted]
        least = np.where(wrong, np.repeat(self.problem.margins, actions) / MARGIN_SLACK, 0.0)[kept]
        self._above = sparse.vstack([-gaps[kept], bounded, -bounded]).tocsr()
        self._limits = np.concatenate([-least, np.full(2 * bounded.shape[0], limit)])
        self._equal = gaps[right] if ties == "all" and right.any() else None
        best = np.eye(actions)[self.problem.policy]
        self._teacher = (1 - epsilon) * best + epsilon / actions
        self._weights = occupancy(mdp, self._teacher)[:, None] * np.ones(actions)
        self._advantage = _advantage(mdp, self._teacher)

    def occupancy_of(self, policy: Array) -> Array:
        """Return the discounted occupancy of the states under a policy, shape ``(S,)``."""
        return occupancy(self.mdp, policy)

    def objective(self, policy: Array) -> Array:
        """Return the coefficients of I(R | pi_L), shape ``(S, A)``: I is the sum of their products with R."""
        mean = (policy * self._advantage).sum(axis=1, keepdims=True)
        weights = self._weights * self.occupancy_of(policy)[:, None] * policy**2 * (self._advantage - mean)
        return np.asarray(weights - policy * weights.sum(axis=1, keepdims=True))

    def design(self, policy: Array) -> Array:
        """Return the most informative reward for a policy, shape ``(S, A)``.

        Args:
            policy: Action probabilities of the learner, shape ``(S, A)``.

        Raises:
            ConfigurationError: If no reward of this form keeps the optimal actions.
        """
        cost = -self._map.T @ self.objective(policy).reshape(-1)
        scale = max(1e-300, float(np.abs(cost).max()))
        zeros = None if self._equal is None else np.zeros(self._equal.shape[0])
        found = solve_program(cost / scale, self._above, self._limits, self._equal, zeros, (None, None))
        if found.x is None:
            raise ConfigurationError(f"no reward of these features keeps the optimal actions: {found.message}")
        return np.asarray((self._map @ found.x).reshape(self.mdp.shape))


class ExpAdaRD:
    """The reward of an adaptive designer, for ``runs`` learners; they receive it in place of the environment's reward.

    Args:
        designer: The designer.
        policies: Policies of the learners at the beginning, shape ``(K, S, A)``.
        every: Number of episodes between two designs. Default: 5.

    Attributes:
        tables: The present rewards, shape ``(K, S, A)``.
    """

    def __init__(self, designer: AdaptiveDesigner, policies: Array, *, every: int = 5) -> None:
        self.designer, self.every = designer, every
        self.tables = np.stack([designer.design(policy) for policy in policies])
        self._runs = np.arange(len(policies))

    def shape(
        self, states: Integers, actions: Integers, after: Integers, rewards: Array, running: NDArray[np.bool_]
    ) -> Array:
        """Return the entries of the present tables."""
        return np.asarray(self.tables[self._runs, states, actions])

    def update(self, episodes: Sequence[Episodes], policy: Array, draws: Array) -> None:
        """Design again for the present policies."""
        self.tables = np.stack([self.designer.design(each) for each in policy])


def _advantage(mdp: MDP, policy: Array) -> Array:
    """Return the advantage of every action under a policy and the original reward, shape ``(S, A)``."""
    moves = mdp.gamma * np.einsum("sa,sat->st", policy, mdp.continuing)
    values = np.linalg.solve(np.eye(mdp.shape[0]) - moves, (policy * mdp.rewards).sum(axis=1))
    q = mdp.rewards + mdp.gamma * mdp.continuing @ values
    return np.asarray(q - (policy * q).sum(axis=1, keepdims=True))
