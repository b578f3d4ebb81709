"""Playing episodes in this process: makes agent and environments, plays, and closes them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import gymnasium as gym

from quintain.agents.adapt import POLICY_FILES
from quintain.agents.agent import Agent, ChecksAvailable, ChecksSeat, Closing, UsesEngine
from quintain.agents.foreign import explain_object
from quintain.agents.registry import as_agent, make_agent
from quintain.engines.engine import Engine
from quintain.envs.making import EnvLike, env_name, make_env
from quintain.envs.protocols import BlockingEnv, DescribedEnv, FiniteEnv
from quintain.envs.sharing import check_distinct
from quintain.errors import ConfigurationError
from quintain.evaluation.batched import can_batch, play_batched
from quintain.evaluation.episode import play_episode, seats
from quintain.evaluation.executors import Receiver
from quintain.evaluation.job import Job
from quintain.evaluation.loop import YieldTimer, play_jobs, run_in_loop
from quintain.evaluation.manifest import describe_agent
from quintain.records import EpisodeRecord

__all__ = ["Episodes", "Sink", "as_source", "items_of", "made_agent", "run_episodes"]

#: Takes each finished record.
Sink = Callable[[EpisodeRecord], None]

#: Maximum number of threads for environment steps that wait; more would only queue on the same cores.
_MAX_THREADS = 16


def as_source(agent: Any) -> Agent | Mapping[str, Any]:
    """Return an agent, or the description of one, which each process can make for itself.

    Args:
        agent: An agent's name, a description ``{"name": ..., ...}``, a file of a policy, or anything that
            :func:`~quintain.agents.registry.as_agent` adapts.

    Raises:
        ConfigurationError: If a description has no name.
    """
    if isinstance(agent, str) and not agent.endswith(POLICY_FILES):
        return {"name": agent}
    if isinstance(agent, Mapping):
        if (error := explain_object(agent)) is not None:
            raise error
        if "name" not in agent:
            raise ConfigurationError(f"an agent's description needs a 'name', got {dict(agent)!r}")
        # A file is read now, so that the run's record describes its content and not its path.
        return make_agent(**agent) if str(agent["name"]).endswith(POLICY_FILES) else agent
    return as_agent(agent)


@contextmanager
def made_agent(source: Agent | Mapping[str, Any]) -> Iterator[Agent]:
    """Make the agent that ``source`` describes, and close it and its engine at the end.

    An agent, or an engine inside a description, that the caller made is left open.

    Raises:
        EngineError: If the agent asks a model whose server cannot be reached, or fails.
        ConfigurationError: If the agent cannot be made, or its server does not serve the model.
    """
    agent = make_agent(**source) if isinstance(source, Mapping) else source
    engine = agent.engine if isinstance(agent, UsesEngine) else None
    try:
        if isinstance(engine, Engine):
            engine.check_available()
        if isinstance(agent, ChecksAvailable):
            agent.check_available()
        yield agent
    finally:
        if isinstance(source, Mapping) and isinstance(agent, Closing):
            agent.close()
        if isinstance(source, Mapping) and isinstance(engine, Engine) and not isinstance(source.get("engine"), Engine):
            engine.close()


def items_of(env: gym.Env[Any, Any]) -> int | None:
    """Return the number of items of a :class:`~quintain.envs.protocols.FiniteEnv`, and ``None`` of any other."""
    inner = env.unwrapped
    return inner.item_count if isinstance(inner, FiniteEnv) else None


@dataclass(frozen=True)
class Episodes:
    """Episodes of one agent in one environment, as the work of an executor. Its parts are jobs.

    Attributes:
        env: Id, spec, class or factory of the environment, of which each process makes its own; or an environment,
            which plays one episode at a time.
        env_kwargs: Its arguments, if it is given by id, spec or class.
        agent: The agent, or the description from which each process makes its own.
        jobs: The episodes to play, each with its index and seed.
        concurrency: Maximum number of live episodes over all processes, >= 1.
    """

    env: EnvLike
    env_kwargs: Mapping[str, Any] | None
    agent: Agent | Mapping[str, Any]
    jobs: Sequence[Job]
    concurrency: int

    def parts(self, workers: int) -> Sequence[Job]:
        """Return the jobs: every episode is a part."""
        return self.jobs

    def play(self, parts: Iterator[Job], receiver: Receiver, workers: int) -> None:
        """Play episodes in this process."""
        share = max(1, min(self.concurrency, len(self.jobs)) // workers)
        run_episodes(self.env, self.env_kwargs, self.agent, parts, share, receiver.add, receiver.add_facts)

    def lost(self, part: Job, received: AbstractSet[int], message: str) -> Sequence[EpisodeRecord]:
        """Return an infrastructure error for an episode that has no record."""
        error = {"boundary": "env", "type": "WorkerDied", "message": message}
        if part.index in received:
            return []
        return [EpisodeRecord(part.index, part.seed, "error", {}, error=error, item=part.item, repeat=part.repeat)]


def run_episodes(
    env: EnvLike,
    env_kwargs: Mapping[str, Any] | None,
    agent: Agent | Mapping[str, Any],
    jobs: Iterator[Job],
    concurrency: int,
    sink: Sink,
    on_facts: Callable[[dict[str, Any]], None],
) -> None:
    """Play ``jobs`` in this process.

    Args:
        env: Id, spec, class or factory of the environment, or an environment, which is left open.
        env_kwargs: Its arguments, if it is given by id, spec or class.
        agent: The agent, or the description of one.
        jobs: The episodes to play.
        concurrency: Maximum number of episodes at once, and so of environments, >= 1.
        sink: Takes each finished record, in order of completion.
        on_facts: Called before the first episode with what only the made agent and environment know (model, sandbox
            level), and after the last one if more is known.
    """
    with made_agent(agent) as made:
        run_in_loop(lambda: _run(env, env_kwargs, made, jobs, concurrency, sink, on_facts))


async def _run(
    env: EnvLike,
    env_kwargs: Mapping[str, Any] | None,
    agent: Agent,
    jobs: Iterator[Job],
    concurrency: int,
    sink: Sink,
    on_facts: Callable[[dict[str, Any]], None],
) -> None:
    env_id = env_name(env)
    first = make_env(env, env_kwargs)
    envs = [first]
    try:
        facts = _facts(first, agent)
        on_facts(facts)
        if isinstance(agent, ChecksSeat):
            agent.check_seat(seats(first, env_id, agent)(0))
        if (item_count := items_of(first)) is not None:
            jobs = (job.posing(item_count) for job in jobs)
        if can_batch(agent, first):
            timer = YieldTimer()
            for _ in play_batched(lambda: make_env(env, env_kwargs), agent, jobs, concurrency, sink):
                if timer.is_due():
                    await asyncio.sleep(0)
            return
        with ThreadPoolExecutor(min(concurrency, _MAX_THREADS), thread_name_prefix="quintain-step") as threads:
            free = [first]

            def start_worker() -> Callable[[Job], Awaitable[EpisodeRecord]]:
                if free:
                    mine = free.pop()
                else:
                    mine = make_env(env, env_kwargs)
                    envs.append(mine)
                    check_distinct(envs)
                seat = seats(mine, env_id, agent)
                # Checked here, since isinstance with a protocol takes as long as a short episode.
                step_threads = threads if isinstance(mine.unwrapped, BlockingEnv) else None
                return lambda job: play_episode(mine, agent, seat(job.agent_seed), job, step_threads)

            await play_jobs(jobs, concurrency, start_worker, sink)
        if _left_out(agent) != facts.get("left_out"):
            on_facts(_facts(first, agent))  # what the server refuses is known only now
    finally:
        for made in envs:
            made.close()


def _facts(env: gym.Env[Any, Any], agent: Agent) -> dict[str, Any]:
    """Collect what only the made agent and environment know."""
    facts: dict[str, Any] = {"agent": describe_agent(agent)}
    engine = agent.engine if isinstance(agent, UsesEngine) else None
    if isinstance(engine, Engine):
        facts["capabilities"] = sorted(engine.capabilities)
    if (left_out := _left_out(agent)) is not None:
        facts["left_out"] = left_out
    if isinstance(env.unwrapped, DescribedEnv):
        facts["env"] = env.unwrapped.describe()
    return facts


def _left_out(agent: Agent) -> list[str] | None:
    """Return what requests leave out, since the engine's server refuses it; ``None`` if nothing."""
    engine = agent.engine if isinstance(agent, UsesEngine) else None
    return list(engine.left_out) if isinstance(engine, Engine) and engine.left_out else None
