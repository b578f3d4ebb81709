"""Playing one episode and writing down what happened, whatever happens."""

from __future__ import annotations

import asyncio
import math
import time
import traceback
from collections.abc import Callable
from concurrent.futures import Executor
from typing import Any, SupportsFloat

import gymnasium as gym
import numpy as np

from quintain.agents.agent import Actor, Agent, Seat, is_oracle
from quintain.engines.engine import ExchangeLog, record_exchanges
from quintain.errors import Boundary, ConfigurationError, EngineError, EnvironmentFault, QuintainError, SandboxError
from quintain.records import EpisodeRecord, Outcome, Step

__all__ = ["Ledger", "classify", "keep", "play_episode", "seats"]

#: Longest error message that is kept.
_MAX_MESSAGE = 2_000
#: Frames of a traceback that are kept, the last ones: where a user's own code went wrong.
_FRAMES = 5
#: Parts of ``info`` that have a place of their own in the record, or that hold the clock.
_KEPT_ELSEWHERE = frozenset({"reward_terms", "attack", "episode"})

#: What most observations and actions are, so that they pass quickly.
_CANNOT_CHANGE = frozenset({str, int, np.int64})


class Ledger:
    """Collects one episode, step by step, and turns it into a record.

    Args:
        index: Number of the episode in its run.
        seed: Its seed.
    """

    __slots__ = (
        "_started",
        "final_observation",
        "index",
        "info",
        "returns",
        "reward_errors",
        "seed",
        "steps",
        "terms",
        "truncated",
    )

    def __init__(self, index: int, seed: int) -> None:
        self.index = index
        self.seed = seed
        self.steps: list[Step] = []
        self.returns: dict[str, float] = {}
        self.terms: dict[str, float] = {}
        self.reward_errors = 0
        self.final_observation: Any = None
        self.truncated = False
        self.info: dict[str, Any] = {}
        self._started = time.perf_counter()

    def step(self, seat: str, observation: Any, action: Any, reward: SupportsFloat, info: dict[str, Any]) -> None:
        """Write down one action of one seat, and what it earned.

        Args:
            seat: Who acted.
            observation: What it saw, :func:`kept <keep>` before it acted.
            action: What it did, kept before the environment's step.
            reward: What it earned.
            info: The environment's ``info`` after the step.

        Raises:
            EnvironmentFault: If the reward is not a finite number.
        """
        earned = float(reward)
        if not math.isfinite(earned):
            raise EnvironmentFault(f"expected a finite reward, got {earned!r}")
        entry: Step = {"observation": observation, "action": action, "reward": earned}
        if "attack" in info:
            entry["attack"] = info["attack"]
        self.steps.append(entry)
        self.returns[seat] = self.returns.get(seat, 0.0) + earned
        self.reward_errors += "reward_error" in info
        prefix = ""
        if seat == "agent":
            self.info = info
        else:
            entry["seat"] = seat
            self.info.setdefault("seats", {})[seat] = {k: v for k, v in info.items() if k not in _KEPT_ELSEWHERE}
            prefix = f"{seat}/"
        for name, value in info.get("reward_terms", {}).items():
            self.terms[prefix + name] = self.terms.get(prefix + name, 0.0) + value

    def pay(self, seat: str, reward: SupportsFloat, info: dict[str, Any]) -> None:
        """Write down what a seat of a game earned before it ever acted: it counts, and is no step.

        Raises:
            EnvironmentFault: If the reward is not a finite number.
        """
        self.step(seat, None, None, reward, info)
        self.steps.pop()

    def finish(self, log: ExchangeLog, error: dict[str, str] | None = None) -> EpisodeRecord:
        """Close the episode."""
        return EpisodeRecord(
            index=self.index,
            seed=self.seed,
            outcome="error" if error else outcome_of(self.info),
            returns=self.returns,
            steps=self.steps,
            final_observation=self.final_observation,
            truncated=self.truncated,
            info={k: v for k, v in self.info.items() if k not in _KEPT_ELSEWHERE},
            reward_terms=self.terms,
            reward_errors=self.reward_errors,
            error=error,
            calls=[{"key": e.request.key, "replies": [r.to_dict() for r in e.replies]} for e in log.exchanges],
            prompt_tokens=log.prompt_tokens,
            completion_tokens=log.completion_tokens,
            wall_s=round(time.perf_counter() - self._started, 6),
        )


