"""The contract of a step, for checks: members of the spaces, finite rewards, flags that are bools, and new objects."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces

from quintain.envs.protocols import SolvableEnv
from quintain.envs.transcripts import MAX_STEPS, Policy, choose, copied, equal, is_member
from quintain.errors import EnvironmentFault

__all__ = ["check_episode", "check_flag", "check_info_type", "check_observation", "check_reward"]

_STEP = "observation, reward, terminated, truncated, info"


def check_episode(env: gym.Env[Any, Any], seed: int, policy: Policy) -> tuple[bool, str]:
    """Play one episode, of at most 200 steps, and check the results of the reset and of every step.

    Args:
        env: The environment; it is reset first.
        seed: Seed of the reset and of the policy's generator.
        policy: Chooses an action in every step.

    Returns:
        Whether the episode ended, and a remark on something that is no fault, or ``""``.

    Raises:
        EnvironmentFault: If a result breaks the contract; the message names the seed and the step.
    """
    rng = np.random.default_rng(seed)
    where, remark = f"seed {seed}, reset", ""
    result: Any = env.reset(seed=seed)
    if not isinstance(result, tuple) or len(result) != 2:
        raise EnvironmentFault(f"{where}: expected (observation, info), got {_shown(result)}")
    observation, info = result
    check_observation(observation, env.observation_space, where)
    check_info_type(info, where)
    kept = copied(observation), copied(info)
    for number in range(1, MAX_STEPS + 1):
        where = f"seed {seed}, step {number}"
        _check_solution(env, where)
        action = choose(env, policy, rng, observation, info)
        chosen = copied(action)
        result = env.step(action)
        if not equal(chosen, action):
            raise EnvironmentFault(f"{where}: the environment changed the action {_shown(chosen)} to {_shown(action)}")
        _check_unchanged("step", (observation, info), kept, where)
        if not isinstance(result, tuple) or len(result) != 5:
            raise EnvironmentFault(f"{where}: expected ({_STEP}), got {_shown(result)}")
        observation, reward, terminated, truncated, info = result
        check_observation(observation, env.observation_space, where)
        check_reward(reward, where)
        for name, flag in (("terminated", terminated), ("truncated", truncated)):
            remark = remark or check_flag(name, flag, where)
        check_info_type(info, where)
        kept = copied(observation), copied(info)
        if terminated or truncated:
            env.reset()
            _check_unchanged("next reset", (observation, info), kept, where)
            return True, remark
    return False, remark


def _check_unchanged(what: str, returned: tuple[Any, Any], kept: tuple[Any, Any], where: str) -> None:
    for name, value, before in zip(("observation", "info"), returned, kept, strict=True):
        if not equal(value, before):
            raise EnvironmentFault(
                f"{where}: the {what} changed the {name} that was returned before; agents and records keep it, so "
                "return a new object in every step"
            )


def check_observation(observation: Any, space: spaces.Space[Any], where: str) -> None:
    """Check that an observation is a member of its space.

    Args:
        observation: The observation that ``reset`` or ``step`` returned.
        space: The space that must contain the observation.
        where: The step, for the message.

    Raises:
        EnvironmentFault: If it is none; the message says why.
    """
    why = _why_not_member(observation, space)
    if why:
        raise EnvironmentFault(f"{where}: the observation is not in its space: {why}")


def check_reward(reward: Any, where: str) -> None:
    """Check that a reward is one finite real number; arguments as for :func:`check_observation`.

    Raises:
        EnvironmentFault: If it is not.
    """
    is_scalar = isinstance(reward, (int, float, np.generic)) or (isinstance(reward, np.ndarray) and reward.shape == ())
    if not is_scalar or np.asarray(reward).dtype.kind not in "biuf":
        raise EnvironmentFault(f"{where}: the reward is not a number: {_shown(reward)}")
    if not np.isfinite(reward):
        raise EnvironmentFault(f"{where}: the reward is {reward}")


def check_flag(name: str, flag: Any, where: str) -> str:
    """Check that ``terminated`` or ``truncated`` is a bool, or at least a number equal to 0 or 1.

    Args:
        name: Name of the flag.
        flag: The value that ``step`` returned for it.
        where: The step, for the message.

    Returns:
        A remark where the flag is such a number, otherwise ``""``.

    Raises:
        EnvironmentFault: If it is neither.
    """
    if isinstance(flag, (bool, np.bool_)):
        return ""
    array = np.asarray(flag) if isinstance(flag, (int, float, np.generic, np.ndarray)) else None
    if array is None or array.shape != () or array.dtype.kind not in "biuf" or array not in (0, 1):
        raise EnvironmentFault(f"{where}: {name} is not a bool: {_shown(flag)}")
    return f"{where}: {name} is {_shown(flag)}, not a bool"


def check_info_type(info: Any, where: str) -> None:
    """Check that ``info`` is a dictionary.

    Raises:
        EnvironmentFault: If it is not.
    """
    if not isinstance(info, dict):
        raise EnvironmentFault(f"{where}: info is not a dictionary: {_shown(info)}")


def _check_solution(env: gym.Env[Any, Any], where: str) -> None:
    base = env.unwrapped
    if isinstance(base, SolvableEnv):
        solution = base.solution()
        if not is_member(solution, env.action_space):
            raise EnvironmentFault(f"{where}: solution() is not in the action space: {_shown(solution)}")


def _why_not_member(value: Any, space: spaces.Space[Any], path: str = "") -> str:
    """Say why ``value`` is not in ``space``; ``""`` if it is."""
    name = f"{path}: " if path else ""
    if isinstance(space, spaces.Dict):
        if not isinstance(value, Mapping) or value.keys() != space.spaces.keys():
            keys = list(value) if isinstance(value, Mapping) else _shown(value)
            return f"{name}expected the keys {list(space.spaces)}, got {keys}"
        parts = [_why_not_member(value[key], sub, f"{path}[{key!r}]") for key, sub in space.spaces.items()]
        return next(filter(None, parts), "") or ("" if is_member(value, space) else f"{name}{_shown(value)}")
    if isinstance(space, spaces.Tuple) and isinstance(value, tuple) and len(value) == len(space.spaces):
        parts = [_why_not_member(x, sub, f"{path}[{i}]") for i, (x, sub) in enumerate(zip(value, space, strict=True))]
        return next(filter(None, parts), "")
    if isinstance(space, spaces.Box):
        if not isinstance(value, (np.ndarray, np.generic, int, float)):
            return f"{name}expected an array, got {_shown(value)}"
        array = np.asarray(value)
        if array.shape != space.shape:
            return f"{name}expected shape {space.shape}, got {array.shape}"
        if array.dtype.kind in "fc" and np.isnan(array).any():
            return f"{name}NaN at index {_first(np.isnan(array))}"
        if isinstance(value, (np.ndarray, np.generic)) and not np.can_cast(array.dtype, space.dtype):
            return f"{name}expected dtype {space.dtype}, got {array.dtype}"
        outside = (array < space.low) | (array > space.high)
        if outside.any():
            index = _first(outside)
            return f"{name}{array[index]} at index {index}, outside [{space.low[index]}, {space.high[index]}]"
    return "" if is_member(value, space) else f"{name}{_shown(value)} is not in {_shown(space)}"


def _first(where: Any) -> tuple[int, ...]:
    return tuple(int(i) for i in np.argwhere(where)[0])


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."
