"""Which steps of an episode are perturbed."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from quintain.errors import ConfigurationError

__all__ = ["ALWAYS", "Schedule"]


@dataclass(frozen=True, slots=True)
class Schedule:
    """Which steps of an episode are perturbed. Step 0 is the reset.

    Attributes:
        start: First step that may be perturbed, >= 0. Default: 0.
        stop: First step after ``start`` that is not perturbed any more; ``None`` for no end.
        every: Length of a period in steps, >= 1. Default: 1.
        length: Perturbed steps at the beginning of each period, in [1, every]. Default: 1.
        probability: Probability that an allowed step is perturbed, in [0, 1]; steps are independent. Default: 1.

    Raises:
        ConfigurationError: If a value is out of range.

    Example:
        >>> [step for step in range(10) if Schedule(start=2, every=4, length=2).allows(step)]
        [2, 3, 6, 7]
    """

    start: int = 0
    stop: int | None = None
    every: int = 1
    length: int = 1
    probability: float = 1.0

    def __post_init__(self) -> None:
        if self.start < 0 or self.every < 1 or not 1 <= self.length <= self.every:
            raise ConfigurationError(f"expected start >= 0 and 1 <= length <= every, got {self}")
        if self.stop is not None and self.stop < self.start:
            raise ConfigurationError(f"stop must be >= start, got {self}")
        if not 0 <= self.probability <= 1:
            raise ConfigurationError(f"probability must be in [0, 1], got {self.probability!r}")

    @property
    def constant(self) -> bool:
        """Whether every step is perturbed."""
        return self == ALWAYS

    def allows(self, step: int) -> bool:
        """Return whether ``step`` lies in [start, stop) and in the perturbed part of its period."""
        inside = self.start <= step < (math.inf if self.stop is None else self.stop)
        return inside and (step - self.start) % self.every < self.length

    def active(self, steps: NDArray[np.int64], rngs: list[np.random.Generator]) -> NDArray[np.bool_]:
        """Return which of several episodes are perturbed at their current step.

        Args:
            steps: Current step of each episode, shape ``(n,)``.
            rngs: Generator of each episode; used only if ``probability`` is below 1.

        Returns:
            Shape ``(n,)``.
        """
        if self.constant:
            return np.ones(len(steps), dtype=np.bool_)
        allowed = np.array([self.allows(int(step)) for step in steps], dtype=np.bool_)
        if self.probability < 1:
            allowed &= np.array([rng.random() < self.probability for rng in rngs], dtype=np.bool_)
        return allowed


#: Every step.
ALWAYS = Schedule()
