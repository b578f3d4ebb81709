"""How defended policies are trained, and what comes out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from quintain.agents.policies import Policy
from quintain.errors import ConfigurationError

__all__ = ["Checkpoint", "DefenceSettings", "Defended", "Progress"]

#: Called with who has just learned, ``"agent"`` or ``"adversary"``, and the steps that one has made so far.
Progress = Callable[[str, int], None]


@dataclass(frozen=True, slots=True)
class DefenceSettings:
    """PPO of the defended agent, 64x64 tanh, and when the defence sets in.

    Attributes:
        steps: Environment steps of the agent in all; an adversary's come on top.
        envs: Environments played at once.
        rollout: Steps per environment between updates; one such round is an iteration.
        batch: Transitions per gradient step.
        epochs: Passes over each rollout.
        learning_rate: Of Adam; falls to 0.
        gamma: Discount.
        warmup: Share of the steps, in [0, 1), that are plain PPO. When it is over, running statistics of observations
            are frozen, so that the budget keeps its meaning.
        ramp: Share of the steps over which the budget then grows to its full size.
        evaluate_every: Steps between evaluations.
        episodes: Episodes per evaluation, clean and attacked each.

    Raises:
        ConfigurationError: If a share or a count is out of range.
    """

    steps: int = 200_000
    envs: int = 16
    rollout: int = 128
    batch: int = 256
    epochs: int = 10
    learning_rate: float = 3e-4
    gamma: float = 0.99
    warmup: float = 0.2
    ramp: float = 0.3
    evaluate_every: int = 20_000
    episodes: int = 20

    def __post_init__(self) -> None:
        if not 0 <= self.warmup < 1 or not 0 <= self.ramp <= 1 - self.warmup:
            raise ConfigurationError(f"warmup must be in [0, 1) and end with ramp within the training, got {self}")
        if min(self.steps, self.envs, self.rollout, self.batch, self.epochs, self.evaluate_every, self.episodes) < 1:
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
        steps: Of the agent so far.
        clean: Mean return without an attack.
        attacked: Mean return under the attack that hurts most: MAD, or the adversary in training.
        clean_success: Share of episodes in which the task was solved; ``None`` where the environment does not say.
        attacked_success: Likewise, under the same attack as ``attacked``.
    """

    steps: int
    clean: float
    attacked: float
    clean_success: float | None
    attacked_success: float | None

    @property
    def score(self) -> tuple[float, float]:
        """What the best checkpoint has most of: the mean of clean and attacked success, then of the returns."""
        success = 0.0
        if self.clean_success is not None and self.attacked_success is not None:
            success = (self.clean_success + self.attacked_success) / 2
        return success, (self.clean + self.attacked) / 2


@dataclass(frozen=True, slots=True)
class Defended:
    """What a defence gives.

    Attributes:
        victim: The checkpoint with the best score among those made under the full budget.
        chosen: Its evaluation.
        curve: All evaluations.
    """

    victim: Policy
    chosen: Checkpoint
    curve: tuple[Checkpoint, ...]
