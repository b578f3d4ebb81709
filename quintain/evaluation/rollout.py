"""Playing episodes in this process: agents and environments are made, used and closed here."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import gymnasium as gym
from gymnasium.envs.registration import EnvSpec

from quintain.agents.adapt import POLICY_FILES
from quintain.agents.agent import Agent
from quintain.agents.registry import as_agent, make_agent
from quintain.engines.engine import Engine
from quintain.errors import ConfigurationError
from quintain.evaluation.batched import can_batch, play_batched
from quintain.evaluation.episode import play_episode, seats
from quintain.evaluation.loop import Breath, play_jobs, run_in_loop
from quintain.evaluation.manifest import describe_agent
from quintain.records import EpisodeRecord

__all__ = ["EnvLike", "Sink", "as_source", "made_agent", "make_env", "run_episodes"]

EnvLike = str | EnvSpec | Callable[[], gym.Env[Any, Any]]

Sink = Callable[[EpisodeRecord], None]

#: Threads for environment steps that wait; more only queue on the same cores.
_MAX_THREADS = 16


def as_source(agent: Any) -> Agent | Mapping[str, Any]:
    """Keep a description as it is, so that another process can make its own agent; adapt anything else."""
    if isinstance(agent, str) and not agent.endswith(POLICY_FILES):
        return {"name": agent}
    if isinstance(agent, Mapping):
        if "name" not in agent:
            raise ConfigurationError(f"an agent's description needs a 'name', got {dict(agent)!r}")
        # A file is read now: its path would not tell in the record which policy it held.
        return make_agent(**agent) if str(agent["name"]).endswith(POLICY_FILES) else agent
    return as_agent(agent)


@contextmanager
def made_agent(source: Agent | Mapping[str, Any]) -> Iterator[Agent]:
    """Make the agent that ``source`` describes, and close it in the end; an agent that is one already is the user's.

    So is an engine that was handed over in the description.
    """
    if not isinstance(source, Mapping):
        yield source
        return
    agent = make_agent(**source)
    try:
        yield agent
    finally:
        if (close := getattr(agent, "close", None)) is not None:
            close()
        engine = getattr(agent, "engine", None)
        if isinstance(engine, Engine) and not isinstance(source.get("engine"), Engine):
            engine.close()


def make_env(env: EnvLike, env_kwargs: Mapping[str, Any] | None = None) -> gym.Env[Any, Any]:
    """Make one environment, without Gymnasium's passive checker, which is for tests."""
    if callable(env) and not isinstance(env, EnvSpec):
        if env_kwargs:
            raise ConfigurationError("env_kwargs go with an environment's id; a function makes its own environment")
        return env()
    return gym.make(env, disable_env_checker=True, **(env_kwargs or {}))


def run_episodes(
    env: EnvLike,
    env_kwargs: Mapping[str, Any] | None,
    source: Agent | Mapping[str, Any],
    jobs: Iterator[tuple[int, int]],
    concurrency: int,
    sink: Sink,
    facts: Callable[[dict[str, Any]], None],
) -> None:
    """Play ``jobs``, pairs of index and seed, in this process, and hand each record to ``sink``.

    What only the made agent and environment can tell (model, sandbox level) goes to ``facts``, once, before the first
    episode.
    """
    with made_agent(source) as agent:
        run_in_loop(lambda: _run(env, env_kwargs, agent, jobs, concurrency, sink, facts))


async def _run(
    env: EnvLike,
    env_kwargs: Mapping[str, Any] | None,
    agent: Agent,
    jobs: Iterator[tuple[int, int]],
    concurrency: int,
    sink: Sink,
    facts: Callable[[dict[str, Any]], None],
) -> None:
    env_id = env if isinstance(env, str) else getattr(env, "id", getattr(env, "__name__", "env"))
    first = make_env(env, env_kwargs)
    worlds = [first]
    try:
        facts(_facts(first, agent))
        if can_batch(first, agent):
            breath = Breath()
            for _ in play_batched(lambda: make_env(env, env_kwargs), agent, jobs, concurrency, sink):
                if breath.due():
                    await asyncio.sleep(0)
            return
        with ThreadPoolExecutor(min(concurrency, _MAX_THREADS), thread_name_prefix="quintain-step") as threads:
            free = [first]

            def sit_down() -> Callable[[tuple[int, int]], Awaitable[EpisodeRecord]]:
                if free:
                    world = free.pop()
                else:
                    world = make_env(env, env_kwargs)
                    worlds.append(world)
                seat = seats(world, env_id, agent)
                return lambda job: play_episode(world, agent, seat(job[1]), job[0], threads)

            await play_jobs(jobs, concurrency, sit_down, sink)
    finally:
        for world in worlds:
            world.close()


def _facts(env: gym.Env[Any, Any], agent: Agent) -> dict[str, Any]:
    """Collect what only the made objects know."""
    facts: dict[str, Any] = {"agent": describe_agent(agent)}
    engine = getattr(agent, "engine", None)
    if isinstance(engine, Engine):
        facts["capabilities"] = sorted(engine.capabilities)
    describe = getattr(env.unwrapped, "describe", None)
    if describe is not None:
        facts["env"] = describe()
    return facts
