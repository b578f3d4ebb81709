"""Hyperbaton: which sentence has its adjectives in the usual English order? (Big-Bench-Hard)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from quintain.envs.code_reason.bbh._choices import ChoiceTask
from quintain.envs.text.draws import choose, sample, shuffled
from quintain.envs.text.task import expect

__all__ = ["Hyperbaton"]

#: Kinds of adjectives in the order in which English puts them.
_ADJECTIVES = (
    ("lovely", "awful", "wonderful", "silly", "good", "repulsive"),
    ("tiny", "huge", "small", "enormous", "large"),
    ("new", "ancient", "old", "brand-new"),
    ("square", "circular", "triangular", "spherical"),
    ("red", "green", "blue", "brown", "yellow"),
    ("Turkish", "Brazilian", "Thai", "Russian", "Ethiopian"),
    ("wooden", "leather", "plastic", "iron", "paper"),
    ("walking", "eating", "smoking", "exercise", "drinking"),
)
_NOUNS = ("knife", "shoe", "sock", "car", "whip", "ship", "chair", "computer", "box", "match")


@dataclass(frozen=True)
class Hyperbaton(ChoiceTask):
    """The order is opinion, size, age, shape, colour, origin, material, purpose.

    Attributes:
        adjectives: Number of adjectives before the noun, in [2, 8]. Default: 4.
    """

    LEVELS: ClassVar = {"easy": {"adjectives": 2}, "hard": {"adjectives": 6}}

    adjectives: int = 4

    def __post_init__(self) -> None:
        """Check the parameters."""
        expect(2 <= self.adjectives <= 8, "adjectives in [2, 8]")

    def draw(self, rng: np.random.Generator) -> dict[str, Any]:
        """Draw adjectives of different kinds, and a wrong order of them."""
        kinds = sorted(sample(rng, range(len(_ADJECTIVES)), self.adjectives))
        words = [choose(rng, _ADJECTIVES[kind]) for kind in kinds]
        wrong = shuffled(rng, words)
        while wrong == words:
            wrong = shuffled(rng, words)
        noun = choose(rng, _NOUNS)
        return {"options": shuffled(rng, [" ".join([*order, noun]) for order in (words, wrong)])}

    def question(self, data: Mapping[str, Any]) -> str:
        """Ask."""
        return "Which phrase has the correct adjective order?"

    def right(self, data: Mapping[str, Any]) -> str:
        """Find the phrase whose adjectives' kinds ascend."""
        (ordered,) = (option for option in data["options"] if _kinds(option) == sorted(_kinds(option)))
        return str(ordered)


def _kinds(phrase: str) -> list[int]:
    return [next(i for i, kind in enumerate(_ADJECTIVES) if word in kind) for word in phrase.split()[:-1]]
