"""Environments stepped together, with a designed reward, the inputs that it saw, and how episodes ended."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Self

import gymnasium as gym
import numpy as np
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from numpy.typing import NDArray

from quintain.envs.flat import flat_observations
from quintain.errors import ConfigurationError
from quintain.reward_signature import Columns, DeclaresReward, RewardSignature
from quintain.sandbox.reward_program import RewardProgram
from quintain.seeding import SeedStream

__all__ = ["RewardWorlds", "WorldStep", "make_training_env"]


class WorldStep(NamedTuple):
    """One step of ``n`` environments.

    Attributes:
        observations: What to act on next, shape ``(n, d)``: of the next episode where one has ended.
        last: Observations of the same episodes after the step, shape ``(n, d)``.
        rewards: Rewards of the chosen kind, shape ``(n,)``; 0 where a designed function failed.
        sparse: Sparse signs, shape ``(n,)``; NaN where a function failed.
        dense: Dense signs, shape ``(n,)``; NaN where a function failed.
        terminated: Whether the task ended, shape ``(n,)``.
        done: Whether the episode ended, shape ``(n,)``.
        success: Whether the environment judged the step a success, shape ``(n,)``.
        dead: Whether the episode ended with death, shape ``(n,)``; never where the signature declares no failure.
        causes: Cause of death by row; empty where there is none.
        inputs: Inputs of designed rewards after the step; ``None`` where nobody needs them.
    """

    observations: NDArray[Any]
    last: NDArray[Any]
    rewards: NDArray[np.float64]
    sparse: NDArray[np.float64]
    dense: NDArray[np.float64]
    terminated: NDArray[np.bool_]
    done: NDArray[np.bool_]
    success: NDArray[np.bool_]
    dead: NDArray[np.bool_]
    causes: list[str]
    inputs: Columns | None


def make_training_env(env_id: str, env_kwargs: Mapping[str, Any], n_envs: int) -> Any:
    """Make a vector environment that resets nothing by itself: the environment's own, or one of single environments.

    Args:
        env_id: Registered id.
        env_kwargs: Arguments of the environment.
        n_envs: Number of environments, >= 1.

    Raises:
        ConfigurationError: If it declares no inputs for designed rewards.
    """

    def make_one() -> gym.Env[Any, Any]:
        return gym.make(env_id, disable_env_checker=True, **env_kwargs)

    one = make_one()
    declares = isinstance(one.unwrapped, DeclaresReward)
    one.close()
    if not declares:
        raise ConfigurationError(
            f"{env_id} declares no inputs for designed rewards: it needs the attribute reward_signature and the method "
            "reward_inputs() (quintain.reward_signature.DeclaresReward)"
        )
    if gym.spec(env_id).vector_entry_point is not None:
        return gym.make_vec(env_id, num_envs=n_envs, autoreset_mode=AutoresetMode.DISABLED, **env_kwargs)
    return _DeclaredSync([lambda: flat_observations(make_one())] * n_envs)


class _DeclaredSync(SyncVectorEnv):
    """Single environments that declare inputs, stepped one after another."""

    def __init__(self, factories: list[Callable[[], gym.Env[Any, Any]]]) -> None:
        super().__init__(factories, autoreset_mode=AutoresetMode.DISABLED)
        self._inner: list[Any] = [env.unwrapped for env in self.envs]
        self.reward_signature: RewardSignature = self._inner[0].reward_signature

    def reward_inputs(self) -> Columns:
        """Return the inputs of all environments, one row each."""
        parts = [env.reward_inputs() for env in self._inner]
        return {name: _joined([part[name] for part in parts]) for name in parts[0]}


def _joined(columns: list[Any]) -> Any:
    if isinstance(columns[0], tuple):
        return tuple(np.concatenate(part) for part in zip(*columns, strict=True))
    return np.concatenate(columns)


class RewardWorlds:
    """``n`` environments with seeded episodes one after another, and a reward of one of three kinds.

    Success is ``info["success"]``, or the flag that the signature declares where an environment tells none; death is a
    termination without success at which the declared flag of failure is set.

    Args:
        vector: What :func:`make_training_env` made.
        seeds: Seeds of the episodes, in the order in which they begin, lower rows first.
        reward: ``"sparse"`` (1 for success, -1 for death), ``"env"`` (the environment's own), or a designed function.
        inputs: Whether steps tell the inputs of designed rewards where the reward does not need them. Default: false.

    Attributes:
        n: Number of environments.
        signature: What the environments declare.
    """

    def __init__(self, vector: Any, seeds: SeedStream, reward: RewardProgram | str, *, inputs: bool = False) -> None:
        if isinstance(reward, str) and reward not in ("sparse", "env"):
            raise ConfigurationError(f"reward must be 'sparse', 'env' or a designed function, got {reward!r}")
        self.vector, self.n = vector, int(vector.num_envs)
        self.signature: RewardSignature = vector.reward_signature
        self.reward, self._inputs = reward, inputs or not isinstance(reward, str)
        self._seeds = map(seeds.__getitem__, itertools.count())
        self._begun = np.ones(self.n, np.bool_)

    def reset(self) -> NDArray[Any]:
        """Start an episode in every row and return the first observations, shape ``(n, d)``."""
        self._begun[:] = True
        return np.asarray(self.vector.reset(seed=[next(self._seeds) for _ in range(self.n)])[0])

    def step(self, actions: NDArray[Any]) -> WorldStep:
        """Take one step in every row, and start the next episode where one ends.

        Raises:
            ConfigurationError: If neither ``info`` nor a declared flag says whether the task is done.
        """
        last, own, terminated, truncated, info = self.vector.step(actions)
        inputs = self.vector.reward_inputs() if self._inputs else None
        success = self._flag(self.signature.success) if "success" not in info else np.asarray(info["success"], np.bool_)
        causes = list(map(str, info.get("death_cause", [""] * self.n)))
        dead = np.asarray(terminated, np.bool_) & ~success & bool(self.signature.failure)
        if dead.any():
            dead &= self._flag(self.signature.failure)
        sparse, dense = success.astype(np.float64) - dead, np.zeros(self.n)
        rewards = np.asarray(own, np.float64) if self.reward == "env" else sparse
        if not isinstance(self.reward, str):
            assert inputs is not None
            found = self.reward(inputs, self.n, self._begun)
            sparse, dense, rewards = found.sparse, found.dense, np.nan_to_num(found.value)
        done = np.asarray(terminated | truncated, np.bool_)
        # An episode ends with the first success: staying at the goal is not part of the task.
        terminated = np.asarray(terminated | success, np.bool_)
        done |= success
        observations = np.asarray(last)
        self._begun = done.copy()
        if done.any():
            seeds = [next(self._seeds) if ended else None for ended in done]
            observations = np.asarray(self.vector.reset(seed=seeds, options={"reset_mask": done})[0])
        return WorldStep(
            observations, np.asarray(last), rewards, sparse, dense, terminated, done, success, dead, causes, inputs
        )

    def _flag(self, name: str) -> NDArray[np.bool_]:
        """Return a declared flag after the step, shape ``(n,)``."""
        columns = self.vector.reward_inputs()
        if name not in columns:
            told = "return info['success'] from step(), or " if name == self.signature.success else ""
            raise ConfigurationError(
                f"nothing says how episodes end: {told}declare the flag {name!r}, which reward_signature names, among "
                f"its inputs; they are {', '.join(columns)}"
            )
        return np.asarray(columns[name], np.bool_)

    def close(self) -> None:
        """Close the environments and the process of the function."""
        self.vector.close()
        if not isinstance(self.reward, str):
            self.reward.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()
