"""Transcripts of episodes, for checks: play one with a policy, and compare two."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from enum import Enum
from typing import Any, TypeAlias

import gymnasium as gym
import numpy as np
from gymnasium import spaces

from quintain.envs.protocols import SolvableEnv
from quintain.errors import EnvironmentFault

__all__ = [
    "MAX_STEPS", "Policy", "Transcript", "action_mask", "choose", "copied", "default_policy", "episode", "equal",
    "is_member", "play", "same", "sample",
]  # fmt: skip

#: Longest episode that most checks play, in steps.
MAX_STEPS = 200

#: One tuple a step: action, observation, reward, terminated, truncated, info.
Transcript: TypeAlias = list[tuple[Any, ...]]
#: Chooses an action from the environment and a random generator.
Policy = Callable[[gym.Env[Any, Any], np.random.Generator], Any]


def default_policy(env: gym.Env[Any, Any], rng: np.random.Generator, mask: Any = None) -> Any:
    """Draw a random action, or where the environment has them, a program (text actions) or its own right action.

    Args:
        env: The environment; every action is a member of its action space.
        rng: Source of the draws.
        mask: The legal actions, where the environment gives a mask; see :func:`action_mask`.
    """
    draw = rng.random()
    if isinstance(env.action_space, spaces.Text) and draw < 0.3:
        program = f"```python\nprint({int(rng.integers(100))})\n```"
        if is_member(program, env.action_space):
            return program
    base = env.unwrapped
    if isinstance(base, SolvableEnv) and draw < 0.65:
        action = base.solution()
        if is_member(action, env.action_space):
            return action
    return sample(env.action_space, rng, mask)


def sample(space: spaces.Space[Any], rng: np.random.Generator, mask: Any = None) -> Any:
    """Draw a member of ``space`` that ``mask`` allows, without changing the generator of ``space``."""
    own = deepcopy(space)
    own.seed(int(rng.integers(2**31)))
    return own.sample() if mask is None else own.sample(mask=mask)


def action_mask(env: Any, space: spaces.Space[Any], observation: Any, info: Any) -> Any:
    """Find the mask of legal actions, as ``space.sample`` takes it, or ``None``.

    Environments put masks in ``info["action_mask"]`` (Gymnasium), in ``observation["action_mask"]`` (PettingZoo), or
    in a method ``action_masks()`` (sb3-contrib).
    """
    found = None
    for source in (info, observation):
        if isinstance(source, Mapping) and "action_mask" in source and found is None:
            found = source["action_mask"]
    if found is None and callable(method := getattr(env, "action_masks", None)):
        found = method()
    if found is None:
        return None
    flat = np.concatenate([np.ravel(part) for part in found]) if isinstance(found, tuple) else np.ravel(found)
    flat = flat.astype(np.int8)
    if isinstance(space, spaces.Discrete) and flat.shape == (space.n,) and flat.any():
        return flat
    if isinstance(space, spaces.MultiDiscrete) and space.nvec.ndim == 1 and flat.shape == (int(space.nvec.sum()),):
        parts = tuple(np.split(flat, np.cumsum(space.nvec)[:-1]))
        return parts if all(part.any() for part in parts) else None
    return None


def choose(env: gym.Env[Any, Any], policy: Policy, rng: np.random.Generator, observation: Any, info: Any) -> Any:
    """Choose an action with ``policy``; the default one gets the mask of legal actions too."""
    if policy is default_policy:
        return default_policy(env, rng, action_mask(env.unwrapped, env.action_space, observation, info))
    return policy(env, rng)


def play(
    env: gym.Env[Any, Any], seed: int | None, policy: Policy, draws: int | None = None, limit: int = MAX_STEPS
) -> Iterator[tuple[Any, ...]]:
    """Play one episode, yielding ``(action, observation, reward, terminated, truncated, info)`` from the reset on.

    Args:
        env: The environment; it is reset first.
        seed: Seed of the reset, or ``None`` to reset without one.
        policy: Chooses an action in every step.
        draws: Seed of the policy's generator; by default ``seed``.
        limit: Maximum number of steps, >= 0.
    """
    rng = np.random.default_rng(seed if draws is None else draws)
    observation, info = env.reset(seed=seed)
    yield None, copied(observation), 0.0, False, False, _without_clocks(info)
    for _ in range(limit):
        action = choose(env, policy, rng, observation, info)
        chosen = copied(action)
        observation, reward, terminated, truncated, info = env.step(action)
        yield chosen, copied(observation), reward, terminated, truncated, _without_clocks(info)
        if terminated or truncated:
            return


def episode(env: gym.Env[Any, Any], seed: int | None, policy: Policy, draws: int | None = None) -> Transcript:
    """Play one episode to its end, or for 200 steps."""
    return list(play(env, seed, policy, draws))


def same(one: Transcript, two: Transcript, what: str) -> None:
    """Compare two transcripts.

    Args:
        one: The transcript to compare.
        two: The transcript to compare it with.
        what: Name of the comparison, for the message.

    Raises:
        EnvironmentFault: If they differ; the message names the first step that does.
    """
    for number, (a, b) in enumerate(zip(one, two, strict=False)):
        if not equal(a, b):
            raise EnvironmentFault(f"{what}: step {number} differs: {str(a)[:200]!r} against {str(b)[:200]!r}")
    if len(one) != len(two):
        raise EnvironmentFault(f"{what}: {len(one)} steps against {len(two)}")


def equal(a: Any, b: Any) -> bool:
    """Compare nested mappings, sequences and arrays; NaN equals NaN.

    Two objects of one class that defines no equality count as equal: they cannot be compared.
    """
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        return a.keys() == b.keys() and all(equal(a[k], b[k]) for k in a)
    if isinstance(a, (list, tuple)) and isinstance(b, (list, tuple)):
        return len(a) == len(b) and all(map(equal, a, b))
    if hasattr(a, "__array__") or hasattr(b, "__array__"):
        one, two = np.asarray(a), np.asarray(b)
        return np.array_equal(one, two, equal_nan=one.dtype.kind == "f" and two.dtype.kind == "f")
    if type(a) is type(b) and not isinstance(a, (type, Enum)) and not _defines_equality(type(a)):
        return True
    return bool(a == b) or (isinstance(a, float) and isinstance(b, float) and a != a and b != b)


def is_member(value: Any, space: spaces.Space[Any]) -> bool:
    """Whether ``value`` is in ``space``; a space that raises does not have it."""
    try:
        return bool(space.contains(value))
    except Exception:
        return False


def copied(value: Any) -> Any:
    """Return a deep copy, or ``value`` itself where it has none."""
    try:
        return deepcopy(value)
    except Exception:
        return value


def _defines_equality(cls: type) -> bool:
    return any("__eq__" in vars(base) for base in cls.__mro__ if base is not object)


def _without_clocks(info: Any) -> Any:
    """Copy ``info`` without the elapsed time that Gymnasium's ``RecordEpisodeStatistics`` puts there."""
    info = copied(info)
    statistics = info.get("episode") if isinstance(info, dict) else None
    if isinstance(statistics, dict) and {"r", "l", "t"} <= statistics.keys():
        info["episode"] = {key: value for key, value in statistics.items() if key != "t"}
    return info
