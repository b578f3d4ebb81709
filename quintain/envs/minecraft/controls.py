"""Action spaces of voxel worlds: MineDojo's, and a few simple controls that are held for several ticks."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from quintain.envs.minecraft.actions import NO_OP
from quintain.errors import ConfigurationError

__all__ = ["FRAME_SKIP", "SIMPLE", "SimpleControls", "check_controls"]

#: Ticks for which a simple control is held.
FRAME_SKIP = 8
#: The simple controls by name, as MineDojo's actions; turns of 30 degrees and looks of 15 are made in the first tick.
SIMPLE: dict[str, tuple[int, ...]] = {
    "forward": (1, 0, 0, 12, 12, 0, 0, 0),
    "jump forward": (1, 0, 1, 12, 12, 0, 0, 0),
    "back": (2, 0, 0, 12, 12, 0, 0, 0),
    "turn left": (0, 0, 0, 12, 10, 0, 0, 0),
    "turn right": (0, 0, 0, 12, 14, 0, 0, 0),
    "look up": (0, 0, 0, 11, 12, 0, 0, 0),
    "look down": (0, 0, 0, 13, 12, 0, 0, 0),
    "attack": (0, 0, 0, 12, 12, 3, 0, 0),
    "attack forward": (1, 0, 0, 12, 12, 3, 0, 0),
}


class SimpleControls:
    """One of nine controls per step, held for several ticks: the action space of Auto MC-Reward's figure.

    Attributes:
        space: ``Discrete(9)``, in the order of ``SIMPLE``.
        names: Names of the controls.
    """

    def __init__(self) -> None:
        self.space = spaces.Discrete(len(SIMPLE))
        self.names = tuple(SIMPLE)
        self._first = np.array(list(SIMPLE.values()), np.int64)
        self._held = self._first.copy()
        self._held[:, 3:5] = NO_OP[3]

    def expand(self, actions: Any, number: int) -> tuple[list[NDArray[np.int64]], NDArray[np.bool_]]:
        """Return MineDojo's actions of all ticks, each of shape ``(number, 8)``, and which actions were invalid.

        Args:
            actions: One number per world; anything else does nothing and is invalid.
            number: Number of worlds.
        """
        invalid = np.ones(number, np.bool_)
        chosen = np.zeros(number, np.int64)
        try:
            values = np.asarray(actions)
        except (TypeError, ValueError, OverflowError):
            values = np.zeros(0)
        if values.shape == (number,) and values.dtype.kind in "iu":
            invalid = (values < 0) | (values >= len(SIMPLE))
            chosen = np.where(invalid, 0, values).astype(np.int64)
        ticks = [self._first[chosen], *[self._held[chosen]] * (FRAME_SKIP - 1)]
        for tick in ticks:
            tick[invalid] = NO_OP
        return ticks, invalid


def check_controls(controls: str) -> SimpleControls | None:
    """Return the simple controls, or ``None`` for MineDojo's.

    Raises:
        ConfigurationError: If there are no such controls.
    """
    if controls not in ("minedojo", "simple"):
        raise ConfigurationError(f"controls must be 'minedojo' or 'simple', got {controls!r}")
    return SimpleControls() if controls == "simple" else None
