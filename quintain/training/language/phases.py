"""Phases of a training: a model is fitted to what it made itself, and goes on from the last phase's checkpoint."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import datasets
import torch
from trl import SFTConfig, SFTTrainer  # type: ignore[attr-defined]  # lazily exported

from quintain.seeding import SeedStream
from quintain.training.folder import TrainingRun
from quintain.training.language.phase_settings import Continuation, PhaseSettings
from quintain.training.language.sequences import NOT_WRITTEN, TokenSequence
from quintain.training.language.trl_trainer import common_arguments, fit, log_into, quiet

__all__ = ["Columns", "Loss", "Phases", "token_logprobs"]

#: Numbers that belong to the sequences of a batch, each of shape ``(rows,)``.
Columns: TypeAlias = Mapping[str, torch.Tensor]
#: A loss: log-probabilities and mask of the tokens that are trained on, both ``(rows, tokens)``, and the columns.
Loss: TypeAlias = Callable[[torch.Tensor, torch.Tensor, Columns], torch.Tensor]
_NOTHING = TokenSequence((0, 0), (NOT_WRITTEN, 0), (0.0, 0.0))


def token_logprobs(model: Any, batch: Mapping[str, Any]) -> tuple[torch.Tensor, torch.Tensor]:
    """Return log-probability and mask of each token that is trained on, ``(rows, tokens - 1)``; 0 for the others."""
    logits = model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"], use_cache=False).logits
    labels = batch["labels"][:, 1:]
    mask = labels != -100
    found = torch.log_softmax(logits[:, :-1].float(), -1).gather(-1, labels.clamp(min=0)[..., None])[..., 0]
    return found * mask, mask


class _PhaseTrainer(SFTTrainer):
    """TRL's ``SFTTrainer`` for one phase, which goes on with the checkpoint of the last one as far as wanted."""

    def __init__(self, phases: Phases, rows: Mapping[str, Any], until: int, loss: Loss | None) -> None:
        self._phases, self._loss, settings = phases, loss, phases.settings
        arguments = common_arguments(
            settings.optimizer, seed=phases.seeds.child("order")[until], folder=phases.folder, save_steps=until,
            model=phases.model, report_to=settings.report_to,
        )  # fmt: skip
        config = SFTConfig(
            **arguments,
            max_steps=until,
            per_device_train_batch_size=settings.batch_size,
            logging_steps=until,
            max_length=None,
            dataset_kwargs={"skip_prepare_dataset": True},
            remove_unused_columns=False,
        )
        pad = phases.tokenizer.pad_token_id
        super().__init__(
            model=phases.model, processing_class=phases.tokenizer, train_dataset=datasets.Dataset.from_dict(dict(rows)),
            args=config, data_collator=None if loss is None else lambda part: _collate(part, pad),
        )  # fmt: skip

    def compute_loss(
        self, model: Any, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """Return the phase's own loss, or TRL's where it has none."""
        if self._loss is None:
            return super().compute_loss(model, inputs, return_outputs, num_items_in_batch)  # type: ignore[no-untyped-call]
        return self._loss(*token_logprobs(model, inputs), inputs["columns"])

    def create_scheduler(self, num_training_steps: int, optimizer: Any = None) -> Any:
        """Make the schedule of all phases, or of one where it begins anew in each."""
        return super().create_scheduler(self._phases.schedule(num_training_steps), optimizer)

    def _load_from_checkpoint(self, checkpoint: str, model: Any = None) -> None:
        if self._phases.continuation == "start":
            self._phases.model.load_state_dict(self._phases.start)
        else:
            super()._load_from_checkpoint(checkpoint, model)

    def load_weights(self, checkpoint: Path) -> None:
        """Load the weights of a checkpoint, to play with them."""
        super()._load_from_checkpoint(str(checkpoint), None)

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        if self._phases.continuation == "online":
            super()._load_optimizer_and_scheduler(checkpoint)


@dataclass
class Phases:
    """Fits one model, phase by phase.

    Attributes:
        model: The model, perhaps with adapters.
        tokenizer: Its tokenizer.
        settings: Settings of the phases.
        continuation: What a phase goes on with.
        number: Number of phases, for the learning-rate schedule of all of them.
        seeds: Seed stream of the training.
        run: The run that records it.
        folder: Folder of the checkpoints.
        steps: Optimiser steps so far. Default: 0.
    """

    model: Any
    tokenizer: Any
    settings: PhaseSettings
    continuation: Continuation
    number: int
    seeds: SeedStream
    run: TrainingRun
    folder: Path
    steps: int = 0
    start: Mapping[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        """Keep the start weights, where each phase begins with them."""
        self.start = copy.deepcopy(self.model.state_dict()) if self.continuation == "start" else {}

    def schedule(self, until: int) -> int:
        """Return the optimiser steps of a learning-rate schedule, where ``until`` is the number at the phase's end."""
        return self.settings.steps * self.number if self.continuation == "online" else until - self.steps

    def restart_from_here(self) -> None:
        """Take the present weights for those that every phase begins with."""
        self.start = copy.deepcopy(self.model.state_dict())

    def load(self, steps: int) -> None:
        """Load the weights after so many optimiser steps."""
        self.steps = steps
        if steps:
            with quiet():
                _PhaseTrainer(self, _rows([_NOTHING]), steps, None).load_weights(self._checkpoint())

    def fit(
        self,
        sequences: Sequence[TokenSequence],
        row: Mapping[str, float] | None = None,
        loss: Loss | None = None,
        columns: Mapping[str, Sequence[float]] | None = None,
        *,
        steps: int | None = None,
    ) -> None:
        """Do one phase.

        Args:
            sequences: What is fitted: the tokens that the policy wrote.
            row: Metrics to log with those of the phase; ``None`` logs nothing. Default: nothing.
            loss: The loss; ``None`` for the negative log-likelihood per token. Default: that.
            columns: Numbers of each sequence that the loss takes. Default: none.
            steps: Optimiser steps. Default: those of the settings.
        """
        until = self.steps + (steps or self.settings.steps)
        with quiet():
            trainer = _PhaseTrainer(self, _rows(sequences) | dict(columns or {}), until, loss)
        log_into(trainer, self.run, until, lambda _: row)
        fit(trainer, self.run, self._checkpoint() if self.steps else None)
        self.steps = until

    def mean_logprobs(self, sequences: Sequence[TokenSequence]) -> list[float]:
        """Return the mean log-probability of the written tokens of each sequence, under the present weights."""
        found: list[float] = []
        with torch.no_grad():
            for first in range(0, len(sequences), self.settings.batch_size):
                rows = _rows(sequences[first : first + self.settings.batch_size])
                part = [dict(zip(rows, values, strict=True)) for values in zip(*rows.values(), strict=True)]
                batch = _collate(part, self.tokenizer.pad_token_id)
                on_device = {name: batch[name].to(self.model.device) for name in rows | {"attention_mask": None}}
                logprobs, mask = token_logprobs(self.model, on_device)
                found += (logprobs.sum(1) / mask.sum(1).clamp(min=1)).tolist()
        return found

    def _checkpoint(self) -> Path:
        return self.folder / f"checkpoint-{self.steps}"


def _rows(sequences: Sequence[TokenSequence]) -> dict[str, Any]:
    labels = [
        [token if turn != NOT_WRITTEN else -100 for token, turn in zip(s.token_ids, s.turns, strict=True)]
        for s in sequences
    ]
    return {"input_ids": [list(s.token_ids) for s in sequences], "labels": labels}


def _collate(part: Sequence[Mapping[str, Any]], pad: int) -> dict[str, Any]:
    """Pad the sequences of a batch at the right; further columns become one tensor each."""
    width = max(len(row["input_ids"]) for row in part)

    def padded(name: str, filler: int) -> torch.Tensor:
        return torch.tensor([list(row[name]) + [filler] * (width - len(row[name])) for row in part])

    lengths = torch.tensor([len(row["input_ids"]) for row in part])
    return {
        "input_ids": padded("input_ids", pad),
        "labels": padded("labels", -100),
        "attention_mask": (torch.arange(width)[None] < lengths[:, None]).long(),
        "columns": {n: torch.tensor([row[n] for row in part]) for n in part[0] if n not in ("input_ids", "labels")},
    }
