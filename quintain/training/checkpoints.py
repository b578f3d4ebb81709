"""Checkpoints of trainers whose state one file holds: written at once, of which the newest two are kept.

The trainers of language models leave checkpoints to transformers; see
:func:`quintain.training.language.trl_trainer.last_checkpoint`. A checkpoint is a pickle: continue only trainings whose
folder you trust.
"""

from __future__ import annotations

import contextlib
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from quintain.errors import RecordError, require
from quintain.files import write_atomically

__all__ = ["load_checkpoint", "own_random_numbers", "random_state", "save_checkpoint", "set_random_state"]

_NAME, _KEPT = "step-", 2


def save_checkpoint(folder: Path, step: int, state: Any) -> None:
    """Write the state of a training after a step, and remove all older checkpoints but one.

    Args:
        folder: Folder of the checkpoints.
        step: Number of steps that are done, >= 0.
        state: What the training continues from; anything that can be pickled.

    Raises:
        RecordError: If it cannot be written. Earlier checkpoints are then as before.
    """
    try:
        write_atomically(folder / f"{_NAME}{step}.pkl", pickle.dumps(state))
    except OSError as error:
        raise RecordError(
            f"cannot write a checkpoint into {str(folder)!r}: {error}. The checkpoints before it are complete: make "
            "room and continue with resume=True"
        ) from error
    for old in _found(folder)[:-_KEPT]:
        old.unlink(missing_ok=True)


def load_checkpoint(folder: Path) -> tuple[int, Any] | None:
    """Return the newest checkpoint, its step and its state; ``None`` without one.

    Raises:
        RecordError: If it cannot be read.
    """
    found = _found(folder)
    if not found:
        return None
    try:
        return _step(found[-1]), pickle.loads(found[-1].read_bytes())
    except (OSError, ValueError, EOFError, AttributeError, ImportError, pickle.UnpicklingError) as error:
        raise RecordError(
            f"cannot read the checkpoint {str(found[-1])!r}: {error}; remove it to use the one before"
        ) from error


def _found(folder: Path) -> list[Path]:
    return sorted(folder.glob(f"{_NAME}*.pkl"), key=_step)


def _step(path: Path) -> int:
    return int(path.stem.removeprefix(_NAME))


def random_state() -> dict[str, Any]:
    """Return the state of the process's random numbers, those of numpy and of torch."""
    torch: Any = require("torch", "rl", "training")
    return {"numpy": np.random.get_state(), "torch": torch.get_rng_state()}  # noqa: NPY002  # what libraries draw from


def set_random_state(state: dict[str, Any]) -> None:
    """Continue the process's random numbers from a state that :func:`random_state` returned."""
    torch: Any = require("torch", "rl", "training")
    np.random.set_state(state["numpy"])  # noqa: NPY002
    torch.set_rng_state(state["torch"])


@contextlib.contextmanager
def own_random_numbers() -> Iterator[None]:
    """Give the process's random numbers back as they were, whatever a library seeds or draws meanwhile."""
    import random

    before, pure = random_state(), random.getstate()
    try:
        yield
    finally:
        set_random_state(before)
        random.setstate(pure)
