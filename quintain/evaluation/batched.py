"""Lock-step play of numeric environments with an agent that acts on arrays."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces

from quintain.agents.agent import Agent, Batched
from quintain.engines.engine import ExchangeLog
from quintain.errors import AgentError, ConfigurationError
from quintain.evaluation.episode import Ledger, classify, keep
from quintain.records import EpisodeRecord

__all__ = ["can_batch", "play_batched"]


def can_batch(env: gym.Env[Any, Any], agent: Agent) -> bool:
    """Say whether the agent acts on arrays, each on its own, and the environment's observations stack into one."""
    alone = isinstance(agent, Batched) and not getattr(agent, "is_stateful", False)
    return alone and isinstance(
        env.observation_space, (spaces.Box, spaces.Discrete, spaces.MultiDiscrete, spaces.MultiBinary)
    )


@dataclasses.dataclass(slots=True)
class _Live:
    """One environment in the middle of an episode."""

    env: gym.Env[Any, Any]
    ledger: Ledger
    observation: Any  # our own copy


def play_batched(
    make: Callable[[], gym.Env[Any, Any]],
    agent: Any,
    jobs: Iterator[tuple[int, int]],
    concurrency: int,
    sink: Callable[[EpisodeRecord], None],
) -> Iterator[None]:
    """Play ``jobs`` on ``concurrency`` environments with one forward pass per round, yielding after each round.

    Args:
        make: Makes an environment.
        agent: Offers ``act_batch(observations)`` with a leading batch axis.
        jobs: Pairs of index and seed.
        concurrency: Environments that are live at once.
        sink: Takes each finished record.
    """
    idle = [make() for _ in range(concurrency)]
    every = list(idle)
    live: list[_Live] = []
    try:
        while True:
            while idle and (job := next(jobs, None)) is not None:
                started = _start(idle.pop(), *job, sink)
                if started.observation is None:
                    idle.append(started.env)
                else:
                    live.append(started)
            if not live:
                return
            try:
                actions = agent.act_batch(np.stack([one.observation for one in live]))
                if len(actions) != len(live):
                    raise AgentError(f"expected {len(live)} actions for as many observations, got {len(actions)}")
            except ConfigurationError:
                raise
            except Exception as error:
                for one in live:
                    sink(one.ledger.finish(ExchangeLog(), classify(error, "agent")))
                    idle.append(one.env)
                live = []
                continue
            going = []
            for one, action in zip(live, actions, strict=True):
                if _step(one, action, sink):
                    idle.append(one.env)
                else:
                    going.append(one)
            live = going
            yield
    finally:
        for env in every:
            env.close()


def _start(env: gym.Env[Any, Any], index: int, seed: int, sink: Callable[[EpisodeRecord], None]) -> _Live:
    ledger = Ledger(index, seed)
    try:
        observation, ledger.info = env.reset(seed=seed)
    except ConfigurationError:
        raise
    except Exception as error:
        sink(ledger.finish(ExchangeLog(), classify(error, "env")))
        return _Live(env, ledger, None)
    return _Live(env, ledger, keep(observation))


def _step(one: _Live, action: Any, sink: Callable[[EpisodeRecord], None]) -> bool:
    """Step one environment; say whether its episode is over."""
    try:
        done = keep(action)
        following, reward, terminated, truncated, info = one.env.step(action)
        one.ledger.step("agent", one.observation, done, reward, info)
    except ConfigurationError:
        raise
    except Exception as error:
        sink(one.ledger.finish(ExchangeLog(), classify(error, "env")))
        return True
    one.observation = keep(following)
    if terminated or truncated:
        one.ledger.final_observation, one.ledger.truncated = one.observation, bool(truncated)
        sink(one.ledger.finish(ExchangeLog()))
        return True
    return False
