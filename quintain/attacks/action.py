"""Action perturbations: the executed action differs from the action that the policy chose."""

from __future__ import annotations

from typing import Any, Literal, get_args

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from gymnasium.vector import VectorEnv
from numpy.typing import NDArray

from quintain.attacks.budget import Ball, enforce
from quintain.attacks.disturbance import Disturbance
from quintain.attacks.perturbation import Report, Rows, single_space
from quintain.attacks.schedule import ALWAYS, Schedule
from quintain.attacks.wrappers import EnvT, apply_attack
from quintain.errors import ConfigurationError

__all__ = ["ActionAttack", "ActionKind", "ActionPerturbation"]

#: ``noise``: uniform in the ball, independent at every step. ``shift``: one constant per episode. ``drift``: a random
#: walk from 0 within the ball. ``delay``: actions take effect ``steps`` later. ``sticky``: the last executed action is
#: repeated with ``probability``, as in the Arcade Learning Environment (Machado et al. 2018).
ActionKind = Literal["noise", "shift", "drift", "delay", "sticky"]


class ActionPerturbation(Disturbance):
    """Perturbs actions before they are executed.

    Args:
        kind: What is done to an action: ``"noise"``, ``"shift"``, ``"drift"``, ``"delay"`` or ``"sticky"``, each
            described at :data:`ActionKind`.
        epsilon: Budget of noise, shift and drift, >= 0, in units of the action; executed actions also stay within the
            bounds of the action space. Default: 0.
        norm: Norm of the budget, ``"linf"`` or ``"l2"``. Default: ``"linf"``.
        steps: Delay in steps, >= 1; until the first action arrives, the middle of the box (or action 0) is executed.
            Default: 1.
        probability: Probability of repeating the last executed action, in [0, 1]; 0.25 as in Machado et al. (2018).
            Default: 0.25.
        schedule: Steps at which actions are perturbed. Actions at other steps are executed without delay.
        name: Key in ``info["attack"]``; ``"action"`` and the kind by default.

    Raises:
        ConfigurationError: If the arguments do not fit the kind.
    """

    surface = "action"
    kinds = get_args(ActionKind)

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
        super().__init__(kind, steps, probability, schedule, name)
        self.ball = Ball(epsilon, norm)

    def budget(self) -> dict[str, Any]:
        """Return radius and norm."""
        return {"epsilon": self.ball.epsilon, "norm": self.ball.norm}

    def strength(self) -> dict[str, Any]:
        """Return radius and norm."""
        return self.budget()

    def bind(self, env: gym.Env[Any, Any] | VectorEnv[Any, Any, Any], rows: int) -> None:
        """Check that the kind fits the action space."""
        space = single_space(env, "action")
        continuous = isinstance(space, spaces.Box) and space.dtype.kind == "f"
        if not continuous and self.kind in ("noise", "shift", "drift"):
            raise ConfigurationError(f"action {self.kind} needs a Box of floats, got {space}; use 'delay' or 'sticky'")
        if not isinstance(space, (spaces.Box, spaces.Discrete, spaces.MultiDiscrete, spaces.MultiBinary)):
            raise ConfigurationError(f"actions of {space} are not arrays and cannot be perturbed")
        self._low = self._high = np.zeros(0)
        if isinstance(space, spaces.Box):
            self._low, self._high = space.low.reshape(-1), space.high.reshape(-1)
            idle = np.clip(np.zeros(space.shape), space.low, space.high).astype(space.dtype)
            if space.is_bounded():
                idle = ((space.low.astype(np.float64) + space.high) / 2).astype(space.dtype)
        else:
            idle = np.asarray(getattr(space, "start", np.zeros(space.shape or ())), dtype=space.dtype)
        self.allocate(rows, idle)
        self._offset = np.zeros((rows, max(1, int(np.prod(idle.shape)))))

    def reset(self, row: int, rng: np.random.Generator) -> None:
        """Start another episode in ``row``."""
        super().reset(row, rng)
        self._offset[row] = self.ball.sample(rng, self._offset.shape[1]) if self.kind == "shift" else 0.0

    def apply(self, batch: NDArray[Any], rows: Rows) -> tuple[NDArray[Any], Report]:
        """Perturb a batch of actions, shape ``(n, ...)``."""
        executed, report = super().apply(batch, rows)
        return executed, report | {"chosen_action": np.array(batch), "executed_action": executed.copy()}

    def perturb(self, batch: NDArray[Any], rows: Rows, rngs: list[np.random.Generator]) -> NDArray[Any]:
        """Add noise, shift or drift, within the ball and the bounds."""
        if self.kind != "shift":
            draws = np.stack([self.ball.sample(rng, self._offset.shape[1]) for rng in rngs])
            # A tenth of the budget per step: the walk crosses the ball in tens of steps.
            drifted = self.ball.project(self._offset[rows] + draws / 10)
            self._offset[rows] = drifted if self.kind == "drift" else draws
        chosen = batch.reshape(len(batch), -1)
        executed, _ = enforce(chosen, self._offset[rows], self.ball, 1.0, self._low, self._high)
        return np.asarray(executed.reshape(batch.shape))


def ActionAttack(env: EnvT, kind: ActionKind, **options: Any) -> EnvT:
    """Wrap an environment in an :class:`ActionPerturbation`; ``options`` are its other arguments."""
    return apply_attack(env, ActionPerturbation(kind, **options))
