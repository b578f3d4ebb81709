"""The decision process of an adversary: its actions are perturbations, its reward the victim's loss or its own goal."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from quintain.agents.policies import Policy, Rollouts, Space
from quintain.attacks.budget import Ball, enforce
from quintain.attacks.learned import scaled
from quintain.attacks.pa_ad import PAAD
from quintain.attacks.view import check_space
from quintain.errors import EnvironmentFault
from quintain.seeding import SeedStream
from quintain.training.control.rows import EnvRows

__all__ = ["AdversaryEnvs", "AdversaryKind", "Objective"]

Array = NDArray[np.floating[Any]]
#: ``sa-rl``: actions are perturbations of the observation. ``pa-ad``: actions are directions of the policy's output.
AdversaryKind = Literal["sa-rl", "pa-ad"]
#: ``return``: minus the environment's reward. ``target``: the environment's ``info["attacker_reward"]``.
Objective = Literal["return", "target"]


class AdversaryEnvs:
    """Environments in which an adversary acts by perturbing the observations of a frozen policy, all in one batch.

    The adversary observes the true state as the policy's networks read it. Actions beyond [-1, 1] are clipped when they
    become perturbations; the action space is half as wide again, so that PPO still has a gradient at the bounds.

    Args:
        make_env: Makes one environment, not under attack.
        victim: The policy under attack.
        kind: Action space of the adversary: ``"sa-rl"`` (perturbations) or ``"pa-ad"`` (directions of the policy's
            action).
        ball: The perturbation budget: norm and radius.
        space: Space in which the budget is measured: ``"raw"`` for the environment's units, ``"normalised"`` for units
            of the policy's running standard deviations.
        objective: What the adversary is rewarded for: ``"return"``, the policy's reward with opposite sign, or
            ``"target"``, the attacker's own reward.
        n_envs: Number of environments, >= 1.
        seed: Root seed of the episodes and of PA-AD's random starts.

    Raises:
        CapabilityError: If the policy was made for other spaces.
    """

    def __init__(
        self,
        make_env: Callable[[], gym.Env[Any, Any]],
        victim: Policy,
        kind: AdversaryKind,
        ball: Ball,
        space: Space,
        objective: Objective,
        n_envs: int,
        seed: int,
    ) -> None:
        self.kind, self.ball, self.space, self.objective, self.n_envs = kind, ball, space, objective, n_envs
        self.set_policy(victim)
        width = int(np.prod((victim.action_space if kind == "pa-ad" else victim.observation_space).shape or ()))
        self.rows = EnvRows(make_env, n_envs, SeedStream(seed, "adversary", "episode"))
        victim.check_seat(self.rows.seat)
        self.rng = SeedStream(seed, "adversary", "noise").generator()
        self.observation_space = spaces.Box(-np.inf, np.inf, victim.observation_space.shape, np.float32)
        self.action_space = spaces.Box(-1.5, 1.5, (width,), np.float32)
        self.true: Array = np.zeros((n_envs, self.observation_space.shape[0]))

    def set_policy(self, victim: Policy) -> None:
        """Attack ``victim`` from the next step on.

        Raises:
            ConfigurationError: If the budget is in normalised space and ``victim`` does not normalise observations.
        """
        check_space(victim, self.space)
        self.victim, self.rollouts = victim, Rollouts(victim, self.n_envs)
        self.paad = PAAD(victim, victim.network, self.space) if self.kind == "pa-ad" else None
        self.mean: Array | float = 0.0
        self.scale: Array | float = 1.0
        if self.space == "normalised" and victim.normaliser is not None:
            self.mean, self.scale = victim.normaliser.mean, victim.normaliser.scale

    def reset(self) -> Array:
        """Start an episode in every environment."""
        self.true = self.rows.reset()
        self.rollouts.reset()
        return self._observe(self.true)

    def step(self, actions: Array) -> tuple[Array, Array, NDArray[np.bool_], list[dict[str, Any]]]:
        """Perturb the policy's observations and step the environments with the policy's actions."""
        perturbed, _ = enforce(self.true, self._perturbations(actions), self.ball, self.scale)
        executed = self.rollouts.act(perturbed)
        step = self.rows.step(executed)
        self.rollouts.record(executed, step.rewards)
        self.rollouts.reset(np.flatnonzero(step.done))
        self.true = step.observations
        infos: list[dict[str, Any]] = [
            {"TimeLimit.truncated": bool(truncated and not terminated)}
            for terminated, truncated in zip(step.terminated, step.truncated, strict=True)
        ]
        for row in np.flatnonzero(step.done):
            infos[row]["terminal_observation"] = self._observe(step.final_observations[row][None])[0]
        if self.objective == "return":
            return self._observe(self.true), -step.rewards, step.done, infos
        rewards = np.array([_attacker_reward(info) for info in step.infos])
        return self._observe(self.true), rewards, step.done, infos

    def close(self) -> None:
        """Close the environments."""
        self.rows.close()

    def _observe(self, true: Array) -> Array:
        return np.asarray(self.victim.normalise(true), dtype=np.float32)

    def _perturbations(self, actions: Array) -> Array:
        if self.paad is None:
            return scaled(actions, self.ball)
        z = (self.true.astype(np.float64) - self.mean) / self.scale
        noise = np.stack([self.paad.draw(self.rng, self.ball, z.shape[1]) for _ in range(self.n_envs)])
        paad = self.paad.with_history(self.rollouts, np.arange(self.n_envs))
        return paad.step(z, noise, paad.towards(z, actions), self.ball)


def _attacker_reward(info: dict[str, Any]) -> float:
    if "attacker_reward" not in info:
        raise EnvironmentFault("objective 'target' needs an environment that reports info['attacker_reward']")
    return float(info["attacker_reward"])
