"""Group-relative policy optimisation (GRPO) on text environments, with several turns and credit for each.

TRL's ``GRPOTrainer`` has the loss, the clipping and the optimiser; this module gives it batches: the
rollouts of :mod:`~quintain.training.language.rollouts`, whose tokens are those that our engine sampled, with the
advantages of :mod:`~quintain.training.language.advantages` for each token and with what the environment wrote masked.

Variants are settings: GRPO (Shao et al. 2024, arXiv 2402.03300) is the default; Dr. GRPO (arXiv 2503.20783) has
``loss_type="dr_grpo"`` and ``scale="none"``; DAPO (arXiv 2503.14476) has ``loss_type="dapo"``, ``epsilon_high=0.28``
and ``dynamic_sampling``; RLOO (arXiv 2402.14740) has ``baseline="leave-one-out"`` and ``scale="none"``; REINFORCE has
``baseline="batch"``, ``scale="none"`` and ``beta``, the weight of the divergence from the start; PPO has
``baseline="critic"``, ``credit="turn"`` and ``scale="batch"``.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from quintain.engines.engine import Engine
from quintain.errors import ConfigurationError, require
from quintain.registry import load_attribute
from quintain.seeding import SeedStream
from quintain.training.folder import TrainingRun
from quintain.training.language.critic_settings import CriticSettings
from quintain.training.language.grpo_settings import GRPOSettings
from quintain.training.language.measure import EvaluationPlan, measure
from quintain.training.language.policy import (
    as_policy,
    at_temperature,
    check_precision,
    with_adapters,
    with_engine,
    without_dropout,
)
from quintain.training.language.trl_trainer import (
    HeldModel,
    Processes,
    common_arguments,
    log_into,
    quiet,
    save_model,
    train,
)
from quintain.training.sources import Matches, Problems, Worlds
from quintain.training.trained import Trained

__all__ = ["GRPOSettings", "train_grpo", "train_on_rollouts"]


def train_grpo(
    policy: Any,
    source: Worlds | Problems | Matches,
    settings: GRPOSettings | None = None,
    *,
    seed: int = 0,
    out: str | Path | None = None,
    resume: bool = False,
    progress: bool | None = None,
    evaluation: Worlds | None = None,
    sampler: Engine | None = None,
    on_log: Callable[[Mapping[str, Any]], None] | None = None,
) -> Trained:
    """Train a language model by reinforcement learning on the episodes that it plays.

    The engine's model is changed in place; it is trained without dropout. An episode that an infrastructure failure
    ended is in no baseline and has no gradient. Equal seeds and settings give equal weights, and so does a training
    that was killed and resumed, on the same machine and number of threads and processes. Several processes, which
    ``accelerate launch`` or ``torchrun`` started, share the groups of each iteration; the first one writes.

    Args:
        policy: An engine that can train, such as ``make_engine("transformers", model=...)``, or a chat agent with one,
            which is trained and returned with the temperature of the settings and the whole distribution (top_p 1).
        source: The environment, problems of it in a given order, or matches of a game against opponents or itself.
        settings: Settings; ``None`` for the defaults.
        seed: Root seed of environments, replies and minibatches. Default: 0.
        out: Run folder: manifest, metrics, episodes with tokens, checkpoints, and the trained ``model``. ``None``
            writes nothing.
        resume: Continue the training in ``out``. Default: false.
        progress: Show a progress bar; ``None`` shows it where there is a terminal.
        evaluation: Where the policy is measured every ``eval_every`` iterations, before the first and after the last:
            accuracy of sampled replies and of greedy ones, and pass@k. Default: nowhere.
        sampler: Engine that plays for the model, such as ``make_engine("vllm", model=...)`` with the same model; its
            weights are replaced before each iteration. Rollouts of vLLM differ from run to run, so such a training is
            not repeated to the bit. Default: the policy's own engine.
        on_log: Called with the metrics of each iteration.

    Returns:
        The trained policy; its curve has one row per iteration.

    Raises:
        ConfigurationError: If the settings contradict each other, or policy and source do not fit together.
        CapabilityError: If the engine gives no access to weights and tokens, or the sampler cannot take weights.
        MissingDependencyError: Without the extra ``train``.
        RecordError: If the folder cannot be written, or holds another run.
    """
    return train_on_rollouts(
        "grpo", policy, source, settings or GRPOSettings(), seed=seed, out=out, resume=resume, progress=progress,
        evaluation=evaluation, sampler=sampler, on_log=on_log,
    )  # fmt: skip


def train_on_rollouts(
    method: str,
    policy: Any,
    source: Worlds | Problems | Matches,
    settings: GRPOSettings,
    *,
    seed: int,
    out: str | Path | None,
    resume: bool,
    progress: bool | None,
    evaluation: Worlds | None,
    sampler: Engine | None,
    on_log: Callable[[Mapping[str, Any]], None] | None,
    trainer_class: str = "quintain.training.language.grpo_trainer:RolloutTrainer",
    metrics: tuple[str, ...] = (),
) -> Trained:
    """Train by a method of the family of GRPO; the other arguments are those of :func:`train_grpo`.

    Args:
        method: Name of the trainer, for the run and its seeds.
        policy: The engine or agent that is trained.
        source: What is played.
        settings: Settings of the method.
        seed: Root seed.
        out: Run folder, or ``None``.
        resume: Whether the training in ``out`` is continued.
        progress: Whether a progress bar is shown.
        evaluation: Where the policy is measured, or ``None``.
        sampler: Engine that plays for the model, or ``None``.
        on_log: Called with the metrics of each iteration.
        trainer_class: ``"module:class"`` of the trainer, a
            :class:`~quintain.training.language.grpo_trainer.RolloutTrainer`. Default: that of GRPO.
        metrics: Metrics of the environment that are measured beside the accuracy. Default: none.
    """
    require("trl", "train", f"training with {method}")
    agent = at_temperature(as_policy(policy, settings.max_completion_length), settings.temperature)
    check_precision(agent.engine, settings.lora is not None)
    playing = None if sampler is None else with_engine(agent, sampler)
    if (evaluation is not None) != (settings.eval_every > 0):
        raise ConfigurationError(
            "an evaluation takes both where (evaluation=, --eval-arg) and how often (the setting eval_every, >= 1)"
        )
    plan = EvaluationPlan(evaluation, settings.eval_every, settings.eval_episodes, settings.pass_k, metrics)
    seeds = SeedStream(seed, method)
    from quintain.training.language.critic import Critic  # imports torch
    from quintain.training.language.grpo_trainer import Setup, check_processes  # imports TRL

    processes = Processes.here()
    check_processes(settings, processes.number)
    with TrainingRun(
        method, env=source.env, env_kwargs=source.env_kwargs, policy=agent, seed=seed,
        settings=dataclasses.asdict(settings) | source.describe(), steps=settings.iterations, out=out, resume=resume,
        progress=progress, on_log=on_log, writes=processes.first,
    ) as run:  # fmt: skip
        held = HeldModel(agent.engine)
        with ExitStack() as stack:
            model = stack.enter_context(held.training())
            critic = None
            if settings.baseline == "critic":
                critic = Critic(model, settings.critic or CriticSettings())
            trained = stack.enter_context(with_adapters(model, settings.lora, seeds.child("adapters").seed))
            stack.enter_context(without_dropout(trained))
            setup = Setup(agent, source, settings, seeds, run, held, plan, critic, playing, processes)
            arguments = common_arguments(
                settings.optimizer, seed=seed, folder=run.checkpoints,
                save_steps=(settings.save_every if out is not None else 0) * settings.optimizer_steps, model=model,
                report_to=settings.report_to,
            )  # fmt: skip
            with quiet():
                trainer = load_attribute(trainer_class)(trained, setup, arguments)
            log_into(trainer, run, settings.optimizer_steps, trainer.row_of)
            train(trainer, run, settings.optimizer_steps, resume)
        return _finished(method, agent, settings, run, plan, seeds, seed, out)


def _finished(
    method: str,
    agent: Any,
    settings: GRPOSettings,
    run: TrainingRun,
    plan: EvaluationPlan,
    seeds: SeedStream,
    seed: int,
    out: str | Path | None,
) -> Trained:
    """Measure and write the trained policy."""
    first = Processes.here().first
    run.drop_evaluation(settings.iterations)  # of a training that was killed after it
    final = measure(agent, plan, seeds.child("evaluation")) if plan.wanted and first else {}
    if final:
        run.log({"step": settings.iterations, **final})
    if out is not None and first:
        engine: Any = agent.engine
        save_model(engine.model, engine.tokenizer, Path(out) / "model")
    facts = {"method": method, "seed": seed, "iterations": settings.iterations, **final}
    return Trained(agent, facts, tuple(run.curve))
