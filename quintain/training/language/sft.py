"""Supervised fine-tuning (SFT) on recorded episodes: the policy learns to act as the recorded agent did.

The episodes may come from any agent: a larger model behind a server, a script that writes worked examples, or the
policy itself. Only its actions are trained on; what the environment wrote is context. With the default of
:class:`~quintain.training.sources.Records`, successful episodes alone are learned from (rejection sampling).
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from quintain.agents.language.chat import ChatAgent
from quintain.agents.language.conversation import TOKENS_PER_CHARACTER
from quintain.arguments import check_number
from quintain.engines.engine import Request
from quintain.errors import ConfigurationError, require
from quintain.messages import Message, assistant, system, user
from quintain.records import EpisodeRecord
from quintain.seeding import SeedStream
from quintain.training.folder import TrainingRun
from quintain.training.language.policy import as_policy, check_precision, with_adapters
from quintain.training.language.sequences import NOT_WRITTEN, Call, TokenSequence, join_calls
from quintain.training.language.settings import LoraSettings, OptimizerSettings
from quintain.training.language.trl_trainer import (
    HeldModel,
    Processes,
    common_arguments,
    log_into,
    quiet,
    save_model,
    train,
)
from quintain.training.sources import Records
from quintain.training.trained import Trained

__all__ = ["SFTSettings", "imitated_sequences", "train_sft"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SFTSettings:
    """Settings of supervised fine-tuning; names as in TRL.

    Attributes:
        num_train_epochs: Passes over the episodes, > 0. Default: 3.
        batch_size: Token sequences per optimiser step, >= 1. Small models learn most per second from batches of about
            1,000 tokens. Default: 16.
        log_every: Optimiser steps between rows of metrics, >= 1. Default: 10.
        save_every: Optimiser steps between checkpoints, >= 0; 0 for none. Default: 500.
        last_turn_only: Whether only the last action of an episode is learned, with the others as context.
            Default: false.
        report_to: Loggers of transformers, such as ``("tensorboard",)``, which must be installed. Default: none.
        optimizer: Optimiser and schedule. Default: a step size of 2e-5, as in TRL.
        lora: Train low-rank adapters instead of all weights; they are merged at the end. Default: all weights.

    Raises:
        ConfigurationError: If a number is out of range.
    """

    num_train_epochs: float = 3.0
    batch_size: int = 16
    log_every: int = 10
    save_every: int = 500
    last_turn_only: bool = False
    report_to: tuple[str, ...] = ()
    optimizer: OptimizerSettings = field(default_factory=lambda: OptimizerSettings(learning_rate=2e-5))
    lora: LoraSettings | None = None

    def __post_init__(self) -> None:
        """Check the settings."""
        check_number("num_train_epochs", self.num_train_epochs, above=0)
        check_number("batch_size", self.batch_size, low=1, integer=True)
        check_number("log_every", self.log_every, low=1, integer=True)
        check_number("save_every", self.save_every, low=0, integer=True)


def train_sft(
    policy: Any,
    source: Records | Sequence[EpisodeRecord],
    settings: SFTSettings | None = None,
    *,
    seed: int = 0,
    out: str | Path | None = None,
    resume: bool = False,
    progress: bool | None = None,
    on_log: Callable[[Mapping[str, Any]], None] | None = None,
) -> Trained:
    """Train a language model to act as in recorded episodes.

    The engine's model is changed in place. Each action is tokenised as a reply to the observations before it, in the
    policy's own chat template, after its own system prompt and with its own limits on the history. Episodes that do not
    fit the context window are left out, and counted in the facts.

    Args:
        policy: An engine that can train, or a chat agent with one.
        source: Recorded episodes; of a sequence, all are taken.
        settings: Settings; ``None`` for the defaults.
        seed: Root seed of the order of the episodes. Default: 0.
        out: Run folder: manifest, metrics, checkpoints, and the trained ``model``. ``None`` writes nothing.
        resume: Continue the training in ``out``. Default: false.
        progress: Show a progress bar; ``None`` shows it where there is a terminal.
        on_log: Called with each row of metrics.

    Returns:
        The trained policy; its curve has ``loss`` (mean negative log-likelihood of a token that is trained on, natural
        logarithm) and ``mean_token_accuracy``.

    Raises:
        ConfigurationError: If there is no episode to learn from, or policy and source do not fit together.
        CapabilityError: If the engine gives no access to weights and tokens.
        MissingDependencyError: Without the extra ``train``.
        RecordError: If a run cannot be read, or the folder cannot be written or holds another run.
    """
    settings = settings or SFTSettings()
    require("trl", "train", "supervised fine-tuning")
    agent = as_policy(policy)
    check_precision(agent.engine, settings.lora is not None)
    records = list(source.episodes() if isinstance(source, Records) else source)
    sequences, too_long = imitated_sequences(agent, records, last_turn_only=settings.last_turn_only)
    if not sequences:
        outcomes = f" with outcome {' or '.join(source.outcomes)}" if isinstance(source, Records) else ""
        raise ConfigurationError(
            f"there is no episode{outcomes} to learn from: {len(records)} were found, of which {too_long} do not fit "
            "the model's context window"
        )
    processes = Processes.here()
    if settings.batch_size % processes.number:
        raise ConfigurationError(
            f"batches of {settings.batch_size} sequences do not divide among {processes.number} processes: change "
            "batch_size"
        )
    described = dataclasses.asdict(settings) | {"episodes": len(records), "tokens": _hash(sequences)}
    steps = max(1, int(-(-len(sequences) // settings.batch_size) * settings.num_train_epochs))
    with TrainingRun(
        "sft", env=None, env_kwargs=None, policy=agent, seed=seed, settings=described, steps=steps, out=out,
        resume=resume, progress=progress, on_log=on_log, writes=processes.first,
    ) as run:  # fmt: skip
        held = HeldModel(agent.engine)
        engine: Any = agent.engine
        with (
            held.training() as model,
            with_adapters(model, settings.lora, SeedStream(seed, "adapters").seed) as trained,
        ):
            arguments = common_arguments(
                settings.optimizer, seed=seed, folder=run.checkpoints,
                save_steps=settings.save_every if out is not None else 0, model=model, report_to=settings.report_to,
            )  # fmt: skip
            with quiet():
                trainer = _trainer(trained, engine.tokenizer, sequences, settings, arguments, steps)
            log_into(trainer, run, 1, lambda step: {})
            train(trainer, run, 1, resume)
        if out is not None and processes.first:
            save_model(engine.model, engine.tokenizer, Path(out) / "model")
        facts = {
            "method": "sft", "seed": seed, "steps": steps, "episodes": len(records), "too_long": too_long,
            "tokens": _count(sequences),
        }  # fmt: skip
        return Trained(agent, facts, tuple(run.curve))


def imitated_sequences(
    agent: ChatAgent, records: Sequence[EpisodeRecord], *, last_turn_only: bool = False
) -> tuple[list[TokenSequence], int]:
    """Return the token sequences of recorded episodes as if the agent had written the actions.

    Args:
        agent: A chat agent whose engine gives access to tokens.
        records: Episodes of a text environment.
        last_turn_only: Whether the actions before the last one are context. Default: false.

    Returns:
        The sequences, and the number of episodes that do not fit the context window.

    Raises:
        ConfigurationError: If an episode's observations or actions are no texts.
    """
    context = getattr(agent.engine, "context", None)
    sequences: list[TokenSequence] = []
    too_long = 0
    for record in records:
        found = join_calls(_imitated(agent, record)[-1 if last_turn_only else 0 :])
        if context is not None and any(len(sequence.token_ids) > context for sequence in found):
            too_long += 1
            continue
        sequences += found
    return sequences, too_long


def _imitated(agent: ChatAgent, record: EpisodeRecord) -> list[Call]:
    messages: list[Message] = [system(agent.prompt)] if agent.prompt else []
    messages += agent.few_shot
    fixed, tokens_per_character = len(messages) + 1, TOKENS_PER_CHARACTER
    calls = []
    if any("seat" in step for step in record.steps):
        raise ConfigurationError(
            f"episode {record.index} is a match of several seats, and imitation learns from episodes of one agent"
        )
    for turn, step in enumerate(record.steps):
        observation, action = step["observation"], step["action"]
        if not isinstance(observation, str) or not isinstance(action, str):
            what = "no observations" if observation is None else "steps that are not text"
            raise ConfigurationError(
                f"episode {record.index} has {what}; a language model learns from episodes of a text environment that "
                "were recorded with their observations"
            )
        messages.append(user(observation))
        shown = agent.settings.history.shown(messages, fixed, tokens_per_character)
        prompt, reply = agent.engine.encode_turn(Request(messages=tuple(shown)), action)
        tokens_per_character = len(prompt) / max(1, sum(len(message["content"]) for message in shown))
        calls.append(Call(turn, prompt, reply, [0.0] * len(reply)))
        messages.append(assistant(action))
    return calls


def _hash(sequences: Sequence[TokenSequence]) -> str:
    """Return a hash of the data, so that a training is not resumed on others."""
    digest = hashlib.blake2b(digest_size=8)
    for sequence in sequences:
        digest.update(repr((sequence.token_ids, sequence.turns)).encode())
    return digest.hexdigest()


def _count(sequences: Sequence[TokenSequence]) -> int:
    return sum(sequence.written for sequence in sequences)


def _trainer(
    model: Any,
    tokenizer: Any,
    sequences: Sequence[TokenSequence],
    settings: SFTSettings,
    arguments: Mapping[str, Any],
    steps: int,
) -> Any:
    datasets: Any = require("datasets", "train", "supervised fine-tuning")
    trl: Any = require("trl", "train", "supervised fine-tuning")
    labels = [
        [token if turn != NOT_WRITTEN else -100 for token, turn in zip(s.token_ids, s.turns, strict=True)]
        for s in sequences
    ]
    rows = {"input_ids": [list(s.token_ids) for s in sequences], "labels": labels}
    config = trl.SFTConfig(
        **{**arguments, "ignore_data_skip": False},
        max_steps=steps,
        per_device_train_batch_size=settings.batch_size // Processes.here().number,
        logging_steps=settings.log_every,
        max_length=None,
        dataset_kwargs={"skip_prepare_dataset": True},
        remove_unused_columns=False,
    )
    data = datasets.Dataset.from_dict(rows)
    return trl.SFTTrainer(model=model, processing_class=tokenizer, train_dataset=data, args=config)
