"""Tracking shuffled objects with three people (Big-Bench-Hard)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from quintain.envs.code_reason.bbh._tracking import TrackingShuffledObjects

__all__ = ["TrackingShuffledObjectsThreeObjects"]


@dataclass(frozen=True)
class TrackingShuffledObjectsThreeObjects(TrackingShuffledObjects):
    """Three people swap what they hold, pair by pair.

    Attributes:
        swaps: Number of swaps; 0 for as many as there are people.
    """

    COUNT: ClassVar = 3
