"""The loop of self-training: sample, select, imitate; with a checkpoint after each iteration."""

from __future__ import annotations

import copy
import dataclasses
import json
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import datasets
from trl import SFTConfig, SFTTrainer  # type: ignore[attr-defined]  # lazily exported

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
from quintain.training.language.policy import at_temperature
from quintain.training.language.rollouts import Rollout, play_rollouts
from quintain.training.language.sequences import NOT_WRITTEN, TokenSequence
from quintain.training.language.trl_trainer import HeldModel, common_arguments, fit, log_into, quiet
from quintain.training.sources import Problems, Worlds

__all__ = ["SelfTraining"]

#: File with the number of optimiser steps after each iteration, which is written last.
_DONE = "iterations.json"
#: Samples of the search for a configuration are numbered from here on, so that they have random seeds of their own.
_MONITORED = 10**9
_NOTHING = TokenSequence((0, 0), (NOT_WRITTEN, 0), (0.0, 0.0))


class PhaseTrainer(SFTTrainer):
    """TRL's ``SFTTrainer`` for one iteration, which goes on with the checkpoint of the last one as far as wanted.

    Args:
        loop: The loop; its start weights are those of the start policy.
        sequences: What is imitated.
        until: Optimiser steps of all iterations up to this one.
    """

    def __init__(self, loop: SelfTraining, sequences: Sequence[TokenSequence], until: int) -> None:
        self._loop, settings = loop, loop.settings
        labels = [
            [token if turn != NOT_WRITTEN else -100 for token, turn in zip(s.token_ids, s.turns, strict=True)]
            for s in sequences
        ]
        arguments = common_arguments(
            settings.optimizer, seed=loop.seeds.child("order")[until], folder=loop.run_folder.checkpoints,
            save_steps=settings.steps, model=loop.model, report_to=settings.report_to,
        )  # fmt: skip
        config = SFTConfig(
            **arguments,
            max_steps=until,
            per_device_train_batch_size=settings.batch_size,
            logging_steps=settings.steps,
            max_length=None,
            dataset_kwargs={"skip_prepare_dataset": True},
            remove_unused_columns=False,
        )
        rows = {"input_ids": [list(s.token_ids) for s in sequences], "labels": labels}
        super().__init__(
            model=loop.model, processing_class=loop.tokenizer, train_dataset=datasets.Dataset.from_dict(rows),
            args=config,
        )  # fmt: skip

    def create_scheduler(self, num_training_steps: int, optimizer: Any = None) -> Any:
        """Make the schedule of all iterations, or of one where it begins anew in each."""
        settings = self._loop.settings
        number = settings.steps * (settings.iterations if settings.continuation == "online" else 1)
        return super().create_scheduler(number, optimizer)

    def _load_from_checkpoint(self, checkpoint: str, model: Any = None) -> None:
        if self._loop.settings.continuation == "start":
            self._loop.model.load_state_dict(self._loop.start)
        else:
            super()._load_from_checkpoint(checkpoint, model)

    def load_weights(self, checkpoint: Path) -> None:
        """Load the weights of a checkpoint, to play with them."""
        super()._load_from_checkpoint(str(checkpoint), None)

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        if self._loop.settings.continuation == "online":
            super()._load_optimizer_and_scheduler(checkpoint)


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
        """Keep the start weights, where each iteration begins with them, and fix the queries."""
        engine: Any = self.agent.engine
        self.tokenizer = engine.tokenizer
        anew = self.settings.continuation == "start"
        self.start: Mapping[str, Any] = copy.deepcopy(self.model.state_dict()) if anew else {}
        problems = self.seeds.child("problems")
        draws = tuple(self.source.draw(problems, number) for number in range(self.settings.num_queries))
        worlds = self.source.worlds if isinstance(self.source, Problems) else self.source
        self.queries = Problems(worlds, draws)
        self.monitored = Problems(worlds, draws[: self.settings.monitored_queries])

    def run(self, resume: bool) -> None:
        """Train, from the last finished iteration on."""
        done = self._done() if resume else []
        self.run_folder.go_back(len(done))
        if done and done[-1]:
            with quiet():
                PhaseTrainer(self, [_NOTHING], done[-1]).load_weights(self._checkpoint(done[-1]))
        for iteration in range(len(done), self.settings.iterations):
            done.append(self._iterate(iteration, done[-1] if done else 0))
            self.run_folder.checkpoints.mkdir(parents=True, exist_ok=True)
            write_atomically(self.run_folder.checkpoints / _DONE, json.dumps(done))

    def _iterate(self, iteration: int, steps: int) -> int:
        """Do one iteration after ``steps`` optimiser steps, and return how many there were then."""
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
            return steps
        imitated = [q for sample, r in table if (sample.query, sample.number) in kept for q in r.sequences]
        until = steps + self.settings.steps
        with quiet():
            trainer = PhaseTrainer(self, imitated, until)
        log_into(trainer, self.run_folder, self.settings.steps, lambda step: {**row, "step": iteration + 1})
        fit(trainer, self.run_folder, self._checkpoint(steps) if steps else None)
        return until

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

    def _done(self) -> list[int]:
        """Return the number of optimiser steps after each finished iteration."""
        path = self.run_folder.checkpoints / _DONE
        return list(json.loads(path.read_text())) if path.exists() else []

    def _checkpoint(self, steps: int) -> Path:
        return self.run_folder.checkpoints / f"checkpoint-{steps}"


def _facts(chosen: Configuration) -> dict[str, float]:
    return {name: float(value) for name, value in dataclasses.asdict(chosen).items()}
