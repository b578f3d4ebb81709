"""What trainers share that fit a model in phases: run folder, lock of the model, evaluations, samples, the result."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from quintain.agents.language.chat import ChatAgent
from quintain.errors import ConfigurationError, require
from quintain.files import write_atomically
from quintain.seeding import SeedStream
from quintain.training.folder import TrainingRun
from quintain.training.language.asking import read_questions
from quintain.training.language.measure import EvaluationPlan, evaluation_draws, measure
from quintain.training.language.phase_settings import PhaseSettings
from quintain.training.language.policy import as_policy, check_precision, with_adapters
from quintain.training.language.trl_trainer import HeldModel, Processes, save_model
from quintain.training.sources import Matches, Problems, Worlds
from quintain.training.trained import Trained

__all__ = ["PhasedTraining", "train_in_phases"]


@dataclass(frozen=True)
class PhasedTraining:
    """A training that goes on.

    Attributes:
        model: The model, perhaps with adapters.
        agent: The agent that plays with it.
        source: The environment, its problems, or matches of a game.
        settings: Settings of the method.
        seeds: Seed stream of the training.
        run: The run that records it.
        held: The lock of the engine's model.
        plan: Where the policy is measured.
        out: The run folder, or ``None``.
    """

    model: Any
    agent: ChatAgent
    source: Worlds | Problems | Matches
    settings: Any
    seeds: SeedStream
    run: TrainingRun
    held: HeldModel
    plan: EvaluationPlan
    out: Path | None

    @property
    def worlds(self) -> Worlds:
        """The environment, where the training has one of a single seat."""
        assert not isinstance(self.source, Matches)
        return self.source.worlds if isinstance(self.source, Problems) else self.source

    def evaluation_questions(self) -> list[str]:
        """Return the first observation of each episode in which the policy is measured.

        Raises:
            ConfigurationError: If an observation is no text.
        """
        draws = evaluation_draws(self.plan, self.seeds.child("evaluation"))
        return read_questions(self.plan.worlds, draws) if self.plan.worlds is not None else []

    def evaluate(self, phase: int) -> None:
        """Measure the policy before a phase, where that is due, and log it."""
        if self.plan.due(phase):
            self.run.drop_evaluation(phase)  # of a training that was killed after it
            with self.held.playing():
                found = measure(self.agent, self.plan, self.seeds.child("evaluation"))
            self.run.log({"step": phase, **found})

    def write_samples(self, name: str, rows: Iterable[Mapping[str, Any]]) -> None:
        """Write what the model made in a phase, one JSON object a line, into ``samples`` of the run folder."""
        if self.out is not None:
            folder = self.out / "samples"
            folder.mkdir(parents=True, exist_ok=True)
            write_atomically(folder / f"{name}.jsonl", "".join(json.dumps(row) + "\n" for row in rows))


def train_in_phases(
    method: str,
    policy: Any,
    source: Worlds | Problems | Matches,
    settings: PhaseSettings,
    loop: Callable[[PhasedTraining], None],
    *,
    phases: int,
    described: Mapping[str, Any] | None = None,
    seed: int,
    out: str | Path | None,
    resume: bool,
    progress: bool | None,
    evaluation: Worlds | None,
    on_log: Callable[[Mapping[str, Any]], None] | None,
) -> Trained:
    """Train a model by a loop of phases; see the trainers for arguments and errors.

    Args:
        method: Name of the trainer.
        policy: What is trained.
        source: What it learns from.
        settings: Settings of the method.
        loop: Does the phases that are not done yet.
        phases: Number of phases, and of logged steps.
        described: JSON-able facts beside the settings on which the training depends. Default: none.
        seed: Root seed.
        out: Run folder, or ``None``.
        resume: Continue the training in ``out``.
        progress: Show a progress bar.
        evaluation: Where the policy is measured, or ``None``.
        on_log: Called with each row of metrics.
    """
    require("trl", "train", "self-training")
    agent = as_policy(policy, settings.max_completion_length)
    check_precision(agent.engine, settings.lora is not None)
    if (evaluation is not None) != (settings.eval_every > 0):
        raise ConfigurationError("an evaluation takes both where (evaluation=) and how often (the setting eval_every)")
    if Processes.here().number > 1:
        raise ConfigurationError("self-training is done by one process: start one")
    plan = EvaluationPlan(evaluation, settings.eval_every, settings.eval_episodes, settings.pass_k)
    seeds = SeedStream(seed, method)
    folder = None if out is None else Path(out)
    with TrainingRun(
        method, env=source.env, env_kwargs=source.env_kwargs, policy=agent, seed=seed,
        settings=dataclasses.asdict(settings) | source.describe() | dict(described or {}), steps=phases, out=out,
        resume=resume, progress=progress, on_log=on_log,
    ) as run:  # fmt: skip
        held = HeldModel(agent.engine)
        with (
            held.training() as model,
            with_adapters(model, settings.lora, seeds.child("adapters").seed) as trained,
        ):
            loop(PhasedTraining(trained, agent, source, settings, seeds, run, held, plan, folder))
        final = measure(agent, plan, seeds.child("evaluation")) if plan.wanted else {}
        if final:
            run.drop_evaluation(phases)  # of a training that was killed after it
            run.log({"step": phases, **final})
        if folder is not None:
            engine: Any = agent.engine
            save_model(engine.model, engine.tokenizer, folder / "model")
        facts = {"method": method, "seed": seed, "iterations": phases, **final}
        return Trained(agent, facts, tuple(run.curve))
