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

__all__ = ["GRPOSettings", "train_grpo"]


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
    settings = settings or GRPOSettings()
    require("trl", "train", "training with GRPO")
    agent = at_temperature(as_policy(policy, settings.max_completion_length), settings.temperature)
    check_precision(agent.engine, settings.lora is not None)
    playing = None if sampler is None else with_engine(agent, sampler)
    if (evaluation is not None) != (settings.eval_every > 0):
        raise ConfigurationError(
            "an evaluation takes both where (evaluation=, --eval-arg) and how often (the setting eval_every, >= 1)"
        )
    plan = EvaluationPlan(evaluation, settings.eval_every, settings.eval_episodes, settings.pass_k)
    seeds = SeedStream(seed, "grpo")
    from quintain.training.language.critic import Critic  # imports torch
    from quintain.training.language.grpo_trainer import RolloutTrainer, Setup, check_processes  # imports TRL

    processes = Processes.here()
    check_processes(settings, processes.number)
    with TrainingRun(
        "grpo", env=source.env, env_kwargs=source.env_kwargs, policy=agent, seed=seed,
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
                trainer = RolloutTrainer(trained, setup, arguments)
            log_into(trainer, run, settings.optimizer_steps, trainer.row_of)
            train(trainer, run, settings.optimizer_steps, resume)
        run.drop_evaluation(settings.iterations)  # of a training that was killed after it
        final = measure(agent, plan, seeds.child("evaluation")) if plan.wanted and processes.first else {}
        if final:
            run.log({"step": settings.iterations, **final})
        if out is not None and processes.first:
            engine: Any = agent.engine
            save_model(engine.model, engine.tokenizer, Path(out) / "model")
        facts = {"method": "grpo", "seed": seed, "iterations": settings.iterations, **final}
        return Trained(agent, facts, tuple(run.curve))
