"""``evaluate``: many episodes, concurrently, recorded, resumable, the same numbers however they are scheduled."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import gymnasium as gym
from gymnasium.envs.registration import EnvSpec

from quintain.agents.agent import Agent
from quintain.agents.registry import POLICY_FILES, as_agent, make_agent
from quintain.engines.engine import Engine
from quintain.errors import ConfigurationError
from quintain.evaluation.batched import can_batch, play_batched
from quintain.evaluation.episode import play_episode, seats
from quintain.evaluation.loop import Breath, play_jobs, run_in_loop
from quintain.evaluation.manifest import describe_agent, make_manifest
from quintain.evaluation.recording import Recording, check_counts
from quintain.evaluation.report import Report
from quintain.records import EpisodeRecord
from quintain.seeding import SeedStream

__all__ = ["EnvLike", "Executor", "as_source", "evaluate", "made_agent", "make_env", "run_episodes"]

EnvLike = str | EnvSpec | Callable[[], gym.Env[Any, Any]]
Executor = Literal["inline", "process"]

Sink = Callable[[EpisodeRecord], None]

#: Threads for environment steps that wait; more only queue on the same cores.
_MAX_THREADS = 16


def evaluate(
    env: EnvLike,
    agent: Any,
    *,
    episodes: int = 100,
    seed: int = 0,
    concurrency: int = 16,
    out: str | Path | None = None,
    env_kwargs: Mapping[str, Any] | None = None,
    resume: bool = False,
    retry_errors: bool = False,
    executor: Executor = "inline",
    workers: int = 2,
    confidence: float = 0.95,
    progress: bool | None = None,
    on_episode: Callable[[EpisodeRecord], None] | None = None,
) -> Report:
    """Play many episodes and report what came out.

    Episode ``i`` has a seed that depends on ``seed`` and ``i`` alone, so concurrency, executor and interruptions do not
    change what is played.

    Args:
        env: Id of a registered environment, a spec, or a function that makes one.
        agent: An agent, its name, a mapping ``{"name": ..., "engine": ..., ...}``, or anything that
            :func:`~quintain.agents.registry.as_agent` takes.
        episodes: Number of episodes, >= 1.
        seed: Root seed, >= 0.
        concurrency: Episodes that are live at once; a language model gets the requests of all of them as one batch.
        out: Folder for manifest and records; nothing is written without it.
        env_kwargs: Arguments for the environment.
        resume: Continue the run in ``out``: finished episodes are kept.
        retry_errors: With ``resume``: play the episodes again that failed for infrastructure reasons, and only them.
        executor: ``"inline"`` runs in this process; ``"process"`` in ``workers`` fresh ones, to which environment and
            agent must be sendable.
        workers: Processes of the ``process`` executor.
        confidence: Nominal coverage of the intervals, in (0, 1).
        progress: Show a progress bar; by default where there is a terminal.
        on_episode: Called with each finished record, in order of completion.

    Returns:
        The report, over kept and new episodes.

    Raises:
        ConfigurationError: If the combination cannot work.
        RecordError: If the folder cannot be written, or holds another run.
        KeyboardInterrupt: On Ctrl-C. Finished episodes are recorded; continue with ``resume=True``.

    Example:
        >>> report = evaluate("CodeReason-v0", "oracle", episodes=3, env_kwargs={"tasks": "letters"})
        >>> report.success.estimate, report.errors
        (1.0, 0)
    """
    check_counts(episodes=episodes, concurrency=concurrency, workers=workers)
    if executor not in ("inline", "process"):
        raise ConfigurationError(f"executor must be 'inline' or 'process', got {executor!r}")
    source = as_source(agent)
    seeds = SeedStream(seed, "episode")
    manifest = make_manifest(env, env_kwargs, source, seed)
    with Recording(
        manifest, episodes, out=out, resume=resume, retry_errors=retry_errors, progress=progress, on_episode=on_episode
    ) as run:
        jobs = [(i, seeds[i]) for i in run.todo]
        if executor == "process" and jobs:
            from quintain.evaluation.processes import run_in_processes

            run_in_processes(env, env_kwargs, source, jobs, concurrency, workers, run.add, run.add_facts)
        elif jobs:
            run_episodes(env, env_kwargs, source, iter(jobs), min(concurrency, len(jobs)), run.add, run.add_facts)
    return run.report(confidence)


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
                seat = seats(world, env_id)
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
