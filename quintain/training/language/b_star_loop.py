"""The loop of self-training: sample, select, imitate; with a checkpoint after each iteration."""

from __future__ import annotations

import dataclasses
import json
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from quintain.agents.language.chat import ChatAgent
from quintain.files import write_atomically
from quintain.records import EpisodeRecord
from quintain.seeding import SeedStream
from quintain.training.folder import TrainingRun
from quintain.training.language.b_star_selection import (
    Configuration,
    Sample,
    best_configuration,
    diversity,
    pass_at,
    reward_at,
    sample_reward,
    select_samples,
)
from quintain.training.language.b_star_settings import BStarSettings
from quintain.training.language.grpo_trainer import raise_if_all_failed
from quintain.training.language.measure import EvaluationPlan, measure
from quintain.training.language.phases import Phases
from quintain.training.language.policy import at_temperature
from quintain.training.language.rollouts import Rollout, play_rollouts
from quintain.training.language.trl_trainer import HeldModel
from quintain.training.sources import Problems, Worlds

__all__ = ["SelfTraining"]

#: Samples of the search for a configuration are numbered from here on, so that they have random seeds of their own.
_MONITORED = 10**9


@dataclass
class SelfTraining:
    """One training.

    Attributes:
        model: The model, perhaps with adapters.
        agent: The agent that plays with it.
        source: The environment, or its problems.
        settings: Settings of the method.
        seeds: Seed stream of the training.
        run_folder: The run that records it.
        held: The lock of the engine's model.
        evaluation: Where the policy is measured.
        step_scores: Scores the steps of an answer, or ``None``.
        samples: Folder of the samples, or ``None``.
    """

    model: Any
    agent: ChatAgent
    source: Worlds | Problems
    settings: BStarSettings
    seeds: SeedStream
    run_folder: TrainingRun
    held: HeldModel
    evaluation: EvaluationPlan
    step_scores: Callable[[EpisodeRecord], Sequence[float]] | None
    samples: Path | None

    def __post_init__(self) -> None:
        """Fix the queries."""
        engine: Any = self.agent.engine
        self.phases = Phases(
            self.model, engine.tokenizer, self.settings, self.settings.continuation, self.settings.iterations,
            self.seeds, self.run_folder, self.run_folder.checkpoints,
        )  # fmt: skip
        problems = self.seeds.child("problems")
        draws = tuple(self.source.draw(problems, number) for number in range(self.settings.num_queries))
        worlds = self.source.worlds if isinstance(self.source, Problems) else self.source
        self.queries = Problems(worlds, draws)
        self.monitored = Problems(worlds, draws[: self.settings.monitored_queries])

    def run(self) -> None:
        """Train, from the last finished iteration on."""
        done, steps = self.run_folder.restore()
        self.phases.load(steps or 0)
        for iteration in range(done, self.settings.iterations):
            self._iterate(iteration)
            self.run_folder.save(iteration + 1, self.phases.steps)

    def _iterate(self, iteration: int) -> None:
        """Do one iteration."""
        self.model.eval()
        if self.evaluation.due(iteration):
            self.run_folder.drop_evaluation(iteration)  # of a training that was killed after it
            with self.held.playing():
                found = measure(self.agent, self.evaluation, self.seeds.child("evaluation"))
            self.run_folder.log({"step": iteration, **found})
        with self.held.playing():
            temperature = self._temperature(iteration)
            rollouts = self._play(self.queries, temperature, iteration * self.settings.num_queries)
        table = self._table(rollouts, self.settings.num_queries)
        chosen = self._best({temperature: [sample for sample, _ in table]}, self.settings.wanted)
        selected = select_samples((s for s, _ in table), chosen.threshold, chosen.cap)
        kept = {(s.query, s.number) for s in selected}
        row = {"step": float(iteration + 1), **_facts(chosen), **self._metrics([s for s, _ in table], selected)}
        self._write(iteration, temperature, table, kept)
        if not kept:
            warnings.warn(
                f"iteration {iteration} keeps none of {len(table)} samples, so nothing is learned in it; choose "
                "problems that the policy solves sometimes, or a lower threshold",
                stacklevel=2,
            )
            self.run_folder.log({**row, "step": iteration + 1})
            return
        imitated = [q for sample, r in table if (sample.query, sample.number) in kept for q in r.sequences]
        self.phases.fit(imitated, {**row, "step": iteration + 1})

    def _temperature(self, iteration: int) -> float:
        """Return the temperature of the highest balance score on the monitored queries."""
        grid, number = self.settings.temperatures, self.settings.monitored_queries
        if len(grid) == 1:
            return grid[0]
        tables: dict[float, list[Sample]] = {}
        for k, temperature in enumerate(grid):
            first = _MONITORED // number * number + (iteration * len(grid) + k) * number
            table = self._table(self._play(self.monitored, temperature, first, record=False), number)
            tables[temperature] = [sample for sample, _ in table]
        wanted = max(1, self.settings.wanted * number // self.settings.num_queries)
        return self._best(tables, wanted).temperature

    def _best(self, tables: Mapping[float, Sequence[Sample]], size: int) -> Configuration:
        settings = self.settings
        return best_configuration(
            tables, settings.thresholds, size=size, target=settings.target, maximum=settings.max_cap,
            count_unanswered=settings.count_unanswered,
        )  # fmt: skip

    def _play(self, queries: Problems, temperature: float, first: int, record: bool = True) -> list[Rollout]:
        """Answer each query several times; ``first`` is the number of the first group."""
        rollouts = play_rollouts(
            queries,
            at_temperature(self.agent, temperature),
            groups=range(first, first + len(queries.draws)),
            group_size=self.settings.num_generations,
            seeds=self.seeds.child("problems"),
            concurrency=self.settings.concurrency,
            sink=self.run_folder.add_episode if record else None,
        )
        raise_if_all_failed(rollouts)
        return [rollout for rollout in rollouts if rollout.valid and rollout.sequences]

    def _table(self, rollouts: Sequence[Rollout], queries: int) -> list[tuple[Sample, Rollout]]:
        """Return the sample that each rollout is."""
        found = []
        for rollout in rollouts:
            scores = self.step_scores(rollout.record) if self.step_scores is not None else ()
            right = rollout.record.outcome == "success"
            reward = sample_reward(right, scores, self.settings.process_weight)
            text = "\n".join(str(step["action"]) for step in rollout.record.steps)
            number = rollout.record.index % self.settings.num_generations
            found.append((Sample(rollout.group % queries, text, right, reward, number), rollout))
        return found

    def _metrics(self, samples: Sequence[Sample], selected: Sequence[Sample]) -> dict[str, float]:
        """Return the metrics of exploration and exploitation; diversity is that of the selected samples."""
        k, s = self.settings.num_generations, self.settings.distinct
        return {
            "success": sum(sample.right for sample in samples) / max(1, len(samples)),
            f"pass@{k}": pass_at(samples),
            f"pass@{k}-{s}": pass_at(samples, s),
            f"reward@{k}-{s}": reward_at(samples, s),
            "diversity": diversity(selected),
        }

    def _write(
        self, iteration: int, temperature: float, table: Sequence[tuple[Sample, Rollout]], kept: set[tuple[int, int]]
    ) -> None:
        """Write the samples of an iteration, one a line."""
        if self.samples is None:
            return
        self.samples.mkdir(parents=True, exist_ok=True)
        lines = [
            json.dumps(
                {
                    **dataclasses.asdict(sample), "temperature": temperature, "episode": rollout.record.index,
                    "kept": (sample.query, sample.number) in kept,
                }
            )
            for sample, rollout in table
        ]  # fmt: skip
        write_atomically(self.samples / f"iteration-{iteration + 1}.jsonl", "".join(line + "\n" for line in lines))


def _facts(chosen: Configuration) -> dict[str, float]:
    return {name: float(value) for name, value in dataclasses.asdict(chosen).items()}
