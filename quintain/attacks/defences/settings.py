"""Hyper-parameters and results of adversarial training."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from quintain.agents.policies import Policy
from quintain.errors import ConfigurationError
from quintain.training.control.settings import PPOSettings

__all__ = ["DEFENCE_PPO", "Checkpoint", "DefenceSettings", "Defended", "Progress"]

#: Called with the learner that was just updated, ``"agent"`` or ``"adversary"``, and its environment steps so far.
Progress = Callable[[str, int], None]

#: PPO of a defended agent. Chosen for short runs on one core; what is not named has Stable-Baselines3's default.
DEFENCE_PPO = PPOSettings(n_envs=16, n_steps=128, batch_size=256)


@dataclass(frozen=True, slots=True, kw_only=True)
class DefenceSettings:
    """Hyper-parameters of a defended agent's training: plain PPO at first, then under a growing budget.

    Attributes:
        steps: Environment steps of the agent, >= 1; an adversary's steps are additional. Default: 200,000.
        ppo: Hyper-parameters of PPO, whose learning rate falls linearly to 0. Default: :data:`DEFENCE_PPO`.
        warmup: Share of the steps, in [0, 1), with a budget of 0. At its end, running statistics of observations are
            frozen, so that the budget keeps its meaning. Default: 0.2.
        ramp: Share of the steps, in [0, 1 - warmup], over which the budget then grows linearly to its full size.
            Default: 0.3.
        eval_freq: Environment steps between evaluations, >= 1. Default: 20,000.
        n_eval_episodes: Episodes per evaluation, without an attack and under each attack, >= 1. Default: 20.

    Raises:
        ConfigurationError: If a share or a count is out of range.
    """

    steps: int = 200_000
    ppo: PPOSettings = DEFENCE_PPO
    warmup: float = 0.2
    ramp: float = 0.3
    eval_freq: int = 20_000
    n_eval_episodes: int = 20

    def __post_init__(self) -> None:
        if not 0 <= self.warmup < 1 or not 0 <= self.ramp <= 1 - self.warmup:
            raise ConfigurationError(f"warmup must be in [0, 1) and end with ramp within the training, got {self}")
        if min(self.steps, self.eval_freq, self.n_eval_episodes) < 1:
            raise ConfigurationError(f"counts must be >= 1, got {self}")

    def budget(self, steps: int, epsilon: float) -> float:
        """Return the budget after ``steps``: 0 during the warm-up, then growing to ``epsilon``."""
        since = steps / self.steps - self.warmup
        if since < 0 or (since == 0 and self.ramp > 0):
            return 0.0
        return epsilon * min(1.0, since / self.ramp) if self.ramp else epsilon


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """One evaluation during training.

    Attributes:
        steps: Environment steps of the agent so far.
        clean: Mean return without an attack.
        attacked: Mean return under the attack with the lowest one: MAD, or the adversary in training.
        clean_success: Success rate without an attack, in [0, 1]; ``None`` where the environment reports none.
        attacked_success: Success rate under the same attack as ``attacked``, in [0, 1]; ``None`` where the
            environment reports none.
    """

    steps: int
    clean: float
    attacked: float
    clean_success: float | None
    attacked_success: float | None

    @property
    def score(self) -> tuple[float, float]:
        """What selects the best checkpoint: the mean of clean and attacked success; among equals, of the returns."""
        success = 0.0
        if self.clean_success is not None and self.attacked_success is not None:
            success = (self.clean_success + self.attacked_success) / 2
        return success, (self.clean + self.attacked) / 2


@dataclass(frozen=True, slots=True)
class Defended:
    """Result of a defence that trains.

    Attributes:
        policy: The checkpoint with the highest score among those trained under the full budget.
        chosen: Evaluation of the chosen checkpoint.
        curve: All evaluations, in order.
    """

    policy: Policy
    chosen: Checkpoint
    curve: tuple[Checkpoint, ...]
