"""Reading whatever an agent hands over as an array in [-1, 1]."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["INVALID_PENALTY", "read_action"]

#: What an invalid action pays.
INVALID_PENALTY = -1.0


def read_action(action: Any, length: int) -> tuple[NDArray[np.float64], bool]:
    """Make ``length`` numbers in [-1, 1] of an action; zeros of one that is none. Say whether it was invalid."""
    try:
        values = np.asarray(action, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        return np.zeros(length), True
    if isinstance(action, (str, bytes)) or values.shape != (length,) or not np.isfinite(values).all():
        return np.zeros(length), True
    clipped = np.clip(values, -1.0, 1.0)
    return clipped, bool((clipped != values).any())
