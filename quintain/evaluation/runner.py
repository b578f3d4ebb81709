"""``evaluate``: many episodes, concurrently, recorded, resumable, the same numbers however they are scheduled."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Literal, TypeVar

import gymnasium as gym
from gymnasium.envs.registration import EnvSpec

from quintain.agents.agent import Agent
from quintain.agents.llm.engine import Engine
from quintain.agents.registry import as_agent, make_agent
from quintain.errors import ConfigurationError
from quintain.evaluation.batched import can_batch, play_batched
from quintain.evaluation.episode import play_episode, seats
from quintain.evaluation.manifest import describe_agent, make_manifest
from quintain.evaluation.progress import progress_bar
from quintain.evaluation.records import EpisodeRecord, RunFolder
from quintain.evaluation.report import Report
from quintain.seeding import SeedStream

__all__ = ["EnvLike", "Executor", "evaluate", "make_env", "run_episodes", "run_in_loop"]

EnvLike = str | EnvSpec | Callable[[], gym.Env[Any, Any]]
Executor = Literal["inline", "process"]
T = TypeVar("T")

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
    _check(episodes, concurrency, executor, workers, resume, retry_errors, out)
    source = as_source(agent)
    seeds = SeedStream(seed, "episode")
    with ExitStack() as stack:
        folder, kept = None, dict[int, EpisodeRecord]()
        manifest = make_manifest(env, env_kwargs, source, seed)
        if out is not None:
            folder = stack.enter_context(RunFolder(out, manifest, resume=resume))
            kept = {e.index: e for e in folder.episodes if not (retry_errors and e.outcome == "error")}
            kept = {i: e for i, e in kept.items() if i < episodes}
        if retry_errors and folder is not None:
            todo = [e.index for e in folder.episodes if e.outcome == "error" and e.index < episodes]
        else:
            todo = [i for i in range(episodes) if i not in kept]
        results = dict(kept)
        bar = stack.enter_context(progress_bar(episodes, kept.values(), progress))

        def sink(record: EpisodeRecord) -> None:
            if folder is not None:
                folder.append(record)
            results[record.index] = record
            bar.update(record)
            if on_episode is not None:
                on_episode(record)

        def facts(found: dict[str, Any]) -> None:
            manifest["facts"] = found
            if folder is not None:
                folder.write_facts(found)

        jobs = [(i, seeds[i]) for i in todo]
        if executor == "process" and jobs:
            from quintain.evaluation.processes import run_in_processes

            run_in_processes(env, env_kwargs, source, jobs, concurrency, workers, sink, facts)
        elif jobs:
            run_episodes(env, env_kwargs, source, iter(jobs), min(concurrency, len(jobs)), sink, facts)
    return Report([results[i] for i in sorted(results)], manifest, Path(out) if out is not None else None, confidence)


def as_source(agent: Any) -> Agent | Mapping[str, Any]:
    """Keep a description as it is, so that another process can make its own agent; adapt anything else."""
    if isinstance(agent, str) and not agent.endswith((".pt", ".onnx")):
        return {"name": agent}
    if isinstance(agent, Mapping):
        if "name" not in agent:
            raise ConfigurationError(f"an agent's description needs a 'name', got {dict(agent)!r}")
        return agent
    return as_agent(agent)


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
    run_in_loop(lambda: _run(env, env_kwargs, source, jobs, concurrency, sink, facts))


def run_in_loop(main: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run a coroutine to its end, in a thread of its own where an event loop is running already (a notebook)."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(main())
    with ThreadPoolExecutor(1, thread_name_prefix="quintain-run") as thread:
        return thread.submit(lambda: asyncio.run(main())).result()


async def _run(
    env: EnvLike,
    env_kwargs: Mapping[str, Any] | None,
    source: Agent | Mapping[str, Any],
    jobs: Iterator[tuple[int, int]],
    concurrency: int,
    sink: Sink,
    facts: Callable[[dict[str, Any]], None],
) -> None:
    # An engine that was made here is closed here; one that a user handed over is the user's.
    ours = isinstance(source, Mapping) and not hasattr(source.get("engine"), "aclose")
    agent = make_agent(**source) if isinstance(source, Mapping) else source
    breath = _Breath()
    env_id = env if isinstance(env, str) else getattr(env, "id", getattr(env, "__name__", "env"))
    with ThreadPoolExecutor(min(concurrency, _MAX_THREADS), thread_name_prefix="quintain-step") as threads:

        async def work(world: gym.Env[Any, Any]) -> None:
            try:
                seat = seats(world, env_id)
                for index, seed in jobs:
                    sink(await play_episode(world, agent, seat(seed), index, threads))
                    await breath.take()
            finally:
                world.close()

        async def work_in_batches() -> None:
            for _ in play_batched(lambda: make_env(env, env_kwargs), agent, jobs, concurrency, sink):
                await breath.take()

        try:
            first = make_env(env, env_kwargs)
            facts(_facts(first, agent))
            async with asyncio.TaskGroup() as group:
                if can_batch(first, agent):
                    first.close()
                    group.create_task(work_in_batches())
                else:
                    for number in range(concurrency):
                        group.create_task(work(make_env(env, env_kwargs) if number else first))
        except BaseExceptionGroup as errors:
            # All workers fail alike; the first failure tells the story.
            raise errors.exceptions[0] from None
        finally:
            if ours and (engine := getattr(agent, "engine", None)) is not None:
                await engine.aclose()


class _Breath:
    """Lets the event loop run now and then, so that agents that never wait do not keep out Ctrl-C and each other."""

    def __init__(self, every_s: float = 0.02) -> None:
        self._every_s = every_s
        self._next = 0.0

    async def take(self) -> None:
        now = time.perf_counter()
        if now >= self._next:
            self._next = now + self._every_s
            await asyncio.sleep(0)


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


def _check(
    episodes: int,
    concurrency: int,
    executor: str,
    workers: int,
    resume: bool,
    retry_errors: bool,
    out: str | Path | None,
) -> None:
    for name, value in (("episodes", episodes), ("concurrency", concurrency), ("workers", workers)):
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise ConfigurationError(f"{name} must be an integer >= 1, got {value!r}")
    if executor not in ("inline", "process"):
        raise ConfigurationError(f"executor must be 'inline' or 'process', got {executor!r}")
    if out is None and (resume or retry_errors):
        raise ConfigurationError("resume and retry_errors need the folder of the run: out=...")
    if retry_errors and not resume:
        raise ConfigurationError("retry_errors continues a run: give resume=True as well")
