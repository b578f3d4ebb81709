"""The wrappers through which every attack acts, on one environment or on a vector of them.

An attack is a :class:`Perturbation`: it works on batches, one row per episode, and knows nothing of environments. Two
wrappers apply it, to a Gymnasium environment (a batch of one) and to a vector environment (all rows at once), with a
generator per row: a row of a vector and a single environment with the same seed meet the same perturbations.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal, overload

import gymnasium as gym
import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv, VectorWrapper
from numpy.typing import NDArray

from quintain.errors import ConfigurationError, EnvironmentFault
from quintain.seeding import SeedStream

__all__ = ["Attacked", "AttackedVector", "Perturbation", "Report", "Surface", "apply_attack"]

Surface = Literal["observation", "action", "reward"]
Rows = NDArray[np.int64]
#: What was done to a batch: arrays with one entry per row.
Report = dict[str, NDArray[Any]]


class Perturbation(ABC):
    """Changes batches on one surface: observations, actions or rewards.

    Attributes:
        surface: What it touches.
        name: Key of its report in ``info["attack"]``.
    """

    surface: ClassVar[Surface]
    name: str

    @abstractmethod
    def bind(self, env: gym.Env[Any, Any] | VectorEnv[Any, Any, Any], rows: int) -> None:
        """Check that the environment can be attacked, and make room for ``rows`` episodes.

        Raises:
            ConfigurationError: If it cannot.
        """

    @abstractmethod
    def restart(self, row: int, rng: np.random.Generator) -> None:
        """Forget the episode in ``row``; draw from ``rng`` in the one that begins."""

    def witness(self, actions: NDArray[Any], rewards: NDArray[Any], rows: Rows) -> None:  # noqa: B027 - may be ignored
        """Learn what was done in ``rows`` and what that was paid; the arrays have an entry for every row there is."""

    @abstractmethod
    def apply(self, batch: NDArray[Any], rows: Rows) -> tuple[NDArray[Any], Report]:
        """Return a perturbed copy of ``batch``, whose entries belong to ``rows``, and what was done."""

    def describe(self) -> Mapping[str, Any]:
        """Return what is the same at every step, such as the budget: plain data."""
        return {}


class _Streams:
    """One generator per row, seeded by ``reset`` and kept over resets without a seed."""

    def __init__(self, rows: int, name: str) -> None:
        self._name = name
        self._rngs: list[np.random.Generator | None] = [None] * rows

    def at_reset(self, row: int, seed: int | None) -> np.random.Generator:
        rng = self._rngs[row]
        if seed is not None or rng is None:
            entropy = int(np.random.SeedSequence().generate_state(1)[0]) if seed is None else int(seed)
            rng = self._rngs[row] = SeedStream(entropy, "attack", self._name).generator()
        return rng


class Attacked(gym.Wrapper[Any, Any, Any, Any]):
    """Applies a perturbation to one environment. The environment itself is never touched.

    Args:
        env: The environment.
        perturbation: What to apply; it belongs to this wrapper from now on.

    Raises:
        ConfigurationError: If the environment cannot be attacked so, or already is under an attack of that name.
    """

    def __init__(self, env: gym.Env[Any, Any], perturbation: Perturbation) -> None:
        super().__init__(env)
        _refuse_twice(env, perturbation)
        perturbation.bind(env, 1)
        self.perturbation = perturbation
        self._constants = dict(perturbation.describe())
        self._streams = _Streams(1, perturbation.name)
        self._row = np.zeros(1, dtype=np.int64)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Begin an episode; ``seed`` also seeds the attack."""
        observation, info = self.env.reset(seed=seed, options=options)
        self.perturbation.restart(0, self._streams.at_reset(0, seed))
        if self.perturbation.surface == "observation":
            observation, info = self._perturb(observation, info)
        return observation, info

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        """Step the true environment and pass on what the attack makes of it."""
        surface = self.perturbation.surface
        if surface == "action":
            changed, report = self.perturbation.apply(np.asarray(action)[None], self._row)
            executed = changed[0]
            observation, reward, terminated, truncated, info = self.env.step(executed)
            return observation, reward, terminated, truncated, self._told(info, report)
        observation, reward, terminated, truncated, info = self.env.step(action)
        if surface == "observation":
            self.perturbation.witness(np.asarray(action)[None], np.array([reward], dtype=np.float64), self._row)
            observation, info = self._perturb(observation, info)
        else:
            changed, report = self.perturbation.apply(np.array([reward], dtype=np.float64), self._row)
            info = self._told(info, report)
            if "reward_terms" in info:
                difference = float(changed[0]) - float(reward)
                info["reward_terms"] = {**info["reward_terms"], f"attack:{self.perturbation.name}": difference}
            reward = float(changed[0])
        return observation, reward, terminated, truncated, info

    def _perturb(self, observation: Any, info: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        seen, report = self.perturbation.apply(np.asarray(observation)[None], self._row)
        return seen[0], self._told(info, report)

    def _told(self, info: dict[str, Any], report: Report) -> dict[str, Any]:
        own = self._constants | {name: values[0] for name, values in report.items()}
        return {**info, "attack": {**info.get("attack", {}), self.perturbation.name: own}}


class AttackedVector(VectorWrapper):
    """Applies a perturbation to a vector environment, all rows in one batch, in every autoreset mode.

    Args:
        env: The vector environment.
        perturbation: What to apply; it belongs to this wrapper from now on.

    Raises:
        ConfigurationError: If the environment cannot be attacked so, or already is under an attack of that name.
    """

    def __init__(self, env: VectorEnv[Any, Any, Any], perturbation: Perturbation) -> None:
        super().__init__(env)
        _refuse_twice(env, perturbation)
        perturbation.bind(env, env.num_envs)
        self.perturbation = perturbation
        self._mode = env.metadata.get("autoreset_mode", AutoresetMode.NEXT_STEP)
        self._streams = _Streams(env.num_envs, perturbation.name)
        self._all = np.arange(env.num_envs, dtype=np.int64)
        self._everywhere = np.ones(env.num_envs, dtype=np.bool_)
        self._over = np.zeros(env.num_envs, dtype=np.bool_)
        self._any_over = False
        self._seen: NDArray[Any] | None = None
        self._constants: dict[str, Any] = {}
        for key, value in perturbation.describe().items():
            column = np.full(env.num_envs, value, dtype=object if isinstance(value, str) else None)
            self._constants |= {key: column, f"_{key}": self._everywhere}

    def reset(
        self, *, seed: int | Sequence[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Begin episodes: in all rows, or in those that ``options["reset_mask"]`` names."""
        mask = None if options is None else options.get("reset_mask")
        rows = self._all if mask is None else np.flatnonzero(mask)
        seeds: Sequence[int | None]
        if isinstance(seed, Sequence):
            seeds = seed
        else:  # Gymnasium counts up from a single seed
            seeds = [None if seed is None else seed + row for row in range(len(self._all))]
        observations, infos = self.env.reset(seed=seed, options=options)  # type: ignore[arg-type]
        for row in map(int, rows):
            self.perturbation.restart(row, self._streams.at_reset(row, seeds[row]))
        self._over[rows] = False
        self._any_over = bool(self._over.any())
        if self.perturbation.surface == "observation":
            observations, infos = self._perturb(observations, infos, rows)
        return observations, infos

    def step(self, actions: Any) -> tuple[Any, NDArray[Any], NDArray[np.bool_], NDArray[np.bool_], dict[str, Any]]:
        """Step the true environments and pass on what the attack makes of them."""
        surface = self.perturbation.surface
        playing, report = self._all, Report()
        if self._any_over and self._mode is AutoresetMode.NEXT_STEP:
            # This call resets the rows whose episode is over: no action is taken there, and nothing is paid.
            playing = np.flatnonzero(~self._over)
            self._restart(np.flatnonzero(self._over))
        if surface == "action" and len(playing):
            actions = np.array(actions)
            actions[playing], report = self.perturbation.apply(actions[playing], playing)
        observations, rewards, terminations, truncations, infos = self.env.step(actions)
        self._over = terminations | truncations
        self._any_over = bool(self._over.any())
        if surface == "observation":
            self.perturbation.witness(actions, rewards, playing)
        elif surface == "action":
            infos = self._told(infos, report, playing)
        elif surface == "reward" and len(playing):
            changed, report = self.perturbation.apply(np.asarray(rewards, dtype=np.float64)[playing], playing)
            infos = self._told(infos, report, playing)
            true, rewards = rewards, np.array(rewards, dtype=np.float64)
            rewards[playing] = changed
            infos = self._booked(infos, rewards - true, playing)
        if self._any_over and self._mode is AutoresetMode.SAME_STEP:
            ended = np.flatnonzero(self._over)
            if surface == "observation":
                infos = self._perturb_final(infos, ended)
            self._restart(ended)
        if surface == "observation":
            observations, infos = self._perturb(observations, infos, self._all)
        return observations, rewards, terminations, truncations, infos

    def _restart(self, rows: Rows) -> None:
        for row in rows:
            self.perturbation.restart(int(row), self._streams.at_reset(int(row), None))

    def _perturb(self, observations: Any, infos: dict[str, Any], rows: Rows) -> tuple[Any, dict[str, Any]]:
        if len(rows) == len(self._all):
            seen, report = self.perturbation.apply(observations, rows)
        else:  # the other rows go on; what the victim saw of them has not changed
            seen = np.array(observations if self._seen is None else self._seen)
            seen[rows], report = self.perturbation.apply(observations[rows], rows)
        self._seen = seen
        return seen, self._told(infos, report, rows)

    def _perturb_final(self, infos: dict[str, Any], rows: Rows) -> dict[str, Any]:
        final = infos["final_obs"].copy()
        seen, _ = self.perturbation.apply(np.stack([final[row] for row in rows]), rows)
        for row, one in zip(rows, seen, strict=True):
            final[row] = one
        return {**infos, "final_obs": final}

    def _told(self, infos: dict[str, Any], report: Report, rows: Rows) -> dict[str, Any]:
        """Add the report in the layout of Gymnasium's vector infos: values, and a mask of the rows that have them."""
        everyone = len(rows) == len(self._all)
        mask = self._everywhere if everyone else np.isin(self._all, rows)
        own = dict(self._constants)
        for name, values in report.items():
            if not everyone:
                full = np.zeros((len(self._all), *values.shape[1:]), dtype=values.dtype)
                full[rows] = values
                values = full
            own[name], own[f"_{name}"] = values, mask
        name = self.perturbation.name
        attacks = {**infos.get("attack", {}), name: own, f"_{name}": mask}
        return {**infos, "attack": attacks, "_attack": mask}

    def _booked(self, infos: dict[str, Any], difference: NDArray[np.float64], playing: Rows) -> dict[str, Any]:
        """Name what the attack paid among the reward terms of ``playing``."""
        rows = np.isin(self._all, playing)
        if self._any_over and self._mode is AutoresetMode.SAME_STEP:  # rows that end have the last info apart
            infos = {**infos, "final_info": self._booked_in(infos["final_info"], difference, rows & self._over)}
            rows &= ~self._over
        return self._booked_in(infos, difference, rows)

    def _booked_in(
        self, infos: dict[str, Any], difference: NDArray[np.float64], rows: NDArray[np.bool_]
    ) -> dict[str, Any]:
        if "reward_terms" not in infos:
            return infos
        mask = rows & infos["_reward_terms"]
        key = f"attack:{self.perturbation.name}"
        terms = {**infos["reward_terms"], key: np.where(mask, difference, 0.0), f"_{key}": mask}
        return {**infos, "reward_terms": terms}


@overload
def apply_attack(env: gym.Env[Any, Any], perturbation: Perturbation) -> Attacked: ...


@overload
def apply_attack(env: VectorEnv[Any, Any, Any], perturbation: Perturbation) -> AttackedVector: ...


def apply_attack(
    env: gym.Env[Any, Any] | VectorEnv[Any, Any, Any], perturbation: Perturbation
) -> Attacked | AttackedVector:
    """Wrap a single or a vector environment in the attack.

    Raises:
        ConfigurationError: If ``env`` is neither, or cannot be attacked so.
    """
    if isinstance(env, VectorEnv):
        return AttackedVector(env, perturbation)
    if isinstance(env, gym.Env):
        return Attacked(env, perturbation)
    raise ConfigurationError(f"expected a Gymnasium environment or vector environment, got {type(env).__name__}")


def single_space(env: gym.Env[Any, Any] | VectorEnv[Any, Any, Any], surface: str) -> gym.Space[Any]:
    """Return the observation or action space of one row."""
    space = getattr(env, f"single_{surface}_space" if isinstance(env, VectorEnv) else f"{surface}_space")
    assert isinstance(space, gym.Space)
    return space


def require_finite(batch: NDArray[Any], what: str) -> None:
    """Refuse NaN and infinity before they spread.

    Raises:
        EnvironmentFault: If ``batch`` holds any.
    """
    if not np.isfinite(batch).all():
        raise EnvironmentFault(f"{what} holds NaN or infinity, which no attack can bound; repair the environment")


def _refuse_twice(env: Any, perturbation: Perturbation) -> None:
    while isinstance(env, (gym.Wrapper, VectorWrapper)):
        if isinstance(env, (Attacked, AttackedVector)) and env.perturbation.name == perturbation.name:
            raise ConfigurationError(
                f"the environment is already under an attack called {perturbation.name!r}; give one another name=..."
            )
        env = env.env
