"""Transcripts of episodes, for checks: play one with a policy, and compare two."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from typing import Any, TypeAlias

import gymnasium as gym
import numpy as np
from gymnasium import spaces

from quintain.envs.protocols import SolvableEnv
from quintain.errors import EnvironmentFault

__all__ = ["Policy", "Transcript", "default_policy", "episode", "equal", "play", "same"]

#: Longest episode that a check plays, in steps.
_MAX_STEPS = 200

#: One tuple a step: action, observation, reward, terminated, truncated, info.
Transcript: TypeAlias = list[tuple[Any, ...]]
#: Chooses an action from the environment and a random generator.
Policy = Callable[[gym.Env[Any, Any], np.random.Generator], Any]


def default_policy(env: gym.Env[Any, Any], rng: np.random.Generator) -> Any:
    """Draw a random action, or where the environment has them, a program (text actions) or its own right action."""
    draw = rng.random()
    if isinstance(env.action_space, spaces.Text) and draw < 0.3:
        return f"```python\nprint({int(rng.integers(100))})\n```"
    base = env.unwrapped
    if isinstance(base, SolvableEnv) and draw < 0.65:
        return base.solution()
    space = deepcopy(env.action_space)
    space.seed(int(rng.integers(2**31)))
    return space.sample()


def play(env: gym.Env[Any, Any], seed: int, policy: Policy, draws: int | None = None) -> Iterator[tuple[Any, ...]]:
    """Play one episode, yielding ``(action, observation, reward, terminated, truncated, info)`` from the reset on.

    Args:
        env: The environment; it is reset first.
        seed: Seed of the reset.
        policy: Chooses an action in every step.
        draws: Seed of the policy's generator; by default ``seed``.
    """
    rng = np.random.default_rng(seed if draws is None else draws)
    observation, info = env.reset(seed=seed)
    yield None, deepcopy(observation), 0.0, False, False, deepcopy(info)
    for _ in range(_MAX_STEPS):
        action = policy(env, rng)
        observation, reward, terminated, truncated, info = env.step(action)
        yield action, deepcopy(observation), reward, terminated, truncated, deepcopy(info)
        if terminated or truncated:
            return


def episode(env: gym.Env[Any, Any], seed: int, policy: Policy) -> Transcript:
    """Play one episode to its end, or for 200 steps."""
    return list(play(env, seed, policy))


def same(one: Transcript, two: Transcript, what: str) -> None:
    """Compare two transcripts.

    Args:
        one: The first transcript.
        two: The second transcript.
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
    """Compare nested mappings, sequences and arrays; NaN equals NaN."""
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        return a.keys() == b.keys() and all(equal(a[k], b[k]) for k in a)
    if isinstance(a, (list, tuple)) and isinstance(b, (list, tuple)):
        return len(a) == len(b) and all(map(equal, a, b))
    if isinstance(a, np.ndarray) or isinstance(b, np.ndarray):
        return np.array_equal(a, b, equal_nan=np.asarray(a).dtype.kind == "f")
    return bool(a == b) or (isinstance(a, float) and isinstance(b, float) and math.isnan(a) and math.isnan(b))
