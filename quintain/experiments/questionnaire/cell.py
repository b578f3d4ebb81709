"""One cell of the experiment: all items of an instrument under one condition."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from quintain.agents.agent import Agent
from quintain.envs.making import make_env
from quintain.evaluation.job import Job
from quintain.evaluation.rollout import run_episodes
from quintain.experiments.experiment import Sink
from quintain.experiments.questionnaire.condition import Condition
from quintain.experiments.store import Store
from quintain.records import EpisodeRecord
from quintain.seeding import episode_seeds

__all__ = ["ENV", "QuestionnaireCell"]

#: The environment of all cells.
ENV = "Questionnaire-v0"


@dataclass(frozen=True, slots=True)
class QuestionnaireCell:
    """All items of an instrument under one condition.

    Attributes:
        indices: Indices of the cell's episodes in the run, one for each item.
        condition: The condition.
        agent: The respondent.
        env_kwargs: Arguments of the environment.
        seed: Root seed of the run.
        concurrency: Maximum number of episodes at once, >= 1.
    """

    indices: range
    condition: Condition
    agent: Agent
    env_kwargs: Mapping[str, Any]
    seed: int
    concurrency: int

    @property
    def title(self) -> str:
        """Model, instrument, template and order."""
        one = self.condition
        order = "".join(map(str, one.order))
        return " / ".join(filter(None, (one.model, one.readout, one.instrument, one.template, order, one.persona)))

    def prepare(self, store: Store) -> None:
        """Do nothing: the respondent is ready."""

    def play(self, indices: Sequence[int], store: Store, sink: Sink) -> None:
        """Pose items concurrently, so that the model gets the requests of all live ones as one batch."""
        seeds, first = episode_seeds(self.seed), self.indices[0]
        jobs = [Job(index, seeds[index], item=index - first) for index in indices]

        def add(record: EpisodeRecord) -> None:
            record.info = {**record.info, "condition": self.condition.to_dict()}
            sink(record)

        env_kwargs = dict(self.env_kwargs)
        run_episodes(
            lambda: make_env(ENV, env_kwargs), None, self.agent, iter(jobs), self.concurrency, add, lambda facts: None
        )
