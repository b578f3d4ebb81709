"""Dictionaries of observations as flat vectors, which is what policies under attack and their attackers observe."""

from __future__ import annotations

from typing import Any, TypeVar

import gymnasium as gym
from gymnasium.vector import VectorEnv
from gymnasium.wrappers import FlattenObservation
from gymnasium.wrappers.vector import FlattenObservation as FlattenObservations

from quintain.spaces import is_dict_of_floats

__all__ = ["flat_observations"]

EnvT = TypeVar("EnvT", gym.Env[Any, Any], VectorEnv[Any, Any, Any])


def flat_observations(env: EnvT) -> EnvT:
    """Flatten the observations of an environment if they are dictionaries of floats; otherwise return it as it is.

    Args:
        env: Environment or vector environment.
    """
    if isinstance(env, VectorEnv):
        return FlattenObservations(env) if is_dict_of_floats(env.single_observation_space) else env
    return FlattenObservation(env) if is_dict_of_floats(env.observation_space) else env
