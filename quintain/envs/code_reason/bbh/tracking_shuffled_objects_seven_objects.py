"""Tracking shuffled objects with seven people (Big-Bench-Hard)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from quintain.envs.code_reason.bbh._tracking import TrackingShuffledObjects

__all__ = ["TrackingShuffledObjectsSevenObjects"]


@dataclass(frozen=True)
class TrackingShuffledObjectsSevenObjects(TrackingShuffledObjects):
    """Seven people swap what they hold, pair by pair.

    Attributes:
        swaps: Number of swaps; 0 for as many as there are people.
    """

    COUNT: ClassVar = 7
