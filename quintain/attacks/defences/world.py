"""The defended agent's world: environments that go on from the truth while the agent is shown, and stores, a lie."""

from __future__ import annotations

import itertools
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

__all__ = ["AgentWorld"]

Array = NDArray[np.floating[Any]]


class AgentWorld:
    """All rows step at once. Observations are normalised by running statistics of the true ones, or by given ones.

    Args:
        make: Makes an environment.
        rows: Number of environments.
        space: Where the budget is measured.
        normaliser: Statistics; ``None`` for running ones, until :meth:`freeze`.
        seeds: Where seeds and noise come from.

    Attributes:
        attack: Chooses the lie; ``None`` for the truth.
        ball: Its budget.
        transitions: What happened, if it is a list: normalised true observation, executed action, reward, normalised
            true observation after it, and whether the task ended, each with one entry per row.

    Raises:
        ConfigurationError: If the spaces are of another kind.
    """

    def __init__(
        self,
        make: Callable[[], gym.Env[Any, Any]],
        rows: int,
        space: Space,
        normaliser: Normaliser | None,
        seeds: SeedStream,
    ) -> None:
        from stable_baselines3.common.running_mean_std import RunningMeanStd

        if space not in ("raw", "normalised"):
            raise ConfigurationError(f"space must be 'raw' or 'normalised', got {space!r}")
        self.n_envs = rows
        self.envs = [make() for _ in range(rows)]
        box, actions = self.envs[0].observation_space, self.envs[0].action_space
        if not isinstance(box, spaces.Box) or len(box.shape) != 1:
            raise ConfigurationError(f"a defended agent observes a Box of one axis, not {box}; flatten it")
        if not isinstance(actions, spaces.Box) or len(actions.shape) != 1:
            raise ConfigurationError(f"these defences need continuous actions in a Box of one axis, not {actions}")
        self.true_space = box
        self.observation_space = spaces.Box(-np.inf, np.inf, box.shape, np.float32)
        self.action_space = actions
        self.space = space
        self.attack: Method | None = None
        self.ball = Ball(0.0)
        self._running = None if normaliser is not None else RunningMeanStd(shape=box.shape)
        self._normaliser = normaliser
        self._seeds = map(seeds.child("episode").__getitem__, itertools.count())
        self._rng = seeds.child("noise").generator()
        self.true: Array = np.zeros((rows, *box.shape))
        self.transitions: list[tuple[Array, Array, Array, Array, NDArray[np.bool_]]] | None = None

    @property
    def normaliser(self) -> Normaliser:
        """The statistics as they are now."""
        if self._normaliser is not None:
            return self._normaliser
        assert self._running is not None
        return Normaliser(self._running.mean.copy(), np.sqrt(self._running.var + 1e-8), 10.0)

    def freeze(self) -> None:
        """Keep the statistics as they are now."""
        self._normaliser = self.normaliser

    @property
    def radius(self) -> Array:
        """Half-width of the ball in normalised units, entry by entry."""
        scale = self.normaliser.scale
        return np.full_like(scale, self.ball.epsilon) if self.space == "normalised" else self.ball.epsilon / scale

    def reset(self) -> Array:
        """Begin episodes in all rows."""
        self.true = np.stack([env.reset(seed=next(self._seeds))[0] for env in self.envs])
        return self.shown(self.true)

    def shown(self, true: Array) -> Array:
        """Return what the agent sees, normalised."""
        if self._normaliser is None and self._running is not None:
            self._running.update(true)
        normaliser = self.normaliser
        if self.attack is None or self.ball.epsilon == 0:
            return normaliser(true).astype(np.float32)
        mean, scale = (normaliser.mean, normaliser.scale) if self.space == "normalised" else (0.0, 1.0)
        noise = np.stack([self.attack.draw(self._rng, self.ball, true.shape[1]) for _ in true])
        delta = self.attack.propose((true.astype(np.float64) - mean) / scale, noise, self.ball)
        seen, _ = enforce(true, delta, self.ball, scale, self.true_space.low, self.true_space.high)
        return normaliser(seen).astype(np.float32)

    def step(self, actions: Array) -> tuple[Array, Array, NDArray[np.bool_], list[dict[str, Any]]]:
        """Step the true environments; rows whose episode ends begin another."""
        rewards, done = np.zeros(len(self.envs)), np.zeros(len(self.envs), dtype=np.bool_)
        ended = np.zeros(len(self.envs), dtype=np.bool_)
        infos: list[dict[str, Any]] = []
        following = np.empty_like(self.true)
        for i, (env, action) in enumerate(zip(self.envs, actions, strict=True)):
            following[i], rewards[i], terminated, truncated, _ = env.step(action)
            ended[i], done[i] = terminated, terminated or truncated
            infos.append({"TimeLimit.truncated": truncated and not terminated})
        if self.transitions is not None:
            normaliser = self.normaliser
            self.transitions.append((normaliser(self.true), actions, rewards, normaliser(following), ended))
        if done.any():
            ends = self.shown(following[done])
            for i, end in zip(np.flatnonzero(done).tolist(), ends, strict=True):
                infos[i]["terminal_observation"] = end
                following[i] = self.envs[i].reset(seed=next(self._seeds))[0]
        self.true = following
        return self.shown(following), rewards, done, infos

    def close(self) -> None:
        """Close the environments."""
        for env in self.envs:
            env.close()
