"""What agents share that read observations as a place and a goal."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from quintain.agents.agent import Seat
from quintain.errors import CapabilityError

__all__ = ["Stall", "check_places", "towards"]

Array = NDArray[np.float64]


def check_places(name: str, seat: Seat, dimensions: int | None = None) -> tuple[int, int]:
    """Check that observations are a place and a goal, and actions velocities of the first coordinates.

    Args:
        name: Name of the agent, for the message.
        seat: The seat.
        dimensions: Required length of a place; by default any.

    Returns:
        Lengths of a place and of an action.

    Raises:
        CapabilityError: If not.
    """
    seen, done = seat.observation_space, seat.action_space
    if not (isinstance(seen, spaces.Box) and len(seen.shape) == 1 and seen.shape[0] % 2 == 0):
        raise CapabilityError(f"{name} needs observations (place, goal) of even length, got {seen}")
    length = seen.shape[0] // 2
    if dimensions not in (None, length):
        raise CapabilityError(f"{name} needs places of {dimensions} numbers, got {length}")
    if not (isinstance(done, spaces.Box) and len(done.shape) == 1 and done.shape[0] <= length):
        raise CapabilityError(f"{name} needs an action of at most {length} numbers, got {done}")
    return length, done.shape[0]


def towards(place: Array, target: Any, speed: float = 0.15) -> Array:
    """Return the velocity from a place to a target, slower when it is within one step of ``speed``."""
    away = np.asarray(target, np.float64) - place
    return np.asarray(away / max(speed, float(np.linalg.norm(away)), 1e-9))


class Stall:
    """Notices that a body no longer gets nearer to its target.

    Args:
        patience: Steps without progress that count as a stall.
        progress: Distance that counts as progress.
    """

    def __init__(self, patience: int = 6, progress: float = 0.04) -> None:
        self.patience, self.progress = patience, progress
        self.aim(np.inf)

    def aim(self, away: float) -> None:
        """Begin with a target that is ``away``."""
        self._nearest, self._steps = away, 0

    def stalled(self, away: float) -> bool:
        """Take the present distance; return whether there was no progress for too long."""
        if away < self._nearest - self.progress:
            self._nearest, self._steps = away, 0
        else:
            self._steps += 1
        return self._steps > self.patience
