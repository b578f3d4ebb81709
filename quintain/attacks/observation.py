"""Lies about the state: the environment goes on from the truth, the victim sees something within the budget."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar, Literal, Self

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from gymnasium.vector import VectorEnv
from numpy.typing import NDArray

from quintain.agents.policies import Normaliser, Policy, Rollouts, Space
from quintain.attacks.budget import Ball, enforce
from quintain.attacks.schedule import ALWAYS, Schedule
from quintain.attacks.wrappers import Perturbation, Report, Rows, require_finite, single_space
from quintain.errors import AgentError, ConfigurationError

__all__ = ["Access", "Method", "NullPerturbation", "ObservationPerturbation"]

Array = NDArray[np.floating[Any]]

#: What a method has to know of the victim: its weights, only its actions, or nothing but the observations.
Access = Literal["white-box", "black-box", "observation only"]


class Method(ABC):
    """Chooses perturbations for batches of observations. Works in the space in which the budget is declared.

    Attributes:
        name: What reports call it.
        access: What it has to know of the victim.
    """

    name: str
    access: ClassVar[Access]

    @abstractmethod
    def draw(self, rng: np.random.Generator, ball: Ball, dimension: int) -> Array:
        """Draw all randomness that one observation needs, shape ``(k, dimension)``."""

    def during(self, rollouts: Rollouts[Policy], rows: Rows) -> Self:
        """Return the method for this moment of a victim that remembers; itself, unless it looks into that victim."""
        return self

    @abstractmethod
    def propose(self, z: Array, noise: Array, ball: Ball) -> Array:
        """Choose perturbations; whoever calls enforces the budget.

        Args:
            z: True observations in the budget's space, shape ``(n, d)``.
            noise: What :meth:`draw` gave for each, shape ``(n, k, d)``.
            ball: The budget.

        Returns:
            Shape ``(n, d)``.
        """


class ObservationPerturbation(Perturbation):
    """Shows the victim observations at most ``ball.epsilon`` away from the true ones, whatever the method proposes.

    Args:
        method: Chooses the perturbation.
        ball: The budget.
        space: Where the budget is measured: ``"raw"`` as the environment gives observations, ``"normalised"`` in units
            of the victim's running standard deviations.
        normaliser: The victim's; needed for ``"normalised"``.
        dimension: Length of the observations the method was made for; ``None`` for any.
        schedule: When the attack acts.
        stay_in_space: Keep observations within the bounds of the observation space.
        name: Key in ``info["attack"]``; by default the method's name.
        victim: The victim, if it remembers its episodes: its memory is followed here, from what it was shown. It has
            to act on what comes out of this wrapper, unchanged.

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
        self._dimension = dimension if normaliser is None or dimension is not None else normaliser.dimension
        self._stay = stay_in_space
        self._victim = victim
        self._scale: Array | float = 1.0
        self._mean: Array | float = 0.0
        if space == "normalised" and normaliser is not None:
            self._mean, self._scale = normaliser.mean, normaliser.scale

    @classmethod
    def on(
        cls, victim: Policy, method: Method, epsilon: float, norm: Any, space: Space, schedule: Schedule, name: str
    ) -> ObservationPerturbation:
        """Make one for a victim; the arguments are those of the public attacks."""
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

    def describe(self) -> dict[str, Any]:
        """Return surface, budget and access."""
        return {
            "surface": self.surface,
            "access": self.method.access,
            "epsilon": self.ball.epsilon,
            "norm": self.ball.norm,
            "space": self.space,
        }

    def bind(self, env: gym.Env[Any, Any] | VectorEnv[Any, Any, Any], rows: int) -> None:
        """Check that observations are boxes of floats of the right size."""
        box = single_space(env, "observation")
        if not isinstance(box, spaces.Box) or box.dtype.kind != "f":
            raise ConfigurationError(
                f"an observation attack needs a Box of floats, got {box}; flatten or cast the observations first"
            )
        dimension = int(np.prod(box.shape))
        if self._dimension is not None and self._dimension != dimension:
            raise ConfigurationError(
                f"attack {self.name!r} was made for observations of {self._dimension} entries, "
                f"but the environment gives {dimension}: wrong victim or wrong normaliser"
            )
        self._low: NDArray[Any] | float = box.low.reshape(-1) if self._stay else -np.inf
        self._high: NDArray[Any] | float = box.high.reshape(-1) if self._stay else np.inf
        self._width = dimension
        self._steps = np.zeros(rows, dtype=np.int64)
        self._rngs: list[np.random.Generator] = [np.random.default_rng(0)] * rows
        self._rollouts: Rollouts[Policy] | None = None
        if self._victim is not None and self._victim.is_stateful:
            self._rollouts = Rollouts(self._victim, rows)

    def restart(self, row: int, rng: np.random.Generator) -> None:
        """Begin an episode."""
        self._steps[row] = 0
        self._rngs[row] = rng
        if self._rollouts is not None:
            self._rollouts.restart(np.array([row]))

    def witness(self, actions: NDArray[Any], rewards: NDArray[Any], rows: Rows) -> None:
        """Follow the victim's memory."""
        if self._rollouts is not None:
            self._rollouts.did(np.asarray(actions)[rows], np.asarray(rewards)[rows], rows)

    def apply(self, batch: NDArray[Any], rows: Rows) -> tuple[NDArray[Any], Report]:
        """Perturb a batch of observations."""
        require_finite(batch, "the observation")
        rngs = [self._rngs[row] for row in rows]
        active = self.schedule.active(self._steps[rows], rngs)
        self._steps[rows] += 1
        true = batch.reshape(len(batch), -1)
        seen, distances = true.copy(), np.zeros(len(batch))
        chosen = np.flatnonzero(active)
        if len(chosen):
            noise = np.stack([self.method.draw(rngs[i], self.ball, self._width) for i in chosen])
            some = true[chosen]
            method = self.method if self._rollouts is None else self.method.during(self._rollouts, rows[chosen])
            delta = method.propose((some.astype(np.float64) - self._mean) / self._scale, noise, self.ball)
            if not np.isfinite(delta).all():
                raise AgentError(f"attack {self.name!r} met a victim whose gradient is NaN or infinite")
            seen[chosen], distances[chosen] = enforce(some, delta, self.ball, self._scale, self._low, self._high)
        if self._rollouts is not None:
            self._rollouts.saw(seen, rows)
        report = {"distance": distances, "active": active, "true_observation": np.array(batch)}
        return seen.reshape(batch.shape), report


class NullPerturbation(Perturbation):
    """Changes nothing: the control that shows what the wrapper itself costs."""

    surface = "observation"
    name = "null"

    def describe(self) -> dict[str, Any]:
        """Return a budget of 0."""
        return {"surface": self.surface, "epsilon": 0.0}

    def bind(self, env: gym.Env[Any, Any] | VectorEnv[Any, Any, Any], rows: int) -> None:
        """Take any environment."""
        self._nothing = np.zeros(rows)

    def restart(self, row: int, rng: np.random.Generator) -> None:
        """Remember nothing."""

    def apply(self, batch: NDArray[Any], rows: Rows) -> tuple[NDArray[Any], Report]:
        """Return the batch as it is."""
        return batch, {"distance": self._nothing[: len(rows)]}
