"""Vectorised text environments: lock-step, or in completion order, with every character intact.

Gymnasium's asynchronous vector environment keeps observations in shared memory, which silently replaces text by filler.
Here environments share the process; a step that waits (for a sandbox, a server) waits in a thread.
"""

from __future__ import annotations

import queue
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from quintain.envs.protocols import BlockingEnv
from quintain.errors import ConfigurationError

__all__ = ["StepBatch", "TextVectorEnv"]

_Step = tuple[Any, float, bool, bool, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class StepBatch:
    """Steps that finished, in the order in which they did. All arrays have shape ``(k,)``.

    Attributes:
        indices: Which environments.
        observations: One observation each; after an automatic reset, the new episode's first.
        rewards: Rewards of the steps.
        terminations: Whether the task ended.
        truncations: Whether something outside the task ended the episode.
        infos: One ``info`` each.
    """

    indices: NDArray[np.int64]
    observations: tuple[Any, ...]
    rewards: NDArray[np.float64]
    terminations: NDArray[np.bool_]
    truncations: NDArray[np.bool_]
    infos: tuple[dict[str, Any], ...]


class TextVectorEnv(VectorEnv[Any, Any, Any]):
    """Several environments side by side, text-safe, stepped together or each at its own pace.

    ``step`` waits for all environments. ``send`` starts steps and returns at once; ``recv`` hands back whatever has
    finished, so that one slow program holds up nobody else. Results do not depend on which is used.

    Args:
        env_fns: Makers of the environments, which must agree on their spaces.
        autoreset_mode: What happens after an episode's last step. ``SAME_STEP`` (default): the environment is reset at
            once; the last observation and info are in ``info["final_obs"]`` and ``info["final_info"]``. ``NEXT_STEP``:
            the next step ignores its action and resets, which wastes a model's reply. ``DISABLED``: call
            ``reset(options={"reset_mask": mask})``.
        workers: Threads for steps that wait; by default one per environment, at most 32.
    """

    def __init__(
        self,
        env_fns: Sequence[Callable[[], gym.Env[Any, Any]]],
        autoreset_mode: str | AutoresetMode = AutoresetMode.SAME_STEP,
        workers: int | None = None,
    ) -> None:
        if not env_fns:
            raise ConfigurationError("num_envs must be >= 1")
        try:
            self.autoreset_mode = AutoresetMode(autoreset_mode)
        except ValueError:
            raise ConfigurationError(
                f"autoreset_mode must be one of {[m.value for m in AutoresetMode]}, got {autoreset_mode!r}"
            ) from None
        self.envs = [make() for make in env_fns]
        self.num_envs = len(self.envs)
        self._blocking = [base if isinstance(base := env.unwrapped, BlockingEnv) else None for env in self.envs]
        first = self.envs[0]
        if any(
            (e.observation_space, e.action_space) != (first.observation_space, first.action_space) for e in self.envs
        ):
            raise ConfigurationError("all environments of a vector must have the same spaces")
        self.metadata = {**first.metadata, "autoreset_mode": self.autoreset_mode}
        self.render_mode = first.render_mode
        self.single_observation_space = first.observation_space
        self.single_action_space = first.action_space
        self.observation_space = batch_space(first.observation_space, self.num_envs)
        self.action_space = batch_space(first.action_space, self.num_envs)
        self._workers = workers or min(self.num_envs, 32)
        self._pool: ThreadPoolExecutor | None = None
        self._done: queue.SimpleQueue[tuple[int, _Step | BaseException]] = queue.SimpleQueue()
        self._in_flight: set[int] = set()
        self._needs_reset = np.ones(self.num_envs, dtype=np.bool_)
        self._started = False

    def reset(
        self, *, seed: int | Sequence[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Reset all environments, or those of ``options["reset_mask"]``.

        Args:
            seed: One seed each; an integer ``s`` means ``s, s + 1, ...``, as in Gymnasium.
            options: Passed on to every environment. ``reset_mask``: boolean array of shape ``(num_envs,)``; with it,
                observations of the others are ``None``.

        Raises:
            RuntimeError: If steps are still under way.
            ValueError: If the number of seeds or the mask's shape is wrong.
        """
        if self._in_flight:
            raise RuntimeError(f"environments {sorted(self._in_flight)} are still stepping; call recv first")
        if seed is None or isinstance(seed, (int, np.integer)):
            seed = [None if seed is None else int(seed) + i for i in range(self.num_envs)]
        if len(seed) != self.num_envs:
            raise ValueError(f"expected {self.num_envs} seeds, got {len(seed)}")
        options = dict(options or {})
        mask = np.asarray(options.pop("reset_mask", np.ones(self.num_envs, dtype=np.bool_)))
        if mask.shape != (self.num_envs,) or mask.dtype != np.bool_:
            raise ValueError(
                f"reset_mask must be a boolean array of shape ({self.num_envs},), got {mask.dtype} {mask.shape}"
            )
        observations: list[Any] = [None] * self.num_envs
        infos: dict[str, Any] = {}
        for i in map(int, np.flatnonzero(mask)):
            observations[i], info = self.envs[i].reset(seed=seed[i], options=options or None)
            infos = self._add_info(infos, info, i)
        self._needs_reset[mask] = False
        self._started = True
        return tuple(observations), infos

    def step(
        self, actions: Sequence[Any]
    ) -> tuple[tuple[Any, ...], NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_], dict[str, Any]]:
        """Step all environments and wait for all of them."""
        self.send(actions)
        batch = self.recv(self.num_envs)
        order = np.argsort(batch.indices)
        infos: dict[str, Any] = {}
        for i in order:
            infos = self._add_info(infos, batch.infos[i], int(batch.indices[i]))
        return (
            tuple(batch.observations[i] for i in order),
            batch.rewards[order],
            batch.terminations[order],
            batch.truncations[order],
            infos,
        )

    def send(self, actions: Sequence[Any], indices: Sequence[int] | NDArray[np.int64] | None = None) -> None:
        """Start stepping some environments.

        Args:
            actions: One action for each of ``indices``.
            indices: Which environments; all of them by default. None may be under way.

        Raises:
            ValueError: If the numbers do not match or an index is out of range.
            RuntimeError: If an environment is under way, was never reset, or has ended under ``DISABLED``.
        """
        chosen = list(range(self.num_envs)) if indices is None else [int(i) for i in indices]
        if len(actions) != len(chosen) or len(set(chosen)) != len(chosen):
            raise ValueError(f"expected one action for each of {len(chosen)} distinct indices, got {len(actions)}")
        for i in chosen:
            if not 0 <= i < self.num_envs:
                raise ValueError(f"index {i} is out of range for {self.num_envs} environments")
            if i in self._in_flight:
                raise RuntimeError(f"environment {i} is still stepping; call recv first")
            if not self._started or (self._needs_reset[i] and self.autoreset_mode is not AutoresetMode.NEXT_STEP):
                raise RuntimeError(f"environment {i} needs a reset before it can step")
        for i, action in zip(chosen, actions, strict=True):
            self._in_flight.add(i)
            blocking = self._blocking[i]
            if blocking is not None and blocking.step_blocks(action):
                if self._pool is None:
                    self._pool = ThreadPoolExecutor(self._workers, thread_name_prefix="quintain-step")
                self._pool.submit(self._step_into_queue, i, action)
            else:
                self._step_into_queue(i, action)

    def recv(self, min_ready: int = 1, timeout_s: float | None = None) -> StepBatch:
        """Collect finished steps: at least ``min_ready``, and whatever else is ready.

        Args:
            min_ready: How many to wait for, at most the number under way.
            timeout_s: Longest wait for each, in seconds; ``None`` waits for ever.

        Raises:
            ValueError: If fewer than ``min_ready`` steps are under way.
            TimeoutError: If a step takes longer than ``timeout_s``. Nothing is lost: call again.
        """
        if min_ready > len(self._in_flight):
            raise ValueError(f"asked for {min_ready} steps, but only {len(self._in_flight)} are under way")
        indices: list[int] = []
        steps: list[_Step] = []
        while len(steps) < min_ready or not self._done.empty():
            try:
                index, outcome = self._done.get(timeout=timeout_s)
            except queue.Empty:
                for i, step in zip(indices, steps, strict=True):
                    self._done.put((i, step))
                raise TimeoutError(f"no step finished within {timeout_s} s") from None
            if isinstance(outcome, BaseException):
                self._in_flight.discard(index)
                for i, step in zip(indices, steps, strict=True):
                    self._done.put((i, step))
                raise outcome
            indices.append(index)
            steps.append(outcome)
        self._in_flight.difference_update(indices)
        return StepBatch(
            np.array(indices, dtype=np.int64),
            tuple(s[0] for s in steps),
            np.array([s[1] for s in steps], dtype=np.float64),
            np.array([s[2] for s in steps], dtype=np.bool_),
            np.array([s[3] for s in steps], dtype=np.bool_),
            tuple(s[4] for s in steps),
        )

    def close_extras(self, **kwargs: Any) -> None:
        """Close every environment; steps under way are waited for."""
        if self._pool is not None:
            self._pool.shutdown()
        for env in self.envs:
            env.close()

    def render(self) -> tuple[Any, ...] | None:
        """Render every environment."""
        return tuple(env.render() for env in self.envs)

    def _step_into_queue(self, i: int, action: Any) -> None:
        try:
            self._done.put((i, self._step_one(i, action)))
        except BaseException as error:  # handed to whoever calls recv
            self._done.put((i, error))

    def _step_one(self, i: int, action: Any) -> _Step:
        env = self.envs[i]
        if self._needs_reset[i]:  # NEXT_STEP: the action is ignored
            observation, info = env.reset()
            self._needs_reset[i] = False
            return observation, 0.0, False, False, info
        observation, reward, terminated, truncated, info = env.step(action)
        if terminated or truncated:
            if self.autoreset_mode is AutoresetMode.SAME_STEP:
                # The finished step is kept before the reset, which may reuse its buffers.
                last = {"final_obs": observation, "final_info": info}
                observation, first_info = env.reset()
                info = {**first_info, **last}
            else:
                self._needs_reset[i] = True
        return observation, float(reward), bool(terminated), bool(truncated), info
