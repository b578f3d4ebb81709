"""RAT-ATLA: the agent trains in turn with RAT, an attacker that wants it to show another behaviour."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gymnasium as gym

from quintain.agents.policies import Normaliser, Policy, Space
from quintain.attacks.defences.agent import RobustAgent
from quintain.attacks.defences.sa_ppo import check_regulariser, sa_penalty
from quintain.attacks.defences.settings import DefenceSettings, Defended, Progress
from quintain.attacks.learned import LearnedMethod
from quintain.attacks.rat import RATSettings, train_rat
from quintain.errors import ConfigurationError

__all__ = ["train_rat_atla"]


def train_rat_atla(
    make_env: Callable[[], gym.Env[Any, Any]],
    *,
    epsilon: float,
    space: Space = "raw",
    settings: DefenceSettings = DefenceSettings(),
    rat: RATSettings = RATSettings(),
    regulariser: float = 0.0,
    normaliser: Normaliser | None = None,
    seed: int = 0,
    name: str = "rat-atla",
    progress: Progress | None = None,
) -> Defended:
    """Train by alternation with RAT (Bai et al. 2025): reward model, intention policy and adversary keep learning.

    After the warm-up, and RAT's own exploration, each PPO iteration of the agent, on the perturbed observations that it
    received, alternates with an equal share of RAT's steps against the agent's current policy.

    Differences: those of :func:`~quintain.attacks.defences.atla.train_atla`; the paper does not say how often they
    alternate.

    Args:
        make_env: Makes one environment, not under attack, with continuous, bounded actions, that
            reports ``info["attacker_reward"]``.
        epsilon: Budget in l_inf, >= 0, in units of ``space``.
        space: Space in which the budget is measured: ``"raw"`` for the environment's units, ``"normalised"`` for units
            of the observations' standard deviations. Default: ``"raw"``.
        settings: Hyper-parameters of the agent.
        rat: Hyper-parameters of RAT; ``rat.steps`` are all of its steps.
        regulariser: Weight of the regulariser of SA-PPO with two steps of SGLD, >= 0. Default: 0.
        normaliser: Statistics of observations; see :func:`~quintain.attacks.defences.sa_ppo.train_sa_ppo`.
        seed: Root seed; equal seeds give equal policies. Default: 0.
        name: Name of the policy in reports. Default: ``"rat-atla"``.
        progress: Called after each update of the agent and of the adversary.

    Raises:
        ConfigurationError: If an argument is out of range, or the environment's spaces do not fit.
        EnvironmentFault: If the environment reports no ``info["attacker_reward"]``.
    """
    if not rat.intention or rat.exploration_steps >= rat.steps:
        raise ConfigurationError(f"RAT-ATLA needs RAT with an intention policy and steps after exploration, got {rat}")
    check_regulariser(regulariser)
    agent = RobustAgent(
        make_env, epsilon=epsilon, space=space, settings=settings, normaliser=normaliser, seed=seed, name=name,
        progress=progress,
    )  # fmt: skip
    if regulariser:
        agent.penalty = sa_penalty(agent, regulariser)
    iterations, steps_per_iteration = 0, 0.0

    def policy_update(steps: int, method: Callable[[], LearnedMethod]) -> Policy | None:
        nonlocal iterations
        if steps < rat.exploration_steps + (iterations + 1) * steps_per_iteration or agent.is_done:
            return None
        iterations += 1
        if progress is not None:
            progress("adversary", steps)
        agent.set_budget()
        agent.iterate(method())
        return agent.policy()

    try:
        while not agent.is_done and agent.set_budget() == 0:
            agent.iterate()
        if not agent.is_done:
            iterations_left = -(-(settings.steps - agent.steps) // settings.ppo.rollout_size)
            steps_per_iteration = (rat.steps - rat.exploration_steps) / iterations_left
            train_rat(
                make_env, agent.policy(), epsilon=epsilon, space=space, settings=rat, seed=seed,
                policy_update=policy_update,
            )  # fmt: skip
        return agent.result()
    finally:
        agent.close()
