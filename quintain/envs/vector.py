"""Vectorised text environments, stepped together or in completion order.

Here the environments share the process; a step that waits (for a sandbox, a server) runs in a worker thread.
Gymnasium's asynchronous vector environment keeps observations in shared memory, which silently corrupts its own
``Text``; it is right for :class:`quintain.UnicodeText`.
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
from quintain.envs.sharing import check_distinct, own
from quintain.errors import ConfigurationError

__all__ = ["StepBatch", "TextVectorEnv", "text_vector"]

_Step = tuple[Any, float, bool, bool, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class StepBatch:
    """The results of k finished steps, in order of completion. All arrays have shape ``(k,)``.

    Attributes:
        indices: Index of each step's environment in the vector.
        observations: Observation of each step; after an automatic reset, the first one of the new episode.
        rewards: Reward of each step.
        terminations: Whether the task ended with the step.
        truncations: Whether something outside the task ended the episode with the step.
        infos: ``info`` of each step.
    """

    indices: NDArray[np.int64]
    observations: tuple[Any, ...]
    rewards: NDArray[np.float64]
    terminations: NDArray[np.bool_]
    truncations: NDArray[np.bool_]
    infos: tuple[dict[str, Any], ...]


class TextVectorEnv(VectorEnv[Any, Any, Any]):
    """A vector environment for text, stepped in lock-step or in completion order.

    ``step`` waits for all environments. ``send`` starts steps and returns immediately; ``recv`` returns the steps that
    have finished, so that a slow step does not delay the others. The results are the same either way.

    Args:
        env_fns: Functions that make the environments, all with the same spaces.
        autoreset_mode: Behaviour after the last step of an episode. ``SAME_STEP`` (default): the environment is reset
            in the same step; the last observation and info are in ``info["final_obs"]`` and ``info["final_info"]``.
            ``NEXT_STEP``: the next step ignores its action and resets, which wastes a model's reply. ``DISABLED``: call
            ``reset(options={"reset_mask": mask})``.
        workers: Number of worker threads for steps that wait, >= 1; by default one per environment, at most 32.
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
        check_distinct(self.envs)
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
        self._check_idle()
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
        """Step all environments and wait for all of them.

        Raises:
            Exception: What an environment's ``step`` raised, the first one by index if several did. The results of the
                others are dropped, and the vector can be stepped or reset again, as Gymnasium's ``SyncVectorEnv``.
        """
        self.send(actions)
        batch = self._recv_all()
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
            indices: Indices of the environments, none of which may be stepping; all of them by default.

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
            try:
                blocks = blocking is not None and blocking.step_blocks(action)
            except Exception as error:
                self._done.put((i, error))
                continue
            if blocks:
                if self._pool is None:
                    self._pool = ThreadPoolExecutor(self._workers, thread_name_prefix="quintain-step")
                self._pool.submit(self._step_into_queue, i, action)
            else:
                self._step_into_queue(i, action)

    def recv(self, min_ready: int = 1, timeout_s: float | None = None) -> StepBatch:
        """Return all finished steps, after waiting for at least ``min_ready``.

        Args:
            min_ready: Minimum number of steps to return, at most the number of steps started.
            timeout_s: Maximum wait for each step, in seconds; ``None`` for no limit.

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
        return _batch(indices, steps)

    def call(self, name: str, *args: Any, **kwargs: Any) -> tuple[Any, ...]:
        """Call a method of every environment, or read an attribute, as Gymnasium's ``SyncVectorEnv``.

        Args:
            name: Name of a method or attribute of the environment or of one of its wrappers.
            args: Positional arguments of the method.
            kwargs: Keyword arguments of the method.

        Returns:
            One result per environment.

        Raises:
            RuntimeError: If steps are still under way.
        """
        self._check_idle()
        found = [env.get_wrapper_attr(name) for env in self.envs]
        return tuple(member(*args, **kwargs) if callable(member) else member for member in found)

    def get_attr(self, name: str) -> tuple[Any, ...]:
        """Read an attribute of every environment; see :meth:`call`."""
        return self.call(name)

    def set_attr(self, name: str, values: Any) -> None:
        """Set an attribute of every environment.

        Args:
            name: Name of the attribute.
            values: One value each, as a list or tuple; anything else is one value for all.

        Raises:
            ValueError: If the number of values is not the number of environments.
            RuntimeError: If steps are still under way.
        """
        self._check_idle()
        if not isinstance(values, (list, tuple)):
            values = [values] * self.num_envs
        if len(values) != self.num_envs:
            raise ValueError(f"expected {self.num_envs} values, got {len(values)}")
        for env, value in zip(self.envs, values, strict=True):
            env.set_wrapper_attr(name, value)

    def close_extras(self, **kwargs: Any) -> None:
        """Close every environment; steps under way are waited for."""
        if self._pool is not None:
            self._pool.shutdown()
        for env in self.envs:
            env.close()

    def render(self) -> tuple[Any, ...] | None:
        """Render every environment."""
        return tuple(env.render() for env in self.envs)

    def _check_idle(self) -> None:
        if self._in_flight:
            raise RuntimeError(f"environments {sorted(self._in_flight)} are still stepping; call recv first")

    def _recv_all(self) -> StepBatch:
        """Wait for every step under way; raise the first error only when all have finished."""
        outcomes = []
        while self._in_flight:
            index, outcome = self._done.get()
            self._in_flight.discard(index)
            outcomes.append((index, outcome))
        outcomes.sort(key=lambda pair: pair[0])
        steps: list[_Step] = []
        for _, outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome
            steps.append(outcome)
        return _batch([i for i, _ in outcomes], steps)

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
                last = {"final_obs": observation, "final_info": own(info)}
                self._needs_reset[i] = True  # should the reset raise
                observation, first_info = env.reset()
                self._needs_reset[i] = False
                info = {**first_info, **last}
            else:
                self._needs_reset[i] = True
        return observation, float(reward), bool(terminated), bool(truncated), info


def _batch(indices: Sequence[int], steps: Sequence[_Step]) -> StepBatch:
    return StepBatch(
        np.array(indices, dtype=np.int64),
        tuple(s[0] for s in steps),
        np.array([s[1] for s in steps], dtype=np.float64),
        np.array([s[2] for s in steps], dtype=np.bool_),
        np.array([s[3] for s in steps], dtype=np.bool_),
        tuple(s[4] for s in steps),
    )


def text_vector(make: Callable[..., gym.Env[Any, Any]]) -> Callable[..., TextVectorEnv]:
    """Return the ``vector_entry_point`` of a text environment, which ``gym.make_vec`` calls.

    Args:
        make: Class or function that makes one environment.

    Returns:
        A function of the number of environments, of ``autoreset_mode`` and ``workers`` as in :class:`TextVectorEnv`,
        and of the arguments of each environment.
    """

    def make_vec(
        num_envs: int = 1,
        *,
        autoreset_mode: str | AutoresetMode = AutoresetMode.SAME_STEP,
        workers: int | None = None,
        **kwargs: Any,
    ) -> TextVectorEnv:
        return TextVectorEnv([lambda: make(**kwargs)] * num_envs, autoreset_mode, workers)

    return make_vec
