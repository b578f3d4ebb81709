"""ATLA: the agent and a learned adversary train in turn, each against the current state of the other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import gymnasium as gym

from quintain.agents.policies import Normaliser, Policy, Space
from quintain.attacks.adversary import AdversaryLearner, AdversarySettings
from quintain.attacks.defences.agent import RobustAgent
from quintain.attacks.defences.sa_ppo import check_regulariser, sa_penalty
from quintain.attacks.defences.settings import DefenceSettings, Defended, Progress
from quintain.attacks.observation import Method

__all__ = ["train_atla"]


def train_atla(
    make_env: Callable[[], gym.Env[Any, Any]],
    *,
    epsilon: float,
    space: Space = "raw",
    settings: DefenceSettings = DefenceSettings(),
    adversary: AdversarySettings = AdversarySettings(),
    regulariser: float = 0.0,
    normaliser: Normaliser | None = None,
    seed: int = 0,
    name: str = "atla",
    progress: Progress | None = None,
) -> Defended:
    """Train by alternation with a learned adversary (Zhang et al. 2021, algorithm 1).

    After the warm-up each PPO iteration of the agent, on the perturbed observations that it received, is followed by
    one of the SA-RL adversary against the agent's current policy; both keep their weights throughout.

    Differences: no recurrent agent (the paper's best variant is one); during the agent's iterations the adversary acts
    without sampling; the adversary trains under the full budget while that of the agent's rollouts still grows.

    Args:
        make_env: Makes one environment, not under attack, with continuous actions.
        epsilon: Budget in l_inf, >= 0, in units of ``space``.
        space: Space in which the budget is measured: ``"raw"`` for the environment's units, ``"normalised"`` for units
            of the observations' standard deviations. Default: ``"raw"``.
        settings: Hyper-parameters of the agent.
        adversary: Hyper-parameters of the adversary; it makes as many steps as the agent after the warm-up, whatever
            ``adversary.steps`` is.
        regulariser: Weight of the regulariser of SA-PPO with two steps of SGLD, >= 0; the paper's best variant has it.
            Default: 0.
        normaliser: Statistics of observations; see :func:`~quintain.attacks.defences.sa_ppo.train_sa_ppo`.
        seed: Root seed; equal seeds give equal policies. Default: 0.
        name: Name of the policy in reports. Default: ``"atla"``.
        progress: Called after each update of the agent and of the adversary.

    Raises:
        ConfigurationError: If an argument is out of range, or the environment's spaces do not fit.
    """
    check_regulariser(regulariser)
    agent = RobustAgent(
        make_env, epsilon=epsilon, space=space, settings=settings, normaliser=normaliser, seed=seed, name=name,
        progress=progress,
    )  # fmt: skip
    if regulariser:
        agent.penalty = sa_penalty(agent, regulariser)

    def make_opponent() -> _Opponent:
        steps_left = replace(adversary, steps=settings.steps - agent.steps)
        learner = AdversaryLearner(
            make_env, agent.policy(), epsilon=epsilon, space=space, settings=steps_left, seed=seed
        )
        return _Opponent(learner, settings.ppo.rollout_size, progress)

    return agent.train(make_opponent)


class _Opponent:
    """An SA-RL adversary that makes ``rollout_size`` steps per update."""

    def __init__(self, learner: AdversaryLearner, rollout_size: int, progress: Progress | None) -> None:
        self._learner, self._rollout_size, self._progress = learner, rollout_size, progress
        self._steps = 0

    def method(self) -> Method:
        return self._learner.method()

    def update(self, policy: Policy) -> None:
        self._learner.set_policy(policy)
        self._learner.learn(self._rollout_size, self._count)
        if self._progress is not None:
            self._progress("adversary", self._steps)

    def close(self) -> None:
        self._learner.close()

    def _count(self, steps: int) -> None:
        self._steps = steps
