"""Disturbed actuators: what is executed differs from what was chosen."""

from __future__ import annotations

from collections import deque
from typing import Any, Literal, get_args

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from gymnasium.vector import VectorEnv
from numpy.typing import NDArray

from quintain.attacks.budget import Ball, enforce
from quintain.attacks.schedule import ALWAYS, Schedule
from quintain.attacks.wrappers import Perturbation, Report, Rows, single_space
from quintain.errors import ConfigurationError

__all__ = ["ActionKind", "ActionPerturbation"]

#: ``noise``: uniform in the ball, afresh at every step. ``shift``: one direction per episode. ``drift``: a random walk
#: from 0 within the ball. ``delay``: actions take effect later. ``sticky``: the last executed action is repeated.
ActionKind = Literal["noise", "shift", "drift", "delay", "sticky"]


class ActionPerturbation(Perturbation):
    """Executes something else than what was chosen.

    Args:
        kind: How.
        epsilon: Budget of noise, shift and drift, in units of the action; each lies within the ball and the bounds.
        norm: Norm of the budget.
        steps: Delay in steps, >= 1; until the first action arrives, the middle of the box (or action 0) is executed.
        probability: Chance of repeating the last executed action, in [0, 1].
        schedule: When it acts. A delayed action that falls outside the schedule is executed undelayed.
        name: Key in ``info["attack"]``.

    Raises:
        ConfigurationError: If the arguments do not fit the kind.
    """

    surface = "action"

    def __init__(
        self,
        kind: ActionKind,
        *,
        epsilon: float = 0.0,
        norm: Literal["linf", "l2"] = "linf",
        steps: int = 1,
        probability: float = 0.25,
        schedule: Schedule = ALWAYS,
        name: str = "",
    ) -> None:
        if kind not in get_args(ActionKind):
            raise ConfigurationError(f"kind must be one of {get_args(ActionKind)}, got {kind!r}")
        if isinstance(steps, bool) or not isinstance(steps, int) or steps < 1:
            raise ConfigurationError(f"steps must be an integer >= 1, got {steps!r}")
        if not 0 <= probability <= 1:
            raise ConfigurationError(f"probability must be in [0, 1], got {probability!r}")
        self.kind = kind
        self.ball = Ball(epsilon, norm)
        self.steps = steps
        self.probability = probability
        self.schedule = schedule
        self.name = name or f"action {kind}"

    def describe(self) -> dict[str, Any]:
        """Return surface and strength."""
        strength: dict[str, Any] = {"epsilon": self.ball.epsilon, "norm": self.ball.norm}
        if self.kind == "delay":
            strength = {"steps": self.steps}
        elif self.kind == "sticky":
            strength = {"probability": self.probability}
        return {"surface": self.surface, **strength}

    def bind(self, env: gym.Env[Any, Any] | VectorEnv[Any, Any, Any], rows: int) -> None:
        """Check that the kind makes sense for the action space."""
        space = single_space(env, "action")
        continuous = isinstance(space, spaces.Box) and space.dtype.kind == "f"
        if not continuous and self.kind in ("noise", "shift", "drift"):
            raise ConfigurationError(f"action {self.kind} needs a Box of floats, got {space}; use 'delay' or 'sticky'")
        if not isinstance(space, (spaces.Box, spaces.Discrete, spaces.MultiDiscrete, spaces.MultiBinary)):
            raise ConfigurationError(f"actions of {space} are no arrays and cannot be perturbed")
        self._low = self._high = self._idle = np.zeros(0)
        if isinstance(space, spaces.Box):
            self._low, self._high = space.low.reshape(-1), space.high.reshape(-1)
            self._idle = np.clip(np.zeros(space.shape), space.low, space.high).astype(space.dtype)
            if space.is_bounded():
                self._idle = ((space.low.astype(np.float64) + space.high) / 2).astype(space.dtype)
        else:
            self._idle = np.asarray(getattr(space, "start", np.zeros(space.shape or ())), dtype=space.dtype)
        self._time = np.zeros(rows, dtype=np.int64)
        self._rngs: list[np.random.Generator] = [np.random.default_rng(0)] * rows
        self._offset = np.zeros((rows, max(1, int(np.prod(self._idle.shape)))))
        self._queues: list[deque[NDArray[Any]]] = [deque() for _ in range(rows)]
        self._last = np.repeat(self._idle[None], rows, axis=0)

    def restart(self, row: int, rng: np.random.Generator) -> None:
        """Begin an episode."""
        self._time[row] = 0
        self._rngs[row] = rng
        self._queues[row] = deque([self._idle] * self.steps, maxlen=self.steps)
        self._last[row] = self._idle
        self._offset[row] = 0.0
        if self.kind == "shift":
            self._offset[row] = self.ball.sample(rng, self._offset.shape[1])

    def apply(self, batch: NDArray[Any], rows: Rows) -> tuple[NDArray[Any], Report]:
        """Perturb a batch of actions."""
        rngs = [self._rngs[row] for row in rows]
        active = self.schedule.active(self._time[rows], rngs)
        if self.kind == "delay":
            executed = self._delay(batch, rows, active)
        elif self.kind == "sticky":
            repeat = np.array([rng.random() < self.probability for rng in rngs], dtype=np.bool_)
            repeat &= active & (self._time[rows] > 0)
            executed = np.array(batch)
            executed[repeat] = self._last[rows][repeat]
        else:
            executed = self._offset_by(batch, rows, rngs, active)
        self._time[rows] += 1
        self._last[rows] = executed
        return executed, {"active": active, "chosen_action": np.array(batch), "executed_action": np.array(executed)}

    def _delay(self, batch: NDArray[Any], rows: Rows, active: NDArray[np.bool_]) -> NDArray[Any]:
        executed = np.array(batch)
        for i, row in enumerate(rows):
            queue = self._queues[row]
            if active[i]:
                executed[i] = queue[0]
            queue.append(np.array(batch[i]))
        return executed

    def _offset_by(
        self, batch: NDArray[Any], rows: Rows, rngs: list[np.random.Generator], active: NDArray[np.bool_]
    ) -> NDArray[Any]:
        if self.kind != "shift":
            draws = np.stack([self.ball.sample(rng, self._offset.shape[1]) for rng in rngs])
            # A tenth of the budget per step: the walk crosses the ball in tens of steps.
            drifted = self.ball.project(self._offset[rows] + draws / 10)
            self._offset[rows] = drifted if self.kind == "drift" else draws
        chosen = batch.reshape(len(batch), -1).astype(self._idle.dtype)
        delta = self._offset[rows] * active[:, None]
        executed, _ = enforce(chosen, delta, self.ball, 1.0, self._low, self._high)
        return np.asarray(executed.reshape(batch.shape))
