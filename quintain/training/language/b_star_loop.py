"""The loop of self-training: sample, select, imitate; with a checkpoint after each iteration."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from quintain.records import EpisodeRecord
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
from quintain.training.language.phased_training import PhasedTraining
from quintain.training.language.phases import Phases
from quintain.training.language.policy import at_temperature
from quintain.training.language.rollouts import Rollout, play_rollouts
from quintain.training.sources import Problems

__all__ = ["SelfTraining"]

#: Samples of the search for a configuration are numbered from here on, so that they have random seeds of their own.
_MONITORED = 10**9


@dataclass
class SelfTraining:
    """One training.

    Attributes:
        training: The training that goes on.
        step_scores: Scores the steps of an answer, or ``None``.
    """

    training: PhasedTraining
    step_scores: Callable[[EpisodeRecord], Sequence[float]] | None

    def __post_init__(self) -> None:
        """Fix the queries."""
        on, settings = self.training, self.training.settings
        self.settings: BStarSettings = settings
        engine: Any = on.agent.engine
        self.phases = Phases(
            on.model, engine.tokenizer, settings, settings.continuation, settings.iterations, on.seeds, on.run,
            on.run.checkpoints,
        )  # fmt: skip
        problems = on.seeds.child("problems")
        draws = tuple(on.source.draw(problems, number) for number in range(settings.num_queries))
        self.queries = Problems(on.worlds, draws)
        self.monitored = Problems(on.worlds, draws[: settings.monitored_queries])

    def run(self) -> None:
        """Train, from the last finished iteration on."""
        done, steps = self.training.run.restore()
        self.phases.load(steps or 0)
        for iteration in range(done, self.settings.iterations):
            self._iterate(iteration)
            self.training.run.save(iteration + 1, self.phases.steps)

    def _iterate(self, iteration: int) -> None:
        """Do one iteration."""
        self.training.model.eval()
        self.training.evaluate(iteration)
        with self.training.held.playing():
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
            self.training.run.log({**row, "step": iteration + 1})
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
            at_temperature(self.training.agent, temperature),
            groups=range(first, first + len(queries.draws)),
            group_size=self.settings.num_generations,
            seeds=self.training.seeds.child("problems"),
            concurrency=self.settings.concurrency,
            sink=self.training.run.add_episode if record else None,
        )
        raise_if_all_failed([rollout.record for rollout in rollouts])
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
        rows = [
            {
                **dataclasses.asdict(sample), "temperature": temperature, "episode": rollout.record.index,
                "kept": (sample.query, sample.number) in kept,
            }
            for sample, rollout in table
        ]  # fmt: skip
        self.training.write_samples(f"iteration-{iteration + 1}", rows)


def _facts(chosen: Configuration) -> dict[str, float]:
    return {name: float(value) for name, value in dataclasses.asdict(chosen).items()}
