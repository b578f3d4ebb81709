"""What Quintain asks of an environment beyond Gymnasium's contract: malformed actions are outcomes, rewards have terms.

An environment may do without; a run then says less. What it does keep, it has to keep throughout.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces

from quintain.errors import EnvironmentFault

__all__ = ["HOSTILE", "Unkept", "check_hostile_actions", "check_info"]

#: What models and bugs produce. None of it may raise.
HOSTILE: tuple[Any, ...] = (
    "", " \n\t", "\x00" * 100, "\ud800 lone surrogate", "\u202e bidi \x1b[31m", "A" * 1_000_000, "<<<", ">>><<<>>>",
    "```python", "```python\n```", "```python\n```\n```python\n```", None, 3, -1, 10**30, 1.5, math.nan,
    b"bytes", [], {}, object(),
)  # fmt: skip


class Unkept(Exception):
    """The environment does not keep a convention at all; a fault only where the convention is required."""


def check_hostile_actions(env: gym.Env[Any, Any], infos: Sequence[Mapping[str, Any]]) -> None:
    """Check that malformed actions are outcomes: no exception, a finite reward, ``invalid_action``, no success.

    Args:
        env: The environment; it is reset and stepped.
        infos: Of an ordinary episode: ``invalid_action`` in one of them says that the environment keeps the convention.

    Raises:
        Unkept: If it does not.
        EnvironmentFault: If it does, and an action broke it; or if one was taken for success.
    """
    keeps = any("invalid_action" in info for info in infos)
    complaint: type[Exception] = EnvironmentFault if keeps else Unkept
    unmarked = ""
    for action in HOSTILE:
        env.reset(seed=0)
        shown = f"action {repr(action)[:40]}"
        try:
            _, reward, _, _, info = env.step(action)
        except Exception as error:
            raise complaint(f"{shown} raised {type(error).__name__}: {error}") from error
        invalid = action not in env.action_space
        if info.get("success") and (invalid or isinstance(env.action_space, spaces.Text)):
            raise EnvironmentFault(f"{shown} counts as success")
        if not math.isfinite(float(reward)):
            raise complaint(f"{shown} paid {reward!r}")
        if invalid and not info.get("invalid_action"):
            unmarked = unmarked or f"{shown} is no member of the space, but invalid_action is not set"
    if unmarked:
        raise complaint(unmarked)


def check_info(episodes: Sequence[Sequence[tuple[float, Mapping[str, Any]]]]) -> None:
    """Check what the steps of episodes say: terms that add up to the reward, numeric metrics, ``success`` at the end.

    Args:
        episodes: Reward and info of every step.

    Raises:
        Unkept: If there are no ``reward_terms`` at all, or no ``success``.
        EnvironmentFault: If they are there, and wrong.
    """
    steps = [step for episode in episodes for step in episode]
    lacking = [key for key in ("reward_terms", "success") if not any(key in info for _, info in steps)]
    for reward, info in steps:
        if "reward_terms" not in lacking:
            _check_terms(reward, info)
        for key, value in info.get("metrics", {}).items():
            if not isinstance(value, (int, float, np.number)):
                raise EnvironmentFault(f"metric {key!r} is not a number: {value!r}")
    ends = [episode[-1][1].get("success") for episode in episodes]
    if "success" not in lacking and not all(isinstance(end, (bool, np.bool_)) for end in ends):
        raise EnvironmentFault("the last info has no bool 'success'")
    if lacking:
        raise Unkept(f"info has no {' and no '.join(map(repr, lacking))}")


def _check_terms(reward: float, info: Mapping[str, Any]) -> None:
    if "reward_terms" not in info:
        raise EnvironmentFault("some steps have no 'reward_terms' in their info")
    total = math.fsum(info["reward_terms"].values())
    if not math.isclose(total, reward, abs_tol=1e-9):
        raise EnvironmentFault(f"reward terms {info['reward_terms']} add up to {total!r}, but the reward is {reward!r}")
