"""Tracking shuffled objects with five people (Big-Bench-Hard)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from quintain.envs.code_reason.bbh._tracking import TrackingShuffledObjects

__all__ = ["TrackingShuffledObjectsFiveObjects"]


@dataclass(frozen=True)
class TrackingShuffledObjectsFiveObjects(TrackingShuffledObjects):
    """Five people swap what they hold, pair by pair.

    Attributes:
        swaps: Number of swaps; 0 for as many as there are people.
    """

    COUNT: ClassVar = 5
