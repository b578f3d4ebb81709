"""Designs of rewards by name: functions from an MDP to a reward table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from quintain.registry import Registry

__all__ = ["SHAPINGS", "ShapingFacts"]


@dataclass(frozen=True, slots=True)
class ShapingFacts:
    """What is known of a design without importing it.

    Attributes:
        settings: ``"module:attribute"`` of the dataclass of its settings, the second argument; empty if it has none.
        source: Paper that describes it, author and year.
    """

    settings: str = ""
    source: str = ""


_HERE = "quintain.rewards.shaping"
_SETTINGS = f"{_HERE}.exprd:EXPRDSettings"
#: ``SHAPINGS.load(name)(mdp)`` returns a :class:`~quintain.rewards.shaping.designed.RewardTable`. Other packages list
#: theirs under the entry-point group ``quintain.shapings``.
SHAPINGS: Registry[Any, ShapingFacts] = Registry("shaping", ShapingFacts, group="quintain.shapings")
SHAPINGS.add("exprd", f"{_HERE}.exprd:design_exprd", settings=_SETTINGS, source="Devidze et al. 2021")
SHAPINGS.add("pbrs", f"{_HERE}.potential:design_potential", source="Ng et al. 1999")
SHAPINGS.add("invariance", f"{_HERE}.potential:design_invariant", settings=_SETTINGS, source="Devidze et al. 2024")
SHAPINGS.add("original", f"{_HERE}.potential:original_reward")
