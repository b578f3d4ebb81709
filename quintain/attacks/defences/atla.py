"""ATLA: the agent and a learned adversary train in turn, each against the other as it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import gymnasium as gym

from quintain.agents.policies import Normaliser, Space
from quintain.attacks.adversary import AdversaryLearner, AdversarySettings
from quintain.attacks.defences.agent import RobustAgent
from quintain.attacks.defences.sa_ppo import sa_penalty
from quintain.attacks.defences.settings import DefenceSettings, Defended, Progress

__all__ = ["train_atla"]

_DEFAULTS, _ADVERSARY = DefenceSettings(), AdversarySettings()


def train_atla(
    make: Callable[[], gym.Env[Any, Any]],
    *,
    epsilon: float,
    space: Space = "raw",
    settings: DefenceSettings = _DEFAULTS,
    adversary: AdversarySettings = _ADVERSARY,
    regulariser: float = 0.0,
    normaliser: Normaliser | None = None,
    seed: int = 0,
    name: str = "atla",
    progress: Progress | None = None,
) -> Defended:
    """Train by alternation with a learned adversary (Zhang et al. 2021, algorithm 1).

    After the warm-up one PPO iteration of the agent, on the perturbed observations that it saw, is followed by one of
    the SA-RL adversary against the agent as it is now; both keep their weights throughout. The environment always goes
    on from the true state.

    Differences: no recurrent agent (the paper's best variant is one); in the agent's iterations the adversary does not
    sample; the adversary trains under the full budget while that of the agent's rollouts still grows.

    Args:
        make: Makes an environment with continuous actions.
        epsilon: Budget >= 0 in l_inf.
        space: Where it is measured.
        settings: How the agent learns.
        adversary: How the adversary learns; it makes as many steps as the agent after the warm-up.
        regulariser: Weight of the regulariser of SA-PPO with two steps of SGLD, >= 0; the paper's best variant has it.
        normaliser: As for :func:`~quintain.attacks.defences.sa_ppo.train_sa_ppo`.
        seed: Root seed; equal seeds give equal runs.
        name: What reports call the victim.
        progress: Hears of every iteration, of the agent and of the adversary.

    Raises:
        ConfigurationError: If the settings or the environment's spaces do not fit; actions have to be continuous.
    """
    agent = RobustAgent(
        make, epsilon=epsilon, space=space, settings=settings, normaliser=normaliser, seed=seed, name=name,
        progress=progress,
    )  # fmt: skip
    if regulariser:
        agent.penalty = sa_penalty(agent, regulariser)
    opponent: AdversaryLearner | None = None
    made = 0

    def heard(steps: int) -> None:
        nonlocal made
        made = steps

    try:
        while agent.going:
            if agent.prepare() > 0 and opponent is None:
                own = replace(adversary, steps=settings.steps - agent.steps)
                opponent = AdversaryLearner(make, agent.victim(), epsilon=epsilon, space=space, settings=own, seed=seed)
            agent.iterate(None if opponent is None else opponent.method())
            if opponent is not None:
                opponent.set_policy(agent.victim())
                opponent.learn(settings.envs * settings.rollout, heard)
                if progress is not None:
                    progress("adversary", made)
            agent.consider([] if opponent is None else [opponent.method()])
        return agent.result()
    finally:
        agent.close()
        if opponent is not None:
            opponent.close()
