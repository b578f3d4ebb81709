"""Reward perturbations: a corrupted learning signal."""

from __future__ import annotations

from typing import Any, Literal, get_args

import gymnasium as gym
import numpy as np
from gymnasium.vector import VectorEnv
from numpy.typing import NDArray

from quintain.attacks.disturbance import Disturbance
from quintain.attacks.perturbation import Report, Rows, require_finite
from quintain.attacks.schedule import ALWAYS, Schedule
from quintain.attacks.wrappers import EnvT, apply_attack
from quintain.errors import ConfigurationError

__all__ = ["RewardAttack", "RewardKind", "RewardPerturbation"]

#: ``noise``: uniform in +-epsilon. ``shift``: epsilon is added. ``drift``: a random walk within +-epsilon. ``delay``:
#: rewards arrive ``steps`` later; those still outstanding at the end of the episode are lost. ``sticky``: the last
#: reward is repeated with ``probability``. ``flip``: the sign is inverted.
RewardKind = Literal["noise", "shift", "drift", "delay", "sticky", "flip"]


class RewardPerturbation(Disturbance):
    """Perturbs the rewards that the policy, or its training, receives.

    Args:
        kind: What is done to a reward, one of :data:`RewardKind`.
        epsilon: Strength of noise, shift and drift in units of the reward; only a shift may be negative. Default: 0.
        steps: Delay in steps, >= 1. Default: 1.
        probability: Probability of repeating the last reward, in [0, 1]. Default: 0.25.
        schedule: Steps at which rewards are perturbed.
        name: Key in ``info["attack"]``; ``"reward"`` and the kind by default.

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
            raise ConfigurationError(f"epsilon must be finite and, except for a shift, >= 0, got {epsilon!r}")
        self.epsilon = float(epsilon)

    def budget(self) -> dict[str, Any]:
        """Return epsilon."""
        return {"epsilon": self.epsilon}

    def strength(self) -> dict[str, Any]:
        """Return epsilon; a flip has none."""
        return {} if self.kind == "flip" else {"epsilon": self.epsilon}

    def bind(self, env: gym.Env[Any, Any] | VectorEnv[Any, Any, Any], rows: int) -> None:
        """Accept any environment."""
        self.allocate(rows, np.zeros(()))
        self._walk = np.zeros(rows)

    def reset(self, row: int, rng: np.random.Generator) -> None:
        """Start another episode in ``row``."""
        super().reset(row, rng)
        self._walk[row] = 0.0

    def apply(self, batch: NDArray[Any], rows: Rows) -> tuple[NDArray[Any], Report]:
        """Perturb a batch of rewards, shape ``(n,)``."""
        require_finite(batch, "the reward")
        perturbed, report = super().apply(batch, rows)
        return perturbed, report | {"true_reward": np.array(batch)}

    def perturb(self, batch: NDArray[Any], rows: Rows, rngs: list[np.random.Generator]) -> NDArray[Any]:
        """Invert the sign, or add a constant, noise or a random walk."""
        if self.kind == "flip":
            return -batch
        if self.kind == "shift":
            return np.asarray(batch + self.epsilon)
        draws = np.array([rng.uniform(-self.epsilon, self.epsilon) for rng in rngs])
        if self.kind == "drift":
            self._walk[rows] = np.clip(self._walk[rows] + draws / 10, -self.epsilon, self.epsilon)
            draws = self._walk[rows]
        return np.asarray(batch + draws)


def RewardAttack(env: EnvT, kind: RewardKind, **options: Any) -> EnvT:
    """Wrap an environment in a :class:`RewardPerturbation`; ``options`` are its other arguments."""
    return apply_attack(env, RewardPerturbation(kind, **options))
