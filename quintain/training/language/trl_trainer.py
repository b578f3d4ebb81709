"""What the trainers on TRL share: arguments of transformers, logging, checkpoints, the lock of the engine's model."""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import gc
import json
import os
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from quintain.engines.engine import Engine
from quintain.errors import RecordError, require
from quintain.seeding import SeedStream
from quintain.training.folder import TrainingRun
from quintain.training.language.settings import OptimizerSettings

__all__ = [
    "HeldModel",
    "Processes",
    "common_arguments",
    "fit",
    "last_checkpoint",
    "log_into",
    "quiet",
    "save_model",
    "train",
]

#: Metrics of transformers that say nothing about the training.
_DROPPED = {
    "epoch",
    "num_tokens",
    "total_flos",
    "train_runtime",
    "train_samples_per_second",
    "train_steps_per_second",
    "step_time",
}


@dataclasses.dataclass(frozen=True, slots=True)
class Processes:
    """The processes that train one model together, as ``accelerate launch`` or ``torchrun`` started them.

    Attributes:
        number: How many there are.
        rank: Number of this one, from 0; 0 writes.
    """

    number: int
    rank: int

    @classmethod
    def here(cls) -> Processes:
        """Return this process and its companions, from the environment variables ``WORLD_SIZE`` and ``RANK``."""
        return cls(int(os.environ.get("WORLD_SIZE", "1")), int(os.environ.get("RANK", "0")))

    @property
    def first(self) -> bool:
        """Whether this is the process that writes."""
        return self.rank == 0

    def device(self) -> str | None:
        """Return the GPU of this process; ``None`` where it is alone or there is none, so that engines choose."""
        torch: Any = require("torch", "train", "training")
        if self.number == 1 or not torch.cuda.is_available():
            return None
        return f"cuda:{os.environ.get('LOCAL_RANK', '0')}"

    def share(self, items: Sequence[Any]) -> Sequence[Any]:
        """Return this process's part of the items: every ``number``-th."""
        return items[self.rank :: self.number]

    def gather(self, items: list[Any]) -> list[Any]:
        """Return the items of all processes, by rank."""
        if self.number == 1:
            return items
        accelerate: Any = require("accelerate", "train", "training in several processes")
        gathered: list[Any] = accelerate.utils.gather_object(items)
        return gathered


