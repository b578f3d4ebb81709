"""Optional conventions beyond Gymnasium's contract: malformed actions are outcomes, rewards are sums of named terms.

An environment need not follow them; its records then have fewer fields. One that follows a convention must follow it in
every step.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces

from quintain.envs.transcripts import is_member
from quintain.errors import EnvironmentFault

__all__ = ["HOSTILE", "ConventionAbsent", "check_hostile_actions", "check_info"]

#: Malformed actions as models and bugs produce them. None of them may raise.
HOSTILE: tuple[Any, ...] = (
    "", " \n\t", "\x00" * 100, "\ud800 lone surrogate", "\u202e bidi \x1b[31m", "A" * 1_000_000, "<<<", ">>><<<>>>",
    "```python", "```python\n```", "```python\n```\n```python\n```", None, 3, -1, 10**30, 1.5, math.nan,
    b"bytes", [], {}, object(),
)  # fmt: skip


class ConventionAbsent(Exception):
    """The environment does not follow a convention at all, which is a fault only where it is required."""


def check_hostile_actions(env: gym.Env[Any, Any], infos: Sequence[Mapping[str, Any]]) -> None:
    """Check that malformed actions are outcomes: they do not raise, are marked in ``info``, and are no success.

    Args:
        env: The environment; it is reset and stepped. Marked means that ``invalid_action`` or ``parse_error`` is set.
        infos: The infos of an ordinary episode. If one of them has the key ``invalid_action``, the environment declares
            that it follows the convention.

    Raises:
        ConventionAbsent: If an action breaks the convention and the environment does not declare it.
        EnvironmentFault: If an action breaks the convention that the environment declares, or counts as success.
    """
    declared = any("invalid_action" in info for info in infos)
    complaint: type[Exception] = EnvironmentFault if declared else ConventionAbsent
    unmarked = ""
    for action in HOSTILE:
        env.reset(seed=0)
        shown = f"action {repr(action)[:40]}"
        try:
            _, reward, _, _, info = env.step(action)
        except Exception as error:
            raise complaint(f"{shown} raised {type(error).__name__}: {error}") from error
        invalid = not is_member(action, env.action_space)
        if info.get("success") and (invalid or isinstance(env.action_space, spaces.Text)):
            raise EnvironmentFault(f"{shown} counts as success")
        if not math.isfinite(float(reward)):
            raise complaint(f"{shown} gave the reward {reward!r}")
        if invalid and not (info.get("invalid_action") or info.get("parse_error")):
            unmarked = (
                unmarked or f"{shown} is not a member of the space, but neither invalid_action nor parse_error is set"
            )
    if unmarked:
        raise complaint(unmarked)


def check_info(
    episodes: Sequence[Sequence[tuple[float, Mapping[str, Any]]]], ended: Sequence[bool] | None = None
) -> None:
    """Check infos: reward terms add up to the reward, metrics are numbers, ``success`` is a bool in the last step.

    Args:
        episodes: Reward and info of every step of every episode.
        ended: Whether each episode ended, rather than being cut by the check; by default all did.

    Raises:
        ConventionAbsent: If no step has ``reward_terms``, or none has ``success``.
        EnvironmentFault: If they are present but wrong.
    """
    steps = [step for episode in episodes for step in episode]
    absent = [key for key in ("reward_terms", "success") if not any(key in info for _, info in steps)]
    for reward, info in steps:
        if "reward_terms" not in absent:
            _check_terms(reward, info)
        for key, value in info.get("metrics", {}).items():
            if not isinstance(value, (int, float, np.number)):
                raise EnvironmentFault(f"metric {key!r} is not a number: {value!r}")
    whole = [True] * len(episodes) if ended is None else ended
    ends = [episode[-1][1].get("success") for episode, over in zip(episodes, whole, strict=True) if over]
    if "success" not in absent and not all(isinstance(end, (bool, np.bool_)) for end in ends):
        raise EnvironmentFault("the last info has no bool 'success'")
    if absent:
        raise ConventionAbsent(f"info has no {' and no '.join(map(repr, absent))}")


def _check_terms(reward: float, info: Mapping[str, Any]) -> None:
    if "reward_terms" not in info:
        raise EnvironmentFault("some steps have no 'reward_terms' in their info")
    total = math.fsum(info["reward_terms"].values())
    if not math.isclose(total, reward, abs_tol=1e-9):
        raise EnvironmentFault(f"reward terms {info['reward_terms']} add up to {total!r}, but the reward is {reward!r}")
