"""Batches of environments of this package as vector environments of Stable-Baselines3."""

from __future__ import annotations

from typing import Any, Protocol

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from quintain.errors import require

__all__ = ["EnvBatch", "as_venv"]


class EnvBatch(Protocol):
    """Environments that are stepped together, each of which starts another episode when one ends."""

    n_envs: int

    @property
    def observation_space(self) -> gym.Space[Any]:
        """Space of one environment's observations."""
        ...

    @property
    def action_space(self) -> gym.Space[Any]:
        """Space of one environment's actions."""
        ...

    def reset(self) -> NDArray[Any]:
        """Start an episode in every environment and return the observations, shape ``(n, d)``."""
        ...

    def step(self, actions: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any], NDArray[np.bool_], list[dict[str, Any]]]:
        """Step all environments.

        Returns:
            Observations, rewards, whether an episode ended, and infos with Stable-Baselines3's ``terminal_observation``
            and ``TimeLimit.truncated``.
        """
        ...

    def close(self) -> None:
        """Close the environments."""
        ...


def as_venv(envs: EnvBatch) -> Any:
    """Return a ``VecEnv`` of Stable-Baselines3 that steps ``envs``."""
    vec_env: Any = require("stable_baselines3.common.vec_env", "rl", "training with Stable-Baselines3")

    class Venv(vec_env.VecEnv):  # type: ignore[misc]
        def __init__(self) -> None:
            self._actions: Any = None
            self.render_mode = None
            super().__init__(envs.n_envs, envs.observation_space, envs.action_space)

        def reset(self) -> Any:
            return envs.reset()

        def step_async(self, actions: Any) -> None:
            self._actions = actions

        def step_wait(self) -> Any:
            return envs.step(self._actions)

        def close(self) -> None:
            envs.close()

        def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
            return [None] * self.num_envs

        # VecEnv requires the following methods; the algorithms used here never call them.
        def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
            raise NotImplementedError(f"these environments have no attribute {attr_name!r} to set")

        def env_method(self, method_name: str, *args: Any, indices: Any = None, **kwargs: Any) -> list[Any]:
            raise NotImplementedError(f"these environments have no method {method_name!r}")

        def env_is_wrapped(self, wrapper_class: Any, indices: Any = None) -> list[bool]:
            return [False] * self.num_envs

    return Venv()
