"""A corrupted reward signal, as an agent that learns would meet it."""

from __future__ import annotations

from typing import Any, Literal, get_args

import gymnasium as gym
import numpy as np
from gymnasium.vector import VectorEnv
from numpy.typing import NDArray

from quintain.attacks.disturbance import Disturbance
from quintain.attacks.schedule import ALWAYS, Schedule
from quintain.attacks.wrappers import Report, Rows, require_finite
from quintain.errors import ConfigurationError

__all__ = ["RewardKind", "RewardPerturbation"]

#: ``noise``: uniform in +-epsilon. ``shift``: epsilon is added. ``drift``: a random walk within +-epsilon. ``delay``:
#: paid ``steps`` later (what is still owed at the end is lost). ``sticky``: the last paid reward again, with
#: ``probability``. ``flip``: the sign is turned.
RewardKind = Literal["noise", "shift", "drift", "delay", "sticky", "flip"]


class RewardPerturbation(Disturbance):
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
    kinds = get_args(RewardKind)

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
        super().__init__(kind, steps, probability, schedule, name)
        if not np.isfinite(epsilon) or (epsilon < 0 and kind != "shift"):
            raise ConfigurationError(f"epsilon must be finite and, but for a shift, >= 0, got {epsilon!r}")
        self.epsilon = float(epsilon)

    def strength(self) -> dict[str, Any]:
        """Return epsilon; a flip has none."""
        return {} if self.kind == "flip" else {"epsilon": self.epsilon}

    def bind(self, env: gym.Env[Any, Any] | VectorEnv[Any, Any, Any], rows: int) -> None:
        """Take any environment."""
        self.make_room(rows, np.zeros(()))
        self._walk = np.zeros(rows)

    def restart(self, row: int, rng: np.random.Generator) -> None:
        """Begin an episode."""
        super().restart(row, rng)
        self._walk[row] = 0.0

    def apply(self, batch: NDArray[Any], rows: Rows) -> tuple[NDArray[Any], Report]:
        """Perturb a batch of rewards."""
        require_finite(batch, "the reward")
        paid, report = super().apply(batch, rows)
        return paid, report | {"true_reward": np.array(batch)}

    def disturbed(self, batch: NDArray[Any], rows: Rows, rngs: list[np.random.Generator]) -> NDArray[Any]:
        """Turn the sign, or add a constant, noise or the walk of the moment."""
        if self.kind == "flip":
            return -batch
        if self.kind == "shift":
            return np.asarray(batch + self.epsilon)
        draws = np.array([rng.uniform(-self.epsilon, self.epsilon) for rng in rngs])
        if self.kind == "drift":
            self._walk[rows] = np.clip(self._walk[rows] + draws / 10, -self.epsilon, self.epsilon)
            draws = self._walk[rows]
        return np.asarray(batch + draws)
