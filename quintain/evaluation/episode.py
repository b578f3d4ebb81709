"""Playing one episode of a single-agent environment."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from typing import Any, cast

import gymnasium as gym

from quintain.agents.agent import Actor, Agent, Seat, is_oracle, simulates
from quintain.engines.engine import record_exchanges
from quintain.envs.protocols import BlockingEnv, ReadsAnswers, ReadsReasoning, ReadsReplies, SimulatedEnv, SolvableEnv
from quintain.evaluation.episode_log import IMMUTABLE, EpisodeLog, snapshot
from quintain.evaluation.error_boundary import ErrorBoundary
from quintain.evaluation.job import Job
from quintain.records import EpisodeRecord

__all__ = ["play_episode", "seats"]


def seats(env: gym.Env[Any, Any], env_id: str, agent: Agent) -> Callable[[int], Seat]:
    """Return a function that makes the only seat of a Gymnasium environment from an episode's seed.

    The seat offers the environment's right answers only to an agent that declares ``uses_solution = True``, and
    simulators only to one that declares ``uses_simulator = True``.
    """
    observations, actions, unwrapped = env.observation_space, env.action_space, env.unwrapped
    solution = unwrapped.solution if is_oracle(agent) and isinstance(unwrapped, SolvableEnv) else None
    masks = env.get_wrapper_attr("action_masks") if env.has_wrapper_attr("action_masks") else None
    runs_code = unwrapped.runs_code if isinstance(unwrapped, ReadsReplies) else None
    reader = unwrapped.read_answer if isinstance(unwrapped, ReadsAnswers) else None
    simulator = unwrapped.simulator if simulates(agent) and isinstance(unwrapped, SimulatedEnv) else None
    reasoning = isinstance(unwrapped, ReadsReasoning) and unwrapped.reads_reasoning
    offers = (solution, masks, runs_code, reader, simulator, reasoning)
    return lambda seed: Seat(env_id, "agent", observations, actions, seed, *offers)


async def play_episode(
    env: gym.Env[Any, Any], agent: Agent, seat: Seat, job: Job, threads: Executor | None = None
) -> EpisodeRecord:
    """Play one episode of a Gymnasium environment.

    Failures of agent, engine, environment or sandbox do not raise: the record describes them. A configuration that
    cannot work at all (:class:`~quintain.errors.ConfigurationError`) does raise, since every episode would fail.

    Args:
        env: The environment; no other episode may use it meanwhile.
        agent: The agent, which may play other episodes at the same time.
        seat: The seat, with the episode's seed.
        job: The episode to play.
        threads: For a :class:`~quintain.envs.protocols.BlockingEnv`: runs the steps that would wait, so that they do
            not hold up other episodes. ``None`` runs every step here.
    """
    log = EpisodeLog(job.index, job.seed, job.item, job.repeat, job.observations)
    step_blocks = cast(BlockingEnv, env.unwrapped).step_blocks if threads is not None else None
    with record_exchanges(job.tokens) as exchanges, ErrorBoundary("env") as running:
        observation, info = job.reset(env)
        log.info = info
        before = snapshot(observation)
        running.boundary = "agent"
        actor: Actor = agent.begin(seat)
        while True:
            exchanges.step = log.length
            running.boundary = "agent"
            recorded = action = actor.act(observation, info)
            if type(action) not in IMMUTABLE:
                if hasattr(action, "__await__"):
                    action = await action
                recorded = snapshot(action)
            running.boundary = "env"
            if step_blocks is not None and step_blocks(action):
                loop = asyncio.get_running_loop()
                result = await loop.run_in_executor(threads, env.step, action)
            else:
                result = env.step(action)
            observation, reward, terminated, truncated, info = result
            log.add_step("agent", before, recorded, reward, info)
            before = snapshot(observation)
            if terminated or truncated:
                log.end(before, bool(truncated))
                break
            if log.length == job.max_steps:
                log.end(before, True)
                log.cut(job.max_steps)
                break
    return log.finish(exchanges, running.error)
