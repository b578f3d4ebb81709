"""Environments whose current episode can be played again in another process, to continue a training in its middle."""

from __future__ import annotations

import copy
from typing import Any

import gymnasium as gym
import numpy as np

__all__ = ["Replayed"]


class Replayed(gym.Wrapper[Any, Any, Any, Any]):
    """Remembers how the current episode came about: its seed, or the random numbers before it, and its actions.

    The environment has to draw all its random numbers from ``np_random``, as Gymnasium asks for.

    Example:
        >>> env = Replayed(gym.make("CartPole-v1"))
        >>> _ = env.reset(seed=1), env.step(0), env.reset()
        >>> observation = env.step(1)[0]
        >>> again = Replayed(gym.make("CartPole-v1"))
        >>> bool((again.replay(env.past()) == observation).all())
        True
    """

    def __init__(self, env: gym.Env[Any, Any]) -> None:
        super().__init__(env)
        self._seed: int | None = None
        self._before: dict[str, Any] | None = None
        self._actions: list[Any] = []

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Start an episode."""
        generator = self.unwrapped.np_random.bit_generator
        self._before = None if seed is not None else copy.deepcopy(dict(generator.state))
        self._seed, self._actions = seed, []
        return self.env.reset(seed=seed, options=options)

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        """Take a step."""
        self._actions.append(np.copy(action))
        return self.env.step(action)

    def past(self) -> dict[str, Any]:
        """Return how the current episode came about; it can be pickled."""
        return {"seed": self._seed, "before": self._before, "actions": list(self._actions)}

    def replay(self, past: dict[str, Any]) -> Any:
        """Play an episode as far as another environment has played it, and return the last observation.

        Args:
            past: What :meth:`past` of an equal environment returned.
        """
        if past["before"] is not None:
            self.env.reset(seed=0)  # lets the environment set itself up; its random numbers are replaced
            self.unwrapped.np_random.bit_generator.state = past["before"]
        observation, _ = self.reset(seed=past["seed"])
        for action in past["actions"]:
            observation, *_ = self.step(action)
        return observation
