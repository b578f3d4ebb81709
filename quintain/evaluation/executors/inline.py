"""The ``inline`` executor: all episodes in this process."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from quintain.agents.agent import Agent
from quintain.evaluation.rollout import EnvLike, Job, Sink, run_episodes

__all__ = ["run_inline"]


def run_inline(
    env: EnvLike,
    env_kwargs: Mapping[str, Any] | None,
    agent: Agent | Mapping[str, Any],
    jobs: Sequence[Job],
    *,
    concurrency: int,
    workers: int,
    sink: Sink,
    on_facts: Callable[[dict[str, Any]], None],
) -> None:
    """Play ``jobs`` in this process; see :class:`~quintain.evaluation.executors.Executor`. ``workers`` is ignored."""
    run_episodes(env, env_kwargs, agent, iter(jobs), min(concurrency, len(jobs)), sink, on_facts)
