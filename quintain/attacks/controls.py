"""Controls of an experiment: no perturbation at all, and uniform noise, which every other attack has to beat."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.vector import VectorEnv
from numpy.typing import NDArray

from quintain.agents.policies import Normaliser, Policy, Space
from quintain.attacks.budget import Ball, Norm
from quintain.attacks.observation import Array, Method, ObservationPerturbation
from quintain.attacks.perturbation import Perturbation, Report, Rows
from quintain.attacks.schedule import ALWAYS, Schedule
from quintain.attacks.wrappers import EnvT, apply_attack

__all__ = ["NullAttack", "NullPerturbation", "RandomAttack", "RandomNoise"]


class RandomNoise(Method):
    """A point drawn uniformly from the ball, independently at every step."""

    name = "random"
    sees = "nothing"

    def draw(self, rng: np.random.Generator, ball: Ball, dimension: int) -> Array:
        """Draw the perturbation itself."""
        return ball.sample(rng, dimension)[None]

    def propose(self, z: Array, noise: Array, ball: Ball) -> Array:
        """Return the random point."""
        return noise[:, 0]

    def config(self) -> dict[str, Any]:
        """Return no arguments: there are none."""
        return {}


class NullPerturbation(Perturbation):
    """Changes nothing, with a report of distance 0: measures the cost of the wrapper itself."""

    surface = "observation"
    name = "null"

    def describe(self) -> dict[str, Any]:
        """Return a budget of 0."""
        return {"surface": self.surface, "epsilon": 0.0}

    def config(self) -> dict[str, Any]:
        """Return no arguments: there are none."""
        return {}

    def bind(self, env: gym.Env[Any, Any] | VectorEnv[Any, Any, Any], rows: int) -> None:
        """Accept any environment."""
        self._zeros = np.zeros(rows)

    def reset(self, row: int, rng: np.random.Generator) -> None:
        """Do nothing: there is no state."""

    def apply(self, batch: NDArray[Any], rows: Rows) -> tuple[NDArray[Any], Report]:
        """Return the batch unchanged."""
        return batch, {"distance": self._zeros[: len(rows)]}


def NullAttack(env: EnvT) -> EnvT:
    """Wrap an environment without changing anything; see :class:`NullPerturbation`."""
    return apply_attack(env, NullPerturbation())


def RandomAttack(
    env: EnvT,
    victim: Policy | None = None,
    *,
    epsilon: float,
    norm: Norm = "linf",
    space: Space = "raw",
    normaliser: Normaliser | None = None,
    schedule: Schedule = ALWAYS,
    name: str = "",
) -> EnvT:
    """Add uniform noise from the ball to the observations.

    Args:
        env: Environment or vector environment.
        victim: The policy under attack; only its normaliser is used.
        epsilon: Budget, >= 0, in units of ``space``.
        norm: Norm of the budget, ``"linf"`` or ``"l2"``. Default: ``"linf"``.
        space: Space in which the budget is measured: ``"raw"`` for the environment's units, ``"normalised"`` for units
            of the policy's running standard deviations. Default: ``"raw"``.
        normaliser: The normaliser, if there is no victim.
        schedule: Steps at which observations are perturbed; all by default.
        name: Key in ``info["attack"]``; ``"random"`` by default.

    Raises:
        ConfigurationError: If budget, space and environment do not fit.

    Example:
        >>> env = RandomAttack(gym.make("CartPole-v1"), epsilon=0.1)
        >>> _, info = gym.make(env.spec).reset(seed=0)
        >>> bool(0 < info["attack"]["random"]["distance"] <= 0.1)
        True
    """
    if victim is not None and normaliser is None:
        normaliser = victim.normaliser
    noise = ObservationPerturbation(
        RandomNoise(), Ball(epsilon, norm), space=space, normaliser=normaliser, schedule=schedule, name=name
    )
    return apply_attack(env, noise)
