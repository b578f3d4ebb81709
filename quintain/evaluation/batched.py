"""Lock-step play of numeric environments with an agent that acts on batches of observations."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeGuard

import gymnasium as gym
import numpy as np
from gymnasium import spaces

from quintain.agents.agent import Agent, Batched, is_stateful
from quintain.engines.engine import ExchangeLog
from quintain.envs.sharing import check_distinct
from quintain.errors import AgentError
from quintain.evaluation.episode_log import EpisodeLog, snapshot
from quintain.evaluation.error_boundary import ErrorBoundary
from quintain.evaluation.job import Job
from quintain.records import EpisodeRecord

__all__ = ["can_batch", "play_batched"]


def can_batch(agent: Agent, env: gym.Env[Any, Any]) -> TypeGuard[Batched]:
    """Return whether the agent acts on batches, without state, and the environment's observations can be stacked."""
    stackable = (spaces.Box, spaces.Discrete, spaces.MultiDiscrete, spaces.MultiBinary)
    return isinstance(agent, Batched) and not is_stateful(agent) and isinstance(env.observation_space, stackable)


def play_batched(
    make: Callable[[], gym.Env[Any, Any]],
    agent: Batched,
    jobs: Iterator[Job],
    concurrency: int,
    sink: Callable[[EpisodeRecord], None],
) -> Iterator[None]:
    """Play ``jobs`` with one call of ``act_batch`` per step of all running episodes; yield after each.

    Args:
        make: Function without arguments that returns a new environment.
        agent: An agent for which :func:`can_batch` holds.
        jobs: The episodes to play.
        concurrency: Number of environments, and so the largest batch.
        sink: Takes each finished record.
    """
    envs = [make() for _ in range(concurrency)]
    free = list(envs)
    running: list[_Episode] = []
    try:
        check_distinct(envs)
        while True:
            while free and (job := next(jobs, None)) is not None:
                started = _Episode(free.pop(), job)
                if started.is_over:
                    sink(started.record())
                    free.append(started.env)
                else:
                    running.append(started)
            if not running:
                return
            _step_all(running, agent)
            for episode in running:
                if episode.is_over:
                    sink(episode.record())
                    free.append(episode.env)
            running = [episode for episode in running if not episode.is_over]
            yield
    finally:
        for env in envs:
            env.close()


class _Episode:
    """An environment and the episode that it plays. It is over when it ended or failed."""

    __slots__ = ("env", "error", "is_over", "log", "max_steps", "observation")

    def __init__(self, env: gym.Env[Any, Any], job: Job) -> None:
        self.env = env
        self.max_steps = job.max_steps
        self.log = EpisodeLog(job.index, job.seed, job.item, job.repeat, job.observations)
        self.error: dict[str, str] | None = None
        self.observation: Any = None  # a snapshot
        with ErrorBoundary("env") as running:
            observation, self.log.info = job.reset(env)
            self.observation = snapshot(observation)
        self.error = running.error
        self.is_over = self.error is not None

    def step(self, action: Any) -> None:
        recorded = snapshot(action)
        observation, reward, terminated, truncated, info = self.env.step(action)
        self.log.add_step("agent", self.observation, recorded, reward, info)
        self.observation = snapshot(observation)
        if terminated or truncated:
            self.log.end(self.observation, bool(truncated))
            self.is_over = True
        elif self.log.length == self.max_steps:
            self.log.end(self.observation, True)
            self.log.cut(self.max_steps)
            self.is_over = True

    def fail(self, error: dict[str, str]) -> None:
        self.error, self.is_over = error, True

    def record(self) -> EpisodeRecord:
        return self.log.finish(ExchangeLog(), self.error)


def _step_all(running: list[_Episode], agent: Batched) -> None:
    actions: Any = ()
    with ErrorBoundary("agent") as acting:
        actions = agent.act_batch(np.stack([episode.observation for episode in running]))
        if len(actions) != len(running):
            raise AgentError(f"expected {len(running)} actions for as many observations, got {len(actions)}")
    if acting.error is not None:
        for episode in running:
            episode.fail(acting.error)
        return
    remaining = iter(zip(running, actions, strict=True))
    current = running[0]
    while True:
        with ErrorBoundary("env") as stepping:
            for current, action in remaining:
                current.step(action)
        if stepping.error is None:
            return
        current.fail(stepping.error)