class HeldModel:
    """Holds an engine's model while it is trained, and lets it go while it plays.

    Args:
        engine: The engine whose model is trained.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._held = contextlib.ExitStack()

    @contextlib.contextmanager
    def training(self) -> Iterator[Any]:
        """Hold the model; yields it, and leaves it in evaluation mode."""
        model = self._held.enter_context(self._engine.exclusive())
        try:
            yield model
        finally:
            model.eval()
            self._held.close()

    @contextlib.contextmanager
    def playing(self) -> Iterator[None]:
        """Let the engine serve requests meanwhile; what it had cached of other weights is dropped."""
        self._held.close()
        try:
            yield
        finally:
            self._held.enter_context(self._engine.exclusive())


def common_arguments(
    optimizer: OptimizerSettings, *, seed: int, folder: Path, save_steps: int, model: Any, report_to: tuple[str, ...]
) -> dict[str, Any]:
    """Return the arguments of transformers that do not depend on the method.

    Args:
        optimizer: Settings of the optimiser and of its learning-rate schedule.
        seed: Root seed of the training, >= 0.
        folder: Folder of the checkpoints.
        save_steps: Optimiser steps between checkpoints; 0 writes none.
        model: The model, whose device and precision are kept.
        report_to: Loggers of transformers, such as ``"tensorboard"``.
    """
    cpu = model.device.type == "cpu"
    return {
        **dataclasses.asdict(optimizer),
        "output_dir": str(folder),
        "seed": SeedStream(seed, "trainer").seed,
        "save_strategy": "steps" if save_steps else "no",
        "save_steps": save_steps or 1,
        "save_total_limit": 2,
        "report_to": list(report_to) if Processes.here().first else [],
        "use_cpu": cpu,
        "bf16": False,  # the model keeps the precision of its engine
        "disable_tqdm": True,
        "gradient_checkpointing": not cpu,
        "dataloader_pin_memory": False,
        "ignore_data_skip": True,
        "logging_nan_inf_filter": False,
    }


def log_into(
    trainer: Any, run: TrainingRun, steps_per_row: int, extra: Callable[[int], Mapping[str, Any] | None]
) -> None:
    """Write a trainer's logs into a run folder instead of the terminal.

    Args:
        trainer: A trainer of transformers.
        run: The training run that records each logged step.
        steps_per_row: Optimiser steps per logged step.
        extra: Function from the logged step to further metrics of it, perhaps another number of the step; ``None``
            logs nothing.
    """
    transformers: Any = require("transformers", "train", "training")

    class Logger(transformers.TrainerCallback):  # type: ignore[misc]  # transformers is not typed
        def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **_: Any) -> None:
            step, rest = divmod(state.global_step, steps_per_row)
            if rest or not logs or "train_runtime" in logs:
                return
            more = extra(step)
            if more is None:
                return
            shown = {name: float(v) for name, v in logs.items() if name not in _DROPPED and v is not None}
            row = {"step": step, **shown, **more}
            run.log(row)
            run.show(int(row["step"]), **{name: row[name] for name in ("reward", "loss") if name in row})

    trainer.remove_callback(transformers.PrinterCallback)
    trainer.add_callback(Logger())


def last_checkpoint(folder: Path) -> Path | None:
    """Return the newest complete checkpoint; ``None`` without one.

    The file that says which step it is is written last, so a checkpoint during which the disk filled up, or the process
    died, has none.
    """
    found = sorted(folder.glob("checkpoint-*"), key=lambda path: int(path.name.rpartition("-")[2]), reverse=True)
    for path in found:
        with contextlib.suppress(OSError, ValueError):
            json.loads((path / "trainer_state.json").read_text())
            return path
    return None


def train(trainer: Any, run: TrainingRun, steps_per_row: int, resume: bool) -> None:
    """Train from the newest checkpoint on, or from the beginning.

    Raises:
        RecordError: If a checkpoint cannot be written.
    """
    checkpoint = last_checkpoint(run.checkpoints) if resume else None
    done = int(checkpoint.name.rpartition("-")[2]) if checkpoint is not None else 0
    run.go_back(done // steps_per_row)
    if checkpoint is not None and done >= trainer.args.max_steps:
        trainer._load_from_checkpoint(str(checkpoint))  # training on would take a step too many
        return
    fit(trainer, run, checkpoint)


def fit(trainer: Any, run: TrainingRun, checkpoint: Path | None) -> None:
    """Train, from a checkpoint on if there is one.

    Raises:
        RecordError: If a checkpoint cannot be written.
    """
    try:
        with quiet(), _without_old_garbage():
            trainer.train(resume_from_checkpoint=None if checkpoint is None else str(checkpoint))
    except Exception as error:
        if not _is_full_disk(error):
            raise
        newest = last_checkpoint(run.checkpoints)
        remedy = f"the checkpoint {newest.name} is complete: make room and continue with resume=True" if newest else ""
        raise RecordError(f"cannot write into {str(run.checkpoints)!r}: {error}. {remedy}") from error


@contextlib.contextmanager
def _without_old_garbage() -> Iterator[None]:
    """Let the garbage collector pass over what exists already.

    At the beginning of every training, accelerate collects the garbage of the whole process, which takes seconds in a
    large one: many times the training of a small phase.
    """
    frozen = gc.get_freeze_count()
    if not frozen:
        gc.freeze()
    try:
        yield
    finally:
        if not frozen:
            gc.unfreeze()


def _is_full_disk(error: Exception) -> bool:
    """Whether writing failed: torch and safetensors raise errors of their own, with the system's words in them."""
    words = str(error).lower()
    named = any(text in words for text in ("no space left", "file too large", "disk quota", "unexpected pos"))
    return named or (isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG))


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep transformers from drawing progress bars and from announcing its next version; leave all settings alone."""
    transformers: Any = require("transformers", "train", "training")
    logging = transformers.utils.logging
    shown, verbosity = logging.is_progress_bar_enabled(), logging.get_verbosity()
    logging.disable_progress_bar()
    logging.set_verbosity_error()
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", category=FutureWarning, module="transformers")
            yield
    finally:
        logging.set_verbosity(verbosity)
        if shown:
            logging.enable_progress_bar()


def save_model(model: Any, tokenizer: Any, folder: Path) -> None:
    """Write a model as a model folder, which engines read.

    Raises:
        RecordError: If it cannot be written.
    """
    try:
        with quiet():
            model.save_pretrained(folder)
            tokenizer.save_pretrained(folder)
    except Exception as error:
        if not (isinstance(error, OSError) or _is_full_disk(error)):
            raise
        raise RecordError(f"cannot write the model into {str(folder)!r}: {error}") from error
