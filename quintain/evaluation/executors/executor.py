"""The contract of executors, and their registry."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from quintain.agents.agent import Agent
from quintain.evaluation.rollout import EnvLike, Job, Sink
from quintain.registry import NoFacts, Registry

__all__ = ["EXECUTORS", "Executor"]


class Executor(Protocol):
    """A function that plays episodes. Which one is used does not change any episode."""

    def __call__(
        self,
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
        """Play ``jobs`` and return when all have a record.

        Args:
            env: Environment id, spec or factory; each worker makes its own instances.
            env_kwargs: Its arguments, if it is given by id or spec.
            agent: The agent, or a description from which each worker makes its own.
            jobs: Index and seed of each episode; at least one.
            concurrency: Maximum number of episodes at once, over all workers, >= 1.
            workers: Number of processes or machines, >= 1; ignored by an executor that has only one.
            sink: Takes each finished record, in order of completion, in the calling thread.
            on_facts: Called with what only the made agent and environment know, before the first record.

        Raises:
            ConfigurationError: If environment or agent cannot be used where the executor plays.
        """
        ...


EXECUTORS: Registry[None, NoFacts] = Registry("executor", NoFacts, group="quintain.executors")
EXECUTORS.add("inline", "quintain.evaluation.executors.inline:run_inline")
EXECUTORS.add("process", "quintain.evaluation.executors.process:run_in_processes")
