"""Vectorised data collection: environments that are stepped together, with seeded episodes one after another."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple, Self, overload

import gymnasium as gym
import numpy as np
from gymnasium.vector import AutoresetMode, SyncVectorEnv, VectorEnv
from numpy.typing import NDArray

from quintain.agents.agent import Seat
from quintain.envs.flat import flat_observations
from quintain.envs.sharing import check_distinct, own
from quintain.errors import ConfigurationError
from quintain.seeding import SeedStream

__all__ = ["EnvRows", "RowStep", "VectorWrap"]

Array = NDArray[np.floating[Any]]
#: Wraps the vector environment of all rows, for example in an attack.
VectorWrap = Callable[[VectorEnv[Any, Any, Any]], VectorEnv[Any, Any, Any]]


class RowStep(NamedTuple):
    """One step of all ``n`` environments; a row of an array belongs to one environment.

    Attributes:
        observations: What to act on next, shape ``(n, d)``: where an episode ended, the first observation of the next.
        final_observations: The next observations of the same episodes, shape ``(n, d)``. They differ from
            ``observations`` only in rows whose episode ended; value estimates bootstrap from them.
        rewards: Reward of each row, shape ``(n,)``.
        terminated: Whether the task ended, shape ``(n,)``.
        truncated: Whether a limit outside the task ended the episode, shape ``(n,)``.
        done: Whether the episode ended for either reason, shape ``(n,)``.
        infos: The info of this step by row, also where the episode ended.
    """

    observations: Array
    final_observations: Array
    rewards: NDArray[np.float64]
    terminated: NDArray[np.bool_]
    truncated: NDArray[np.bool_]
    done: NDArray[np.bool_]
    infos: Sequence[dict[str, Any]]


class EnvRows:
    """``n_envs`` environments in one :class:`gymnasium.vector.SyncVectorEnv`, stepped together.

    An episode that ends is followed by another within the same call of :meth:`step`. Every episode starts with the next
    seed of ``seeds``, in the order in which episodes start, lower rows first: equal seeds and actions give equal
    episodes. The vector environment's own autoreset is disabled, because it cannot be seeded. Observations that are
    dictionaries of floats are flattened.

    Args:
        make_env: Makes one environment; called ``n_envs`` times.
        n_envs: Number of rows, >= 1.
        seeds: Seeds of the episodes: a stream, which never ends, or a sequence. When a sequence is used up, a row whose
            episode ends stays at its last observation; if it is stepped again, it first starts an episode from its
            environment's own generator.
        wrap: Wraps the vector environment; it has to support ``options["reset_mask"]``.

    Attributes:
        vector: The vector environment, wrapped.
        n_envs: Number of environments, one per row.
        observation_space: Space of one row's observations.
        action_space: Space of one row's actions.
        spec: The environments' spec, if they are registered.

    Raises:
        ConfigurationError: If ``n_envs`` is below 1, or ``make_env`` returns the same environment again.

    Example:
        >>> with EnvRows(lambda: gym.make("CartPole-v1"), 2, SeedStream(0)) as rows:
        ...     first = rows.reset()
        ...     step = rows.step(np.array([0, 1]))
        >>> first.shape, step.observations.shape, step.done.tolist()
        ((2, 4), (2, 4), [False, False])
    """

    def __init__(
        self,
        make_env: Callable[[], gym.Env[Any, Any]],
        n_envs: int,
        seeds: SeedStream | Iterable[int],
        *,
        wrap: VectorWrap | None = None,
    ) -> None:
        if n_envs < 1:
            raise ConfigurationError(f"n_envs must be >= 1, got {n_envs!r}")
        plain = wrap is None
        base: Any = SyncVectorEnv(
            [(lambda: _KeepInfo(flat_observations(make_env()))) if plain else lambda: flat_observations(make_env())]
            * n_envs,
            autoreset_mode=AutoresetMode.DISABLED,
        )
        check_distinct(base.envs)
        self.n_envs = n_envs
        self.vector: Any = base if wrap is None else wrap(base)
        self.observation_space: gym.Space[Any] = base.single_observation_space
        self.action_space: gym.Space[Any] = base.single_action_space
        self.spec = base.envs[0].spec
        self._envs: tuple[_KeepInfo, ...] | None = base.envs if plain else None
        self._seeds: Iterator[int] = (
            map(seeds.__getitem__, itertools.count()) if isinstance(seeds, SeedStream) else iter(seeds)
        )
        self._stopped = np.zeros(n_envs, np.bool_)  # rows that ended and had no seed to start from

    @property
    def seat(self) -> Seat:
        """The seat of a row, with which a policy can check that it fits; its seed is 0."""
        name = "the environment" if self.spec is None else self.spec.id
        return Seat(name, "agent", self.observation_space, self.action_space, 0)

    def reset(self) -> Array:
        """Start an episode in every row and return the first observations, shape ``(n, d)``."""
        self._stopped = np.zeros(self.n_envs, np.bool_)
        observations, _ = self.vector.reset(seed=[next(self._seeds, None) for _ in range(self.n_envs)])
        return np.asarray(observations)

    def step(self, actions: NDArray[Any]) -> RowStep:
        """Take one step in every row, and start another episode in rows whose episode ended.

        Args:
            actions: One action per row, shape ``(n, ...)``.
        """
        if self._stopped.any():
            self.vector.reset(options={"reset_mask": self._stopped})
        final, rewards, terminated, truncated, vector_infos = self.vector.step(actions)
        done = terminated | truncated
        infos: Sequence[dict[str, Any]]
        if self._envs is None:
            infos = _RowInfos(vector_infos, self.n_envs, done)
        else:  # copied where an episode ended, since the reset below may use the same dictionary
            infos = [own(env.info) if ended else env.info for env, ended in zip(self._envs, done, strict=True)]
        seeds = [next(self._seeds, None) if ended else None for ended in done]
        seeded = np.array([seed is not None for seed in seeds])
        observations = final
        if seeded.any():
            observations, _ = self.vector.reset(seed=seeds, options={"reset_mask": seeded})
        self._stopped = done & ~seeded
        return RowStep(observations, final, rewards, terminated, truncated, done, infos)

    def close(self) -> None:
        """Close the environments."""
        self.vector.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


class _KeepInfo(gym.Wrapper[Any, Any, Any, Any]):
    """Keeps the info of each step as it is, so that the vector environment does not merge infos into arrays.

    Merging costs up to a third of the time of a cheap environment's step.
    """

    info: dict[str, Any]

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        observation, reward, terminated, truncated, self.info = self.env.step(action)
        return observation, reward, terminated, truncated, {}

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        return self.env.reset(seed=seed, options=options)[0], {}


class _RowInfos(Sequence[dict[str, Any]]):
    """Gymnasium's vector infos, read row by row; those of ``done`` rows are copied at once."""

    def __init__(self, infos: dict[str, Any], n_envs: int, done: NDArray[np.bool_]) -> None:
        self._infos = infos
        self._n_envs = n_envs
        self._last = {row: own(_info_of(infos, row)) for row in np.flatnonzero(done).tolist()}

    def __len__(self) -> int:
        return self._n_envs

    @overload
    def __getitem__(self, row: int) -> dict[str, Any]: ...

    @overload
    def __getitem__(self, row: slice) -> list[dict[str, Any]]: ...

    def __getitem__(self, row: int | slice) -> dict[str, Any] | list[dict[str, Any]]:
        if isinstance(row, slice):
            return [self[i] for i in range(*row.indices(self._n_envs))]
        return self._last[row] if row in self._last else _info_of(self._infos, row)


def _info_of(infos: dict[str, Any], row: int) -> dict[str, Any]:
    """Return the info of one row: values by name, where the row has one."""
    return {
        name: _info_of(values, row) if isinstance(values, dict) else values[row]
        for name, values in infos.items()
        if not name.startswith("_") and f"_{name}" in infos and infos[f"_{name}"][row]
    }
