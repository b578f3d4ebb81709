"""The wrapper that applies a perturbation to one environment, and a function for single and vector environments."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, overload

import gymnasium as gym
import numpy as np
from gymnasium.envs.registration import EnvSpec
from gymnasium.utils import RecordConstructorArgs
from gymnasium.vector import VectorEnv

from quintain.attacks.perturbation import (
    Perturbation,
    Report,
    RowGenerators,
    from_spec,
    require_new_name,
    to_spec,
)
from quintain.attacks.vector_wrapper import AttackedVector
from quintain.envs.flat import flat_observations
from quintain.errors import ConfigurationError

__all__ = ["Attacked", "EnvT", "apply_attack"]

#: A single or a vector environment; wrapping keeps which of the two it is.
EnvT = TypeVar("EnvT", gym.Env[Any, Any], VectorEnv[Any, Any, Any])


class Attacked(gym.Wrapper[Any, Any, Any, Any], RecordConstructorArgs):
    """Applies a perturbation to one environment, which itself steps from the true state.

    ``gym.make(env.spec)`` makes an equal attacked environment where the perturbation's arguments are plain data, as
    for random noise, disturbed actions and corrupted rewards. Where they hold a policy or a network, ``spec`` is
    ``None``: a Gymnasium spec is plain data, and one that left the attack out would describe another environment.

    Args:
        env: The environment to attack.
        perturbation: What to apply; used by this wrapper alone, because it holds the state of the running episode. Also
            a mapping with ``"entry_point"`` and ``"kwargs"``, as in a spec.

    Raises:
        ConfigurationError: If the environment's spaces do not fit, or an attack of that name is already applied.
    """

    def __init__(self, env: gym.Env[Any, Any], perturbation: Perturbation | Mapping[str, Any]) -> None:
        perturbation = perturbation if isinstance(perturbation, Perturbation) else from_spec(perturbation)
        self._has_spec = (recorded := to_spec(perturbation)) is not None
        RecordConstructorArgs.__init__(self, perturbation=recorded)
        gym.Wrapper.__init__(self, env)
        require_new_name(env, perturbation)
        perturbation.bind(env, 1)
        self.perturbation = perturbation
        self._constants = dict(perturbation.describe())
        self._generators = RowGenerators(1, perturbation.name)
        self._row = np.zeros(1, dtype=np.int64)

    @property
    def spec(self) -> EnvSpec | None:  # type: ignore[override]
        """The environment's spec with this wrapper; ``None`` where the perturbation is not plain data."""
        return super().spec if self._has_spec else None

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Start an episode; ``seed`` also seeds the perturbation."""
        observation, info = self.env.reset(seed=seed, options=options)
        self.perturbation.reset(0, self._generators.at_reset(0, seed))
        if self.perturbation.surface == "observation":
            observation, info = self._perturb_observation(observation, info)
        return observation, info

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        """Step the environment, with the action, the observation or the reward perturbed."""
        surface = self.perturbation.surface
        if surface == "action":
            perturbed, report = self.perturbation.apply(np.asarray(action)[None], self._row)
            observation, reward, terminated, truncated, info = self.env.step(perturbed[0])
            return observation, reward, terminated, truncated, self._with_report(info, report)
        observation, reward, terminated, truncated, info = self.env.step(action)
        if surface == "observation":
            self.perturbation.observe_transition(
                np.asarray(action)[None], np.array([reward], dtype=np.float64), self._row
            )
            observation, info = self._perturb_observation(observation, info)
        else:
            perturbed, report = self.perturbation.apply(np.array([reward], dtype=np.float64), self._row)
            info = self._with_report(info, report)
            if "reward_terms" in info:
                difference = float(perturbed[0]) - float(reward)
                info["reward_terms"] = {**info["reward_terms"], f"attack:{self.perturbation.name}": difference}
            reward = float(perturbed[0])
        return observation, reward, terminated, truncated, info

    def _perturb_observation(self, observation: Any, info: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        perturbed, report = self.perturbation.apply(np.asarray(observation)[None], self._row)
        return perturbed[0], self._with_report(info, report)

    def _with_report(self, info: dict[str, Any], report: Report) -> dict[str, Any]:
        entry = self._constants | {name: values[0] for name, values in report.items()}
        return {**info, "attack": {**info.get("attack", {}), self.perturbation.name: entry}}


@overload
def apply_attack(env: gym.Env[Any, Any], perturbation: Perturbation) -> Attacked: ...


@overload
def apply_attack(env: VectorEnv[Any, Any, Any], perturbation: Perturbation) -> AttackedVector: ...


def apply_attack(
    env: gym.Env[Any, Any] | VectorEnv[Any, Any, Any], perturbation: Perturbation
) -> Attacked | AttackedVector:
    """Apply a perturbation to a single or a vector environment.

    For a perturbation of observations, those that are dictionaries of floats are flattened first.

    Raises:
        ConfigurationError: If ``env`` is neither, or its spaces do not fit.
    """
    flat = perturbation.surface == "observation"
    if isinstance(env, VectorEnv):
        return AttackedVector(flat_observations(env) if flat else env, perturbation)
    if isinstance(env, gym.Env):
        return Attacked(flat_observations(env) if flat else env, perturbation)
    raise ConfigurationError(f"expected a Gymnasium environment or vector environment, got {type(env).__name__}")
