"""MineDojo's action space, and the conversion of arbitrary actions to members of it."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from quintain.envs.minecraft.recipes import CRAFTS

__all__ = ["FUNCTIONS", "INVALID_PENALTY", "NO_OP", "action_space", "marginal_mask", "read_action"]

#: Functions of the sixth component.
FUNCTIONS = ("none", "use", "drop", "attack", "craft", "equip", "place", "destroy")
#: Numbers of choices per component: forward/back, left/right, jump/sneak/sprint, pitch, yaw, function, craft, slot.
CHOICES = (3, 3, 4, 25, 25, len(FUNCTIONS), len(CRAFTS), 36)
#: The action that does nothing.
NO_OP: tuple[int, ...] = (0, 0, 0, 12, 12, 0, 0, 0)
#: Reward term of an invalid action.
INVALID_PENALTY = -1.0
_LIMITS = np.array(CHOICES, np.int64)


def action_space() -> spaces.MultiDiscrete:
    """Return MineDojo's action space."""
    return spaces.MultiDiscrete(list(CHOICES))


def read_action(action: Any) -> tuple[NDArray[np.int64], bool]:
    """Convert an action.

    Args:
        action: The object passed to ``step``; it may be invalid.

    Returns:
        The action, shape ``(8,)``, or the one that does nothing where it is no member of the space; and whether it was
        invalid.
    """
    try:
        values = np.asarray(action)
    except (TypeError, ValueError, OverflowError):
        return np.array(NO_OP, np.int64), True
    if values.shape != (8,) or values.dtype.kind not in "iu" or (values < 0).any() or (values >= _LIMITS).any():
        return np.array(NO_OP, np.int64), True
    return values.astype(np.int64), False


def marginal_mask(mask: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Return the mask of each component by itself, shape ``(348,)``, as sb3-contrib's MaskablePPO takes it.

    Components are masked one by one, so a possible function may meet an argument that is possible only for another
    function: such an action does nothing.

    Args:
        mask: 8 functions, 244 craft arguments, then 36 slots to equip, to place and to destroy.
    """
    slots = mask[252:].reshape(3, 36).max(axis=0).astype(np.bool_)
    crafts = mask[8:252].astype(np.bool_)
    for part in (crafts, slots):
        part[0] |= not part.any()  # a component needs a choice
    return np.concatenate([np.ones(60, np.bool_), mask[:8].astype(np.bool_), crafts, slots])
