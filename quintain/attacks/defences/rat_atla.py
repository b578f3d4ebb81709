"""RAT-ATLA: the agent trains in turn with RAT, an attacker that wants it to do something else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gymnasium as gym

from quintain.agents.policies import Normaliser, Policy, Space
from quintain.attacks.defences.agent import RobustAgent
from quintain.attacks.defences.sa_ppo import sa_penalty
from quintain.attacks.defences.settings import DefenceSettings, Defended, Progress
from quintain.attacks.learned import LearnedMethod
from quintain.attacks.rat import RATSettings, train_rat
from quintain.errors import ConfigurationError

__all__ = ["train_rat_atla"]

_DEFAULTS, _RAT = DefenceSettings(), RATSettings()


def train_rat_atla(
    make: Callable[[], gym.Env[Any, Any]],
    *,
    epsilon: float,
    space: Space = "raw",
    settings: DefenceSettings = _DEFAULTS,
    rat: RATSettings = _RAT,
    regulariser: float = 0.0,
    normaliser: Normaliser | None = None,
    seed: int = 0,
    name: str = "rat-atla",
    progress: Progress | None = None,
) -> Defended:
    """Train by alternation with RAT (Bai et al. 2025): its intention policy, reward model and adversary go on learning.

    After the warm-up, and RAT's own exploration, one PPO iteration of the agent on the perturbed observations that it
    saw takes turns with an equal share of RAT's steps against the agent as it is then.

    Differences: as for :func:`~quintain.attacks.defences.atla.train_atla`; the paper does not say how often they
    alternate.

    Args:
        make: Makes an environment that reports ``info["attacker_reward"]``, with continuous, bounded actions.
        epsilon: Budget >= 0 in l_inf.
        space: Where it is measured.
        settings: How the agent learns.
        rat: How RAT learns; ``steps`` are all that it makes.
        regulariser: Weight of the regulariser of SA-PPO with two steps of SGLD, >= 0.
        normaliser: As for :func:`~quintain.attacks.defences.sa_ppo.train_sa_ppo`.
        seed: Root seed; equal seeds give equal runs.
        name: What reports call the victim.
        progress: Hears of every iteration, of the agent and of the adversary.

    Raises:
        ConfigurationError: If the settings or the environment's spaces do not fit.
        EnvironmentFault: If the environment does not say what the attacker wants.
    """
    if not rat.intention or rat.exploration_steps >= rat.steps:
        raise ConfigurationError(f"RAT-ATLA needs RAT with an intention policy and steps beyond exploring, got {rat}")
    agent = RobustAgent(
        make, epsilon=epsilon, space=space, settings=settings, normaliser=normaliser, seed=seed, name=name,
        progress=progress,
    )  # fmt: skip
    if regulariser:
        agent.penalty = sa_penalty(agent, regulariser)
    turns, share = 0, 0.0

    def policy_update(steps: int, method: Callable[[], LearnedMethod]) -> Policy | None:
        nonlocal turns
        if steps < rat.exploration_steps + (turns + 1) * share or not agent.going:
            return None
        turns += 1
        if progress is not None:
            progress("adversary", steps)
        agent.prepare()
        attack = method()
        agent.iterate(attack)
        agent.consider([attack])
        return agent.victim()

    try:
        while agent.going and agent.prepare() == 0:
            agent.iterate()
            agent.consider()
        if agent.going:
            left = -(-(settings.steps - agent.steps) // (settings.envs * settings.rollout))
            share = (rat.steps - rat.exploration_steps) / left
            train_rat(
                make, agent.victim(), epsilon=epsilon, space=space, settings=rat, seed=seed, policy_update=policy_update
            )
        return agent.result()
    finally:
        agent.close()
