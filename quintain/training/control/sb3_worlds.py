"""Worlds with designed rewards as a vector environment of Stable-Baselines3."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from quintain.errors import require
from quintain.training.control.reward_worlds import RewardWorlds, WorldStep

__all__ = ["as_vec_env"]


def as_vec_env(worlds: RewardWorlds, watch: Callable[[WorldStep, Any], Any] = lambda step, actions: None) -> Any:
    """Return a Stable-Baselines3 ``VecEnv`` that steps the worlds.

    Args:
        worlds: The worlds.
        watch: Called with every step and its actions; may return rewards to add, shape ``(n,)``, or ``None``.

    Raises:
        MissingDependencyError: If Stable-Baselines3 is not installed.
    """
    base: Any = require("stable_baselines3.common.vec_env", "rl", "training with PPO").VecEnv

    class _Worlds(base):  # type: ignore[misc]  # a class of a library that is imported here
        def __init__(self) -> None:
            self._actions: Any = None
            vector = worlds.vector
            super().__init__(worlds.n, vector.single_observation_space, vector.single_action_space)

        def reset(self) -> Any:
            return worlds.reset()

        def step_async(self, actions: Any) -> None:
            self._actions = actions

        def step_wait(self) -> Any:
            step = worlds.step(self._actions)
            bonus = watch(step, self._actions)
            rewards = step.rewards if bonus is None else step.rewards + bonus
            infos: list[dict[str, Any]] = [{} for _ in range(worlds.n)]
            for row in np.flatnonzero(step.done).tolist():
                infos[row] = {
                    "terminal_observation": step.last[row],
                    "TimeLimit.truncated": not step.terminated[row],
                }
            return step.observations, rewards.astype(np.float32), step.done.copy(), infos

        def close(self) -> None:
            worlds.close()

        def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
            return [getattr(worlds.vector, attr_name, None)] * worlds.n

        def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
            raise NotImplementedError

        def env_method(self, method_name: str, *args: Any, indices: Any = None, **kwargs: Any) -> list[Any]:
            raise NotImplementedError

        def env_is_wrapped(self, wrapper_class: Any, indices: Any = None) -> list[bool]:
            return [False] * worlds.n

    return _Worlds()