def keep(value: Any) -> Any:
    """Copy arrays, which environments and agents may write into again; anything else is its own record."""
    if type(value) in _CANNOT_CHANGE:
        return value
    if isinstance(value, np.ndarray):
        return value.copy()
    if isinstance(value, dict):
        return {name: keep(part) for name, part in value.items()}
    return tuple(map(keep, value)) if isinstance(value, tuple) else value


def outcome_of(info: dict[str, Any]) -> Outcome:
    """Read the outcome of an episode off the environment's last ``info``."""
    if info.get("success"):
        return "success"
    if info.get("invalid_action"):
        return "invalid_action"
    if info.get("parse_error"):
        return "parse_error"
    return "failure" if "success" in info else "finished"


def classify(error: Exception, boundary: Boundary) -> dict[str, str]:
    """Describe an infrastructure failure by the boundary that it crossed.

    Args:
        error: What was raised.
        boundary: Whose code was running; engine and sandbox errors say so themselves.
    """
    if isinstance(error, EngineError):
        boundary = "engine"
    elif isinstance(error, SandboxError):
        boundary = "sandbox"
    if isinstance(error, QuintainError):
        return {"boundary": boundary, "type": type(error).__name__, "message": str(error)[:_MAX_MESSAGE]}
    frames = traceback.format_tb(error.__traceback__)[-_FRAMES:]
    return {
        "boundary": boundary,
        "type": type(error).__name__,
        "message": f"{type(error).__name__}: {error}"[:_MAX_MESSAGE],
        "traceback": "".join(frames)[-_MAX_MESSAGE:],
    }


def seats(env: gym.Env[Any, Any], env_id: str, agent: Agent) -> Callable[[int], Seat]:
    """Return a function that makes the only seat of a Gymnasium environment from an episode's seed.

    The seat offers the environment's right answers only to an agent that declares ``uses_solution = True``.
    """
    observations, actions = env.observation_space, env.action_space
    solution = getattr(env.unwrapped, "solution", None) if is_oracle(agent) else None
    return lambda seed: Seat(env_id, "agent", observations, actions, seed, solution)


async def play_episode(
    env: gym.Env[Any, Any], agent: Agent, seat: Seat, index: int, threads: Executor | None = None
) -> EpisodeRecord:
    """Play one episode of a Gymnasium environment.

    Never raises for a failure of agent, engine, environment or sandbox: the record says what failed. A configuration
    that cannot work at all (:class:`~quintain.errors.ConfigurationError`) does raise, since every episode would fail.

    Args:
        env: The environment, which nobody else uses meanwhile.
        agent: Who plays.
        seat: The seat, with the episode's seed.
        index: Number of the episode in its run.
        threads: Where steps that wait are run, so that they do not hold up other episodes.
    """
    ledger = Ledger(index, seat.seed)
    error: dict[str, str] | None = None
    blocks = getattr(env.unwrapped, "step_blocks", None) if threads is not None else None
    with record_exchanges() as log:
        boundary: Boundary = "env"
        try:
            observation, info = env.reset(seed=seat.seed)
            ledger.info = info
            seen = keep(observation)
            boundary = "agent"
            actor: Actor = agent.begin(seat)
            while True:
                boundary = "agent"
                done = action = actor.act(observation, info)
                if type(action) not in _CANNOT_CHANGE:
                    if hasattr(action, "__await__"):
                        action = await action
                    done = keep(action)
                boundary = "env"
                if blocks is not None and blocks(action):
                    loop = asyncio.get_running_loop()
                    result = await loop.run_in_executor(threads, env.step, action)
                else:
                    result = env.step(action)
                following, reward, terminated, truncated, info = result
                ledger.step("agent", seen, done, reward, info)
                observation, seen = following, keep(following)
                if terminated or truncated:
                    ledger.final_observation, ledger.truncated = seen, bool(truncated)
                    break
        except ConfigurationError:
            raise
        except Exception as caught:
            error = classify(caught, boundary)
    return ledger.finish(log, error)
