"""One cell of the experiment: the episodes of one condition and one root seed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import gymnasium as gym

from quintain.agents.agent import Agent
from quintain.attacks.malfunction.registry import attack_language
from quintain.envs.making import make_env
from quintain.evaluation.job import Job
from quintain.evaluation.rollout import run_episodes
from quintain.experiments.experiment import Sink
from quintain.experiments.malfunction.condition import UNGUARDED, Condition
from quintain.experiments.store import Store
from quintain.records import EpisodeRecord
from quintain.seeding import episode_seeds

__all__ = ["MalfunctionCell"]


@dataclass(frozen=True, slots=True)
class MalfunctionCell:
    """The episodes of one condition and one root seed.

    Attributes:
        number: Place in the plan, from 0.
        episodes: Episodes per cell, >= 1.
        condition: The condition.
        agent: The agent behind its guards.
        seed: Root seed; it decides the seeds of the episodes, which all conditions share.
        env: Id of the environment.
        env_kwargs: Its arguments.
        arguments: Further arguments of the attack.
        concurrency: Maximum number of episodes at once, >= 1.
    """

    number: int
    episodes: int
    condition: Condition
    agent: Agent
    seed: int
    env: str
    env_kwargs: Mapping[str, Any]
    arguments: Mapping[str, Any]
    concurrency: int

    @property
    def indices(self) -> range:
        """Indices of the cell's episodes in the run."""
        return range(self.number * self.episodes, (self.number + 1) * self.episodes)

    @property
    def title(self) -> str:
        """Agent, guard, attack and seed."""
        guard = "" if self.condition.guard == UNGUARDED else f" / {self.condition.guard}"
        return f"{self.condition.agent}{guard} / {self.condition.label}, seed {self.seed}"

    def prepare(self, store: Store) -> None:
        """Do nothing: the agent is ready."""

    def make_env(self) -> gym.Env[Any, Any]:
        """Make the environment of the condition."""
        env, condition = make_env(self.env, self.env_kwargs), self.condition
        if condition.is_clean:
            return env
        return attack_language(
            env, condition.attack, surface=condition.surface, ratio=condition.ratio, **self.arguments
        )

    def play(self, indices: Sequence[int], store: Store, sink: Sink) -> None:
        """Play episodes concurrently, so that a language model gets the requests of all live ones as one batch."""
        seeds, first = episode_seeds(self.seed), self.indices[0]
        jobs = [Job(index, seeds[index - first]) for index in indices]

        def add(record: EpisodeRecord) -> None:
            record.info = {**record.info, "condition": {**self.condition.to_dict(), "repetition": self.seed}}
            sink(record)

        run_episodes(self.make_env, None, self.agent, iter(jobs), self.concurrency, add, lambda facts: None)
