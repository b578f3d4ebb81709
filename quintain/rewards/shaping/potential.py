"""Rewards to compare with: potential-based shaping, any reward that keeps what is optimal, one made by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from quintain.mdp import MDP
from quintain.rewards.shaping.designed import RewardTable, certify
from quintain.rewards.shaping.exprd import EXPRDSettings, any_feasible
from quintain.rewards.shaping.invariance import Problem

__all__ = ["design_craft", "design_invariant", "design_potential", "original_reward"]


def original_reward(mdp: MDP) -> RewardTable:
    """Return the original reward with its certificate."""
    return RewardTable(mdp.rewards, "original", certify(Problem.of(mdp), mdp.rewards))


def design_potential(mdp: MDP) -> RewardTable:
    """Return potential-based shaping with the exact optimal values: R(s, a) + gamma E[V*(s')] - V*(s).

    That is the advantage of the original reward: the most informative one, but not sparse (Ng, Harada, Russell 1999).
    """
    problem = Problem.of(mdp)
    rewards = problem.action_values - problem.action_values.max(axis=1, keepdims=True)
    rewards = np.where(problem.wrong, rewards, 0.0)
    return RewardTable(rewards, "pbrs", certify(problem, rewards))


def design_invariant(mdp: MDP, settings: EXPRDSettings | None = None) -> RewardTable:
    """Return some reward that keeps the optimal actions with their margins, on all states: the solver's first one.

    Args:
        mdp: The MDP with its original reward.
        settings: Bound and treatment of ties; ``None`` for the defaults.
    """
    problem = Problem.of(mdp)
    found = any_feasible(problem, settings or EXPRDSettings())
    return RewardTable(found.rewards, "invariance", certify(problem, found.rewards, status=found.status))


def design_craft(mdp: MDP, states: list[int]) -> RewardTable:
    """Return a reward made by hand: 1 for optimal and -1 for other actions in chosen states, beside the original one.

    Nothing makes sure that it keeps what is optimal; the certificate shows whether it does.

    Args:
        mdp: The MDP with its original reward.
        states: The chosen states.
    """
    problem = Problem.of(mdp)
    rewards = mdp.rewards.copy()
    for state in states:
        rewards[state] = np.where(problem.optimal[state], 1.0, -1.0)
    rewards = np.where(mdp.terminal[:, None], 0.0, rewards)
    made = RewardTable(rewards, "craft", certify(problem, rewards))
    return replace(made, facts={"support": [int(state) for state in states]})
