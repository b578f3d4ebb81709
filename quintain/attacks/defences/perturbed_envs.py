"""Environments for training under attack: they step from the true state and return perturbed observations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from quintain.agents.policies import Normaliser, Space
from quintain.attacks.budget import Ball, enforce
from quintain.attacks.observation import Method
from quintain.errors import ConfigurationError
from quintain.seeding import SeedStream
from quintain.training.control.rows import EnvRows

__all__ = ["PerturbedEnvs", "Transition"]

Array = NDArray[np.floating[Any]]
#: Normalised true observation, executed action, reward, normalised true observation after the action, and whether the
#: task ended; each with one entry per environment.
Transition = tuple[Array, Array, Array, Array, NDArray[np.bool_]]


class PerturbedEnvs:
    """A batch of environments whose observations are perturbed by an attack and then normalised.

    It satisfies :class:`~quintain.attacks.venv.EnvBatch`.

    Args:
        make_env: Makes one environment, not under attack, with a Box of one axis for observations and for actions.
        n_envs: Number of environments, >= 1.
        space: Space in which the budget is measured: ``"raw"`` or ``"normalised"``.
        normaliser: Statistics of observations; ``None`` for running statistics of the true ones, until :meth:`freeze`.
        seeds: Stream of the seeds of episodes and of the attack's random numbers.

    Attributes:
        attack: The attack on the observations; ``None`` for none. Default: none.
        ball: Budget of the attack. Default: 0.
        true: True observations that the next actions answer, shape ``(n_envs, d)``.
        true_space: Observation space of the environments.
        observation_space: Space of the observations that are returned: normalised, without bounds.
        action_space: Action space of the environments.
        transitions: A list to record every step in; ``None`` to record nothing, which is the default.

    Raises:
        ConfigurationError: If a space is of another kind, or ``space`` is unknown.
    """

    def __init__(
        self,
        make_env: Callable[[], gym.Env[Any, Any]],
        n_envs: int,
        space: Space,
        normaliser: Normaliser | None,
        seeds: SeedStream,
    ) -> None:
        from stable_baselines3.common.running_mean_std import RunningMeanStd

        if space not in ("raw", "normalised"):
            raise ConfigurationError(f"space must be 'raw' or 'normalised', got {space!r}")
        self._rows = EnvRows(make_env, n_envs, seeds.child("episode"))
        box, actions = self._rows.observation_space, self._rows.action_space
        if not isinstance(box, spaces.Box) or len(box.shape) != 1:
            raise ConfigurationError(f"a defended agent observes a Box of one axis, not {box}; flatten it")
        if not isinstance(actions, spaces.Box) or len(actions.shape) != 1:
            raise ConfigurationError(f"these defences need continuous actions in a Box of one axis, not {actions}")
        self.n_envs, self.space = n_envs, space
        self.true_space = box
        self.observation_space = spaces.Box(-np.inf, np.inf, box.shape, np.float32)
        self.action_space = actions
        self.attack: Method | None = None
        self.ball = Ball(0.0)
        self._running = None if normaliser is not None else RunningMeanStd(shape=box.shape)
        self._normaliser = normaliser
        self._rng = seeds.child("noise").generator()
        self.true: Array = np.zeros((n_envs, *box.shape))
        self.transitions: list[Transition] | None = None

    @property
    def normaliser(self) -> Normaliser:
        """The current statistics of observations."""
        if self._normaliser is not None:
            return self._normaliser
        assert self._running is not None
        return Normaliser(self._running.mean.copy(), np.sqrt(self._running.var + 1e-8), 10.0)

    def freeze(self) -> None:
        """Stop updating the statistics of observations."""
        self._normaliser = self.normaliser

    @property
    def radius(self) -> Array:
        """Half-width of the ball in normalised units, entry by entry: shape ``(d,)``."""
        scale = self.normaliser.scale
        return np.full_like(scale, self.ball.epsilon) if self.space == "normalised" else self.ball.epsilon / scale

    def reset(self) -> Array:
        """Start an episode in every environment; return perturbed, normalised observations, ``(n_envs, d)``."""
        self.true = self._rows.reset()
        return self.observe(self.true)

    def observe(self, true: Array) -> Array:
        """Return perturbed, normalised observations of true states, ``(n, d)``, after updating the statistics."""
        if self._normaliser is None and self._running is not None:
            self._running.update(true)
        normaliser = self.normaliser
        if self.attack is None or self.ball.epsilon == 0:
            return normaliser(true).astype(np.float32)
        mean, scale = (normaliser.mean, normaliser.scale) if self.space == "normalised" else (0.0, 1.0)
        noise = np.stack([self.attack.draw(self._rng, self.ball, true.shape[1]) for _ in true])
        delta = self.attack.propose((true.astype(np.float64) - mean) / scale, noise, self.ball)
        perturbed, _ = enforce(true, delta, self.ball, scale, self.true_space.low, self.true_space.high)
        return normaliser(perturbed).astype(np.float32)

    def step(self, actions: Array) -> tuple[Array, Array, NDArray[np.bool_], list[dict[str, Any]]]:
        """Step all environments from their true states; where an episode ends, another starts.

        Returns:
            Perturbed, normalised observations, rewards, whether an episode ended, and infos with Stable-Baselines3's
            ``terminal_observation`` and ``TimeLimit.truncated``.
        """
        step = self._rows.step(actions)
        infos: list[dict[str, Any]] = [
            {"TimeLimit.truncated": bool(truncated and not terminated)}
            for terminated, truncated in zip(step.terminated, step.truncated, strict=True)
        ]
        if self.transitions is not None:
            x, next_x = self.normaliser(self.true), self.normaliser(step.final_observations)
            self.transitions.append((x, actions, step.rewards, next_x, step.terminated))
        if step.done.any():
            final = self.observe(step.final_observations[step.done])
            for row, observation in zip(np.flatnonzero(step.done).tolist(), final, strict=True):
                infos[row]["terminal_observation"] = observation
        self.true = step.observations
        return self.observe(step.observations), step.rewards, step.done, infos

    def close(self) -> None:
        """Close the environments."""
        self._rows.close()
