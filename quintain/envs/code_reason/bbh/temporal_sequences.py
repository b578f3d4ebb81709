"""Temporal sequences: when can someone have gone there? (Big-Bench-Hard)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np

from quintain.envs.code_reason.bbh._choices import ChoiceTask
from quintain.envs.text.draws import choose, randint, sample, shuffled
from quintain.envs.text.task import expect

__all__ = ["TemporalSequences"]

_PEOPLE = ("Ana", "Ben", "Cleo", "Dan", "Eli", "Fay", "Gus", "Hal", "Ivy", "Joe")
_DOINGS = (
    *("sitting on a rooftop", "waiting at the train station", "walking in the garden", "reading at the library"),
    *("fixing a bicycle", "buying lamps at the mall", "taking photos at the harbour", "playing tennis"),
    *("painting a fence", "working at the office", "stretching at a yoga studio", "watching a film"),
)
_GOALS = ("market", "museum", "beach", "bakery", "theatre", "swimming pool", "bookshop", "dentist")


@dataclass(frozen=True)
class TemporalSequences(ChoiceTask):
    """A person was seen throughout the day except for one period; the question is when they can have gone out.

    Attributes:
        sightings: Number of sightings, in [2, 8]. Default: 4.
    """

    LEVELS: ClassVar = {"easy": {"sightings": 2}, "hard": {"sightings": 8}}

    sightings: int = 4

    def __post_init__(self) -> None:
        """Check the parameters."""
        expect(2 <= self.sightings <= 8, "sightings in [2, 8]")

    def draw(self, rng: np.random.Generator) -> dict[str, Any]:
        """Cut the day into spans and leave one of them free."""
        hours = sorted(sample(rng, range(6, 22), self.sightings + 2))
        spans = [[a, b] for a, b in pairwise(hours)]
        free = randint(rng, 0, len(spans) - 1)
        people = sample(rng, _PEOPLE, 4)
        seen = [
            [span, doing, choose(rng, people[1:])]
            for i, (span, doing) in enumerate(zip(spans, sample(rng, _DOINGS, len(spans)), strict=True))
            if i != free
        ]
        wrong = [span for i, span in enumerate(spans) if i != free][:3]
        while len(wrong) < 3:
            a, b = sorted(sample(rng, range(6, 22), 2))
            if [a, b] not in [*wrong, spans[free]] and not _inside([a, b], spans[free]):
                wrong.append([a, b])
        return {
            "who": people[0],
            "goal": choose(rng, _GOALS),
            "open": [hours[0], hours[-1]],
            "seen": shuffled(rng, seen),
            "options": shuffled(rng, [_words(span) for span in (*wrong, spans[free])]),
        }

    def question(self, data: Mapping[str, Any]) -> str:
        """Return what was seen."""
        seen = "\n".join(
            f"{witness} saw {data['who']} {doing} {_words(span)}." for span, doing, witness in data["seen"]
        )
        opens, closes = (_hour(hour) for hour in data["open"])
        return (
            f"Today, {data['who']} went to the {data['goal']}. Between what times can that have been? We know "
            f"that:\n{seen}\nThe {data['goal']} opened at {opens} and closed at {closes}. Between what times can "
            f"{data['who']} have gone?"
        )

    def right(self, data: Mapping[str, Any]) -> str:
        """Find the span of the opening hours that nobody accounts for."""
        at = data["open"][0]
        for (start, end), _, _ in sorted(data["seen"]):
            if start > at:
                return _words([at, start])
            at = end
        return _words([at, data["open"][1]])


def _inside(inner: list[int], outer: list[int]) -> bool:
    return outer[0] <= inner[0] and inner[1] <= outer[1]


def _hour(hour: int) -> str:
    return f"{(hour - 1) % 12 + 1}{'am' if hour < 12 else 'pm'}"


def _words(span: list[int]) -> str:
    return f"from {_hour(span[0])} to {_hour(span[1])}"
