"""Conversion of arbitrary actions to arrays in [-1, 1]."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["INVALID_PENALTY", "read_action"]

#: Reward term of an invalid action.
INVALID_PENALTY = -1.0


def read_action(action: Any, length: int) -> tuple[NDArray[np.float64], bool]:
    """Convert an action to numbers in [-1, 1].

    Args:
        action: The object passed to ``step``; it may be invalid.
        length: Number of entries that an action has.

    Returns:
        The action clipped to [-1, 1], shape ``(length,)``, or zeros where it is no such array of finite numbers; and
        whether it was invalid, that is, clipped or replaced.
    """
    try:
        values = np.asarray(action, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        return np.zeros(length), True
    if isinstance(action, (str, bytes)) or values.shape != (length,) or not np.isfinite(values).all():
        return np.zeros(length), True
    clipped = np.clip(values, -1.0, 1.0)
    return clipped, bool((clipped != values).any())
