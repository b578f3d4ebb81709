"""Observation perturbations.

The environment steps from the true state; the policy receives a perturbed observation within the budget.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, ClassVar, Self, TypedDict

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from gymnasium.vector import VectorEnv
from numpy.typing import NDArray

from quintain.agents.policies import Normaliser, Policy, Rollouts, Space
from quintain.attacks.budget import Ball, Norm, enforce
from quintain.attacks.perturbation import Perturbation, Report, Rows, Sees, require_finite, single_space
from quintain.attacks.schedule import ALWAYS, Schedule
from quintain.attacks.wrappers import EnvT, apply_attack
from quintain.errors import AgentError, ConfigurationError
from quintain.registry import load_attribute

__all__ = ["Method", "ObservationPerturbation", "Options", "perturb_observations"]

Array = NDArray[np.floating[Any]]


class Method(ABC):
    """Computes perturbations of batches of observations, in the space in which the budget is declared.

    Attributes:
        name: Name of the attack in reports and in ``info["attack"]``.
        sees: What the method reads at test time; see :data:`~quintain.attacks.perturbation.Sees`.
    """

    name: str
    sees: ClassVar[Sees]

    @abstractmethod
    def draw(self, rng: np.random.Generator, ball: Ball, dimension: int) -> Array:
        """Draw all random numbers for one observation of ``dimension`` entries, shape ``(k, dimension)``."""

    def with_history(self, rollouts: Rollouts[Policy], rows: Rows) -> Self:
        """Return the method for the running episodes in ``rows`` of a history-dependent policy.

        A method that reads the policy returns a copy in which the policy is conditioned on these episodes; any other
        returns itself.
        """
        return self

    @abstractmethod
    def propose(self, z: Array, noise: Array, ball: Ball) -> Array:
        """Compute perturbations. The caller projects them onto the budget.

        Args:
            z: True observations in the budget's space, shape ``(n, d)``.
            noise: Random numbers from :meth:`draw` for each observation, shape ``(n, k, d)``.
            ball: The perturbation budget: norm and radius.

        Returns:
            Shape ``(n, d)``, finite.
        """

    def config(self) -> dict[str, Any] | None:
        """Return constructor arguments as JSON-able data; ``None``, the default, if they hold a policy or a network."""
        return None


class ObservationPerturbation(Perturbation):
    """Perturbs observations by at most ``ball.epsilon``, whatever the method proposes.

    Args:
        method: The method that computes the perturbations.
        ball: The perturbation budget: norm and radius.
        space: Space in which the budget is measured: ``"raw"`` for the environment's units, ``"normalised"`` for units
            of the policy's running standard deviations. Default: ``"raw"``.
        normaliser: The policy's observation normaliser; required for ``"normalised"``.
        dimension: Number of entries of the observations that the method works on; ``None`` for any.
        schedule: Steps at which observations are perturbed.
        stay_in_space: Whether to clip observations to the bounds of the observation space. Default: true.
        name: Key in ``info["attack"]``; the method's name by default.
        victim: The policy under attack, needed only if it is history-dependent: its history is recorded here, from the
            perturbed observations. It must act on the observations of this wrapper, unchanged.

    Raises:
        ConfigurationError: If ``space`` is unknown, or is ``"normalised"`` without a normaliser.
    """

    surface = "observation"

    def __init__(
        self,
        method: Method,
        ball: Ball,
        *,
        space: Space = "raw",
        normaliser: Normaliser | None = None,
        dimension: int | None = None,
        schedule: Schedule = ALWAYS,
        stay_in_space: bool = True,
        name: str = "",
        victim: Policy | None = None,
    ) -> None:
        if space not in ("raw", "normalised"):
            raise ConfigurationError(f"space must be 'raw' or 'normalised', got {space!r}")
        if space == "normalised" and normaliser is None:
            raise ConfigurationError(
                "a budget in normalised space needs a normaliser; this one has none: use space='raw'"
            )
        self.method = method
        self.ball = ball
        self.space: Space = space
        self.schedule = schedule
        self.name = name or method.name
        self._normaliser = normaliser
        self._dimension = dimension if normaliser is None or dimension is not None else normaliser.dimension
        self._stay_in_space = stay_in_space
        self._victim = victim
        self._scale: Array | float = 1.0
        self._mean: Array | float = 0.0
        if space == "normalised" and normaliser is not None:
            self._mean, self._scale = normaliser.mean, normaliser.scale

    @classmethod
    def on(
        cls, victim: Policy, method: Method, epsilon: float, norm: Any, space: Space, schedule: Schedule, name: str
    ) -> ObservationPerturbation:
        """Make one for a policy under attack; arguments as in :class:`Options`."""
        return cls(
            method,
            Ball(epsilon, norm),
            space=space,
            normaliser=victim.normaliser,
            dimension=int(np.prod(victim.observation_space.shape)),
            schedule=schedule,
            name=name,
            victim=victim,
        )

    def config(self) -> dict[str, Any] | None:
        """Return the constructor arguments as JSON-able data; ``None`` if a policy or a network is among them."""
        arguments = self.method.config()
        if arguments is None or self._victim is not None:
            return None
        n, kind = self._normaliser, type(self.method)
        return {
            "method": {"entry_point": f"{kind.__module__}:{kind.__qualname__}", "kwargs": arguments},
            "ball": asdict(self.ball),
            "space": self.space,
            "normaliser": n and {"mean": n.mean.tolist(), "scale": n.scale.tolist(), "clip": n.clip},
            "dimension": self._dimension,
            "schedule": asdict(self.schedule),
            "stay_in_space": self._stay_in_space,
            "name": self.name,
        }

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """Make a perturbation from what :meth:`config` returned."""
        method, n = config["method"], config["normaliser"]
        return cls(
            load_attribute(method["entry_point"])(**method["kwargs"]),
            Ball(**config["ball"]),
            normaliser=n and Normaliser(n["mean"], n["scale"], n["clip"]),
            schedule=Schedule(**config["schedule"]),
            **{name: config[name] for name in ("space", "dimension", "stay_in_space", "name")},
        )

    def describe(self) -> dict[str, Any]:
        """Return surface, budget, and what the method sees."""
        return {
            "surface": self.surface,
            "sees": self.method.sees,
            "epsilon": self.ball.epsilon,
            "norm": self.ball.norm,
            "space": self.space,
        }

    def bind(self, env: gym.Env[Any, Any] | VectorEnv[Any, Any, Any], rows: int) -> None:
        """Check that the observation space is a Box of floats with the right number of entries."""
        box = single_space(env, "observation")
        if not isinstance(box, spaces.Box) or box.dtype.kind != "f":
            raise ConfigurationError(
                f"an observation attack needs a Box of floats, got {box}; flatten or cast the observations first"
            )
        dimension = int(np.prod(box.shape))
        if self._dimension is not None and self._dimension != dimension:
            raise ConfigurationError(
                f"attack {self.name!r} was made for observations of {self._dimension} entries, "
                f"but the environment has {dimension}: wrong victim or wrong normaliser"
            )
        self._low: NDArray[Any] | float = box.low.reshape(-1) if self._stay_in_space else -np.inf
        self._high: NDArray[Any] | float = box.high.reshape(-1) if self._stay_in_space else np.inf
        self._width = dimension
        self._steps = np.zeros(rows, dtype=np.int64)
        self._rngs: list[np.random.Generator] = [np.random.default_rng(0)] * rows
        self._rollouts: Rollouts[Policy] | None = None
        if self._victim is not None and self._victim.is_stateful:
            self._rollouts = Rollouts(self._victim, rows)

    def reset(self, row: int, rng: np.random.Generator) -> None:
        """Start another episode in ``row``."""
        self._steps[row] = 0
        self._rngs[row] = rng
        if self._rollouts is not None:
            self._rollouts.reset(np.array([row]))

    def observe_transition(self, actions: NDArray[Any], rewards: NDArray[Any], rows: Rows) -> None:
        """Record actions and rewards in the history of a history-dependent policy."""
        if self._rollouts is not None:
            self._rollouts.record(np.asarray(actions)[rows], np.asarray(rewards)[rows], rows)

    def apply(self, batch: NDArray[Any], rows: Rows) -> tuple[NDArray[Any], Report]:
        """Perturb a batch of observations, shape ``(n, ...)``."""
        require_finite(batch, "the observation")
        rngs = [self._rngs[row] for row in rows]
        active = self.schedule.active(self._steps[rows], rngs)
        self._steps[rows] += 1
        true = batch.reshape(len(batch), -1)
        perturbed, distances = true.copy(), np.zeros(len(batch))
        chosen = np.flatnonzero(active)
        if len(chosen):
            noise = np.stack([self.method.draw(rngs[i], self.ball, self._width) for i in chosen])
            some = true[chosen]
            method = self.method if self._rollouts is None else self.method.with_history(self._rollouts, rows[chosen])
            delta = method.propose((some.astype(np.float64) - self._mean) / self._scale, noise, self.ball)
            if not np.isfinite(delta).all():
                raise AgentError(f"attack {self.name!r}: the victim's gradient is NaN or infinite")
            perturbed[chosen], distances[chosen] = enforce(some, delta, self.ball, self._scale, self._low, self._high)
        if self._rollouts is not None:
            self._rollouts.observe(perturbed, rows)
        report = {"distance": distances, "active": active, "true_observation": np.array(batch)}
        return perturbed.reshape(batch.shape), report


class Options(TypedDict, total=False):
    """Optional arguments of every observation attack.

    Attributes:
        norm: Norm of the budget, ``"linf"`` (default) or ``"l2"``.
        space: Space in which the budget is measured: ``"raw"`` (default) for the environment's units, ``"normalised"``
            for units of the policy's running standard deviations.
        schedule: Steps at which observations are perturbed; all by default.
        name: Key in ``info["attack"]``; the method's name by default.
    """

    norm: Norm
    space: Space
    schedule: Schedule
    name: str


def perturb_observations(
    env: EnvT,
    victim: Policy,
    method: Method,
    epsilon: float,
    *,
    norm: Norm = "linf",
    space: Space = "raw",
    schedule: Schedule = ALWAYS,
    name: str = "",
) -> EnvT:
    """Wrap a single or a vector environment so that ``victim`` receives perturbed observations.

    Args:
        env: Environment or vector environment, whose rows are attacked in one batch.
        victim: The policy under attack.
        method: Computes the perturbations, in ``space``.
        epsilon: Budget, >= 0, in units of ``space``.
        norm: Norm of the budget, ``"linf"`` or ``"l2"``. Default: ``"linf"``.
        space: Space in which the budget is measured: ``"raw"`` for the environment's units, ``"normalised"`` for units
            of the policy's running standard deviations. Default: ``"raw"``.
        schedule: Steps at which observations are perturbed; every step by default.
        name: Key in ``info["attack"]``; the method's name by default.

    Returns:
        The environment as the victim observes it: dictionaries of floats are flattened. It steps from the true state;
        ``info["attack"]`` reports the true observation and the distance from it.

    Raises:
        ConfigurationError: If budget, space, victim and environment do not fit.
    """
    return apply_attack(env, ObservationPerturbation.on(victim, method, epsilon, norm, space, schedule, name))
