"""What a designed reward has to keep: the optimal actions of the original one, with their margins.

For a deterministic optimal policy pi and rewards r, the gap of an action is what it loses against pi, when pi follows:
(V - Q)(s, a) = ((I_pi - I) (I - gamma P_pi)^-1 r)(s, a). It is linear in r, so that everything here is a matrix
(Devidze et al. 2021, NeurIPS, "Explicable Reward Design for Reinforcement Learning Agents").
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from quintain.errors import ConfigurationError
from quintain.mdp import MDP, optimal_actions, value_iteration

__all__ = ["MARGIN_SLACK", "Problem", "gap_matrix"]

Array = NDArray[np.float64]

#: Margins are divided by this, so that the original reward is feasible despite rounding (released program).
MARGIN_SLACK = 1 + 1e-5


@dataclass(frozen=True, eq=False)
class Problem:
    """An MDP whose reward is to be designed, with what its original reward makes optimal.

    Attributes:
        mdp: The MDP with the original reward.
        action_values: Q* under the original reward, shape ``(S, A)``.
        optimal: Which actions are optimal under the original reward, ties included, shape ``(S, A)``.
        policy: One optimal action of each state, the first of several, shape ``(S,)``.
        states: States that count: those that some policy reaches and that do not end the episode, shape ``(S,)``.
        margins: delta_s, what the best action that is not optimal loses, shape ``(S,)``; 0 where all are optimal.
    """

    mdp: MDP
    action_values: Array
    optimal: NDArray[np.bool_]
    policy: NDArray[np.intp]
    states: NDArray[np.bool_]
    margins: Array

    @classmethod
    def of(cls, mdp: MDP) -> Problem:
        """Solve an MDP.

        Raises:
            ConfigurationError: If every action is optimal in every state, as without any reward: there is nothing to
                keep, and nothing to learn.
        """
        q = value_iteration(mdp).action_values
        optimal, states = optimal_actions(q), mdp.reachable() & ~mdp.terminal
        if optimal[states].all():
            raise ConfigurationError("every action is optimal under this reward, so there is nothing to design")
        gaps = np.where(optimal, np.inf, q.max(axis=1, keepdims=True) - q).min(axis=1)
        margins = np.where(np.isfinite(gaps), gaps, 0.0)
        return cls(mdp, q, optimal, optimal.argmax(axis=1), states, margins)

    @property
    def wrong(self) -> NDArray[np.bool_]:
        """Which actions of the states that count are not optimal, shape ``(S, A)``."""
        return ~self.optimal & self.states[:, None]

    @property
    def goals(self) -> NDArray[np.intp]:
        """States in which the original reward is not 0, shape ``(n,)``."""
        return np.flatnonzero((self.mdp.rewards != 0).any(axis=1) & self.states)


def gap_matrix(problem: Problem, terms: int | None = None) -> Any:
    """Return the sparse matrix that maps rewards to the gaps of all actions.

    Args:
        problem: The MDP and its optimal policy.
        terms: Number of terms of the series sum_h gamma^h P_pi^h; ``None`` for all of them.

    Returns:
        A SciPy CSR matrix, shape ``(S * A, S * A)``; action ``a`` of state ``s`` has the number ``s * A + a``.
    """
    mdp, policy = problem.mdp, problem.policy
    states, actions = mdp.shape
    follow = mdp.gamma * mdp.continuing[np.arange(states), policy]
    leave = mdp.gamma * mdp.continuing.reshape(states * actions, states)
    eye = np.eye(states)
    if terms is None:
        visits = before = np.linalg.inv(eye - follow)
    else:
        before = np.zeros_like(eye)
        for _ in range(terms - 1):
            before = eye + follow @ before
        visits = eye + follow @ before
    gains = np.repeat(visits, actions, axis=0) - leave @ before
    columns = sparse.csr_matrix((np.ones(states), (np.arange(states), np.arange(states) * actions + policy)),
                                shape=(states, states * actions))  # fmt: skip
    return (sparse.csr_matrix(gains) @ columns - sparse.identity(states * actions)).tocsr()
