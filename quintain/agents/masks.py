"""Action masks: which actions an environment allows next, from info, observation or method."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from gymnasium import spaces

from quintain.errors import CapabilityError

__all__ = ["mask_for_space", "mask_of"]


def mask_of(observation: Any, info: Mapping[str, Any], ask: Callable[[], Any] | None = None) -> Any:
    """Return the mask of allowed actions, or ``None`` if the environment gives none.

    Args:
        observation: The observation; the games of PettingZoo have their mask in ``observation["action_mask"]``.
        info: The info; other environments have it in ``info["action_mask"]``, which is looked up first.
        ask: The environment's method ``action_masks``, the convention of sb3-contrib; called last.
    """
    if "action_mask" in info:
        return info["action_mask"]
    if isinstance(observation, Mapping) and "action_mask" in observation:
        return observation["action_mask"]
    return None if ask is None else ask()


def mask_for_space(mask: Any, space: spaces.Space[Any]) -> Any:
    """Return a mask as ``space.sample`` takes it, in Gymnasium's types, from booleans or integers.

    A mask that allows every action of a Discrete space is ``None``, since sampling without a mask is far faster.
    A mask for MultiDiscrete may also be flat, with the entries of all its parts side by side, as in sb3-contrib. Masks
    for Dict and Tuple spaces hold one for each part, or ``None`` where everything is allowed.

    Raises:
        CapabilityError: If the space has no masks, as Box and Text have none.
    """
    if mask is None:
        return None
    if isinstance(space, spaces.Dict) and isinstance(mask, Mapping):
        return {name: mask_for_space(mask.get(name), part) for name, part in space.items()}
    if isinstance(space, spaces.Tuple) and isinstance(mask, (tuple, list)):
        return tuple(mask_for_space(one, part) for one, part in zip(mask, space, strict=True))
    if isinstance(space, spaces.Discrete):
        allowed = np.asarray(mask, dtype=np.int8)
        return None if allowed.tolist().count(1) == space.n else allowed
    if isinstance(space, spaces.MultiDiscrete) and space.nvec.ndim == 1:
        flat = np.concatenate([np.asarray(part).reshape(-1) for part in mask]) if isinstance(mask, tuple) else mask
        parts = np.split(np.asarray(flat, dtype=np.int8).reshape(-1), np.cumsum(space.nvec)[:-1])
        return tuple(parts)
    if isinstance(space, spaces.MultiBinary):
        return np.asarray(mask, dtype=np.int8)
    if isinstance(space, (spaces.Box, spaces.Text)):
        raise CapabilityError(f"the environment gives a mask of actions, and {space} has none")
    return mask
