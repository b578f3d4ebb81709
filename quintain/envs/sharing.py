"""Checks that concurrent episodes do not share an environment, and copies of infos for their records."""

from __future__ import annotations

import copy
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np

from quintain.errors import ConfigurationError

__all__ = ["check_distinct", "own", "own_info"]

#: Types of most values in infos; their instances need no copy.
_NEVER_CHANGE = frozenset({str, int, bool, float, bytes, type(None), np.bool_, np.int64, np.float32, np.float64})


def check_distinct(envs: Sequence[Any]) -> None:
    """Check that no two environments, or games, are the same object, also below their wrappers.

    Args:
        envs: Gymnasium environments or PettingZoo games that play at the same time.

    Raises:
        ConfigurationError: If two of them share an object: the steps of one episode would move the other.
    """
    if len({id(getattr(env, "unwrapped", env)) for env in envs}) < len(envs):
        kind = type(getattr(envs[0], "unwrapped", envs[0])).__name__
        raise ConfigurationError(
            f"the function that makes environments returned the same {kind} twice, and episodes that run at the same "
            f"time need one each; make a new one on each call, as in `lambda: {kind}(...)`, or pass its id"
        )


def own_info(info: Mapping[str, Any], without: Collection[str] = ()) -> dict[str, Any]:
    """Copy an info at any depth: environments may use its dictionaries again in the next episode.

    Args:
        info: An info as ``reset`` or ``step`` returned it; it is not changed.
        without: Keys to leave out. Default: none.
    """
    return {
        name: part if type(part) in _NEVER_CHANGE else own(part) for name, part in info.items() if name not in without
    }


def own(value: Any) -> Any:
    """Copy a part of an info at any depth. An object that cannot be copied is shared."""
    if type(value) in _NEVER_CHANGE:
        return value
    if type(value) is dict:
        return own_info(value)
    if type(value) is tuple and all(type(part) in _NEVER_CHANGE for part in value):
        return value
    if type(value) is tuple or type(value) is list:  # deepcopy takes ten times as long
        return type(value)(map(own, value))
    if type(value) is np.ndarray and value.dtype != object:
        return value.copy()
    try:
        return copy.deepcopy(value)
    except Exception:  # whatever the object's own code raises; it may be a handle of a simulator
        return value
