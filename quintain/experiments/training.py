"""Trainings as a kind of run."""

from __future__ import annotations

from typing import ClassVar

from quintain.experiments.single import PlayRun

__all__ = ["TrainRun"]


class TrainRun(PlayRun):
    """A training of any method, with the episodes that were played for it."""

    kind: ClassVar[str] = "train"
