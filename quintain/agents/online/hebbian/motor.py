"""From the displacement that is wanted to an action, and from the one that happened to what stopped it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["Motor"]

Array = NDArray[np.float64]


class Motor:
    """Steers a body whose action is a velocity, and feels where it is blocked.

    The first coordinates of a place are those that the action moves, in order; further ones, such as flags, are not
    steered. The speed is learned from the first steps. An obstacle is felt as a prediction error: the part of the
    intended displacement that did not happen, smoothed over a few steps against motor noise.

    Args:
        dimensions: Length of a place.
        actions: Length of an action, at most ``dimensions``.
        threshold: Smoothed error that counts as a contact, as a share of the speed.

    Attributes:
        speed: Displacement of a step at full speed, as far as it is known; 0 before the first step.
    """

    def __init__(self, dimensions: int, actions: int, *, threshold: float = 0.4) -> None:
        self.dimensions, self.actions, self.threshold = dimensions, actions, threshold
        self.speed = 0.0
        self._intended, self._error = np.zeros(dimensions), np.zeros(dimensions)

    def rest(self) -> Array:
        """Return the action that does nothing, and forget what was felt."""
        self._intended, self._error = np.zeros(self.dimensions), np.zeros(self.dimensions)
        return np.zeros(self.actions)

    def steer(self, displacement: Array) -> Array:
        """Return the action towards a place that is ``displacement`` away, slower when it is within one step."""
        wanted = np.zeros(self.dimensions)
        wanted[: self.actions] = displacement[: self.actions]
        length = float(np.linalg.norm(wanted))
        self._intended = wanted / max(length, self.speed, 1e-9)
        return self._intended[: self.actions].copy()

    def feel(self, moved: Array) -> Array | None:
        """Learn from the displacement that happened; return the direction that is blocked, or ``None``."""
        length = float(np.linalg.norm(moved[: self.actions]))
        if self.speed == 0.0:
            self.speed = length
        elif length > 0.7 * self.speed:
            self.speed += 0.1 * (length - self.speed)
        error = self.speed * self._intended - moved
        error[self.actions :] = 0.0
        self._error = 0.5 * (self._error + error)
        size = float(np.linalg.norm(self._error))
        return self._error / size if size > self.threshold * self.speed and size > 0 else None
