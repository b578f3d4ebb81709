"""A corrupted reward signal, as an agent that learns would meet it."""

from __future__ import annotations

from collections import deque
from typing import Any, Literal, get_args

import gymnasium as gym
import numpy as np
from gymnasium.vector import VectorEnv
from numpy.typing import NDArray

from quintain.attacks.schedule import ALWAYS, Schedule
from quintain.attacks.wrappers import Perturbation, Report, Rows, require_finite
from quintain.errors import ConfigurationError

__all__ = ["RewardKind", "RewardPerturbation"]

#: ``noise``: uniform in +-epsilon. ``shift``: epsilon is added. ``drift``: a random walk within +-epsilon. ``delay``:
#: paid ``steps`` later (what is still owed at the end is lost). ``sticky``: the last paid reward again, with
#: ``probability``. ``flip``: the sign is turned.
RewardKind = Literal["noise", "shift", "drift", "delay", "sticky", "flip"]


class RewardPerturbation(Perturbation):
    """Pays something else than what was earned.

    Args:
        kind: How.
        epsilon: Strength of noise, shift and drift in units of the reward; only a shift may be negative.
        steps: Delay in steps, >= 1.
        probability: Chance of paying the last reward again, in [0, 1].
        schedule: When it acts.
        name: Key in ``info["attack"]``.

    Raises:
        ConfigurationError: If the arguments do not fit the kind.
    """

    surface = "reward"

    def __init__(
        self,
        kind: RewardKind,
        *,
        epsilon: float = 0.0,
        steps: int = 1,
        probability: float = 0.25,
        schedule: Schedule = ALWAYS,
        name: str = "",
    ) -> None:
        if kind not in get_args(RewardKind):
            raise ConfigurationError(f"kind must be one of {get_args(RewardKind)}, got {kind!r}")
        if not np.isfinite(epsilon) or (epsilon < 0 and kind != "shift"):
            raise ConfigurationError(f"epsilon must be finite and, but for a shift, >= 0, got {epsilon!r}")
        if isinstance(steps, bool) or not isinstance(steps, int) or steps < 1:
            raise ConfigurationError(f"steps must be an integer >= 1, got {steps!r}")
        if not 0 <= probability <= 1:
            raise ConfigurationError(f"probability must be in [0, 1], got {probability!r}")
        self.kind = kind
        self.epsilon = float(epsilon)
        self.steps = steps
        self.probability = probability
        self.schedule = schedule
        self.name = name or f"reward {kind}"

    def describe(self) -> dict[str, Any]:
        """Return surface and strength."""
        strengths: dict[str, dict[str, Any]] = {
            "delay": {"steps": self.steps}, "sticky": {"probability": self.probability}, "flip": {},
        }  # fmt: skip
        return {"surface": self.surface, **strengths.get(self.kind, {"epsilon": self.epsilon})}

    def bind(self, env: gym.Env[Any, Any] | VectorEnv[Any, Any, Any], rows: int) -> None:
        """Take any environment."""
        self._time = np.zeros(rows, dtype=np.int64)
        self._rngs: list[np.random.Generator] = [np.random.default_rng(0)] * rows
        self._walk = np.zeros(rows)
        self._last = np.zeros(rows)
        self._queues: list[deque[float]] = [deque() for _ in range(rows)]

    def restart(self, row: int, rng: np.random.Generator) -> None:
        """Begin an episode."""
        self._time[row] = 0
        self._rngs[row] = rng
        self._walk[row] = self._last[row] = 0.0
        self._queues[row] = deque([0.0] * self.steps, maxlen=self.steps)

    def apply(self, batch: NDArray[Any], rows: Rows) -> tuple[NDArray[Any], Report]:
        """Perturb a batch of rewards."""
        require_finite(batch, "the reward")
        rngs = [self._rngs[row] for row in rows]
        active = self.schedule.active(self._time[rows], rngs)
        paid = np.where(active, self._changed(batch, rows, rngs), batch)
        self._time[rows] += 1
        self._last[rows] = paid
        return paid, {"active": active, "true_reward": np.array(batch)}

    def _changed(self, batch: NDArray[Any], rows: Rows, rngs: list[np.random.Generator]) -> NDArray[Any]:
        if self.kind == "flip":
            return -batch
        if self.kind == "shift":
            return np.asarray(batch + self.epsilon)
        if self.kind == "delay":
            due = np.array([self._queues[row][0] for row in rows])
            for row, reward in zip(rows, batch, strict=True):
                self._queues[row].append(float(reward))
            return due
        if self.kind == "sticky":
            repeat = np.array([rng.random() < self.probability for rng in rngs]) & (self._time[rows] > 0)
            return np.where(repeat, self._last[rows], batch)
        draws = np.array([rng.uniform(-self.epsilon, self.epsilon) for rng in rngs])
        if self.kind == "drift":
            self._walk[rows] = np.clip(self._walk[rows] + draws / 10, -self.epsilon, self.epsilon)
            draws = self._walk[rows]
        return np.asarray(batch + draws)
