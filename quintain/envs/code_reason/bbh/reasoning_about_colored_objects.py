"""Reasoning about coloured objects: questions about a row of things (Big-Bench-Hard)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from quintain.envs.code_reason.bbh._choices import ChoiceTask, listed
from quintain.envs.text.draws import choose, randint, sample, shuffled
from quintain.envs.text.task import expect

__all__ = ["ReasoningAboutColoredObjects"]

_COLOURS = ("red", "orange", "yellow", "green", "blue", "purple", "brown", "black", "grey", "white", "pink", "gold")
_THINGS = ("pen", "mug", "key", "ring", "plate", "notebook", "scarf", "ball", "stapler", "lamp", "cup", "box", "comb")
_NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


@dataclass(frozen=True)
class ReasoningAboutColoredObjects(ChoiceTask):
    """Things in a row, each of one colour: asked are a colour, a neighbour's colour, or how many are (not) of a colour.

    Attributes:
        things: Number of things in the row, in [3, 10]. Default: 5.
    """

    LEVELS: ClassVar = {"easy": {"things": 3}, "hard": {"things": 10}}

    things: int = 5

    def __post_init__(self) -> None:
        """Check the parameters."""
        expect(3 <= self.things <= 10, "things in [3, 10]")

    def draw(self, rng: np.random.Generator) -> dict[str, Any]:
        """Draw a row and a question that it answers."""
        palette = sample(rng, _COLOURS, max(3, self.things - 1))
        row = [[choose(rng, palette), thing] for thing in sample(rng, _THINGS, self.things)]
        kind = choose(rng, ("colour", "right_of", "left_of", "count", "count_not", "between"))
        first, last = sorted(sample(rng, range(self.things), 2))
        at = randint(rng, 1, self.things - 1) if kind == "left_of" else randint(rng, 0, self.things - 2)
        data: dict[str, Any] = {
            "row": row,
            "kind": kind,
            "at": at,
            "span": [first, last],
            "colour": choose(rng, palette),
        }
        right = self.right(data)
        if kind in ("colour", "right_of", "left_of"):
            data["options"] = shuffled(rng, [right, *sample(rng, [c for c in _COLOURS if c != right], 5)])
        else:
            data["options"] = list(_NUMBERS[: self.things + 1])
        return data

    def question(self, data: Mapping[str, Any]) -> str:
        """Show the row and ask."""
        row, at, colour = data["row"], data["at"], data["colour"]
        things = listed([f"{'an' if c[0] in 'aeiou' else 'a'} {c} {thing}" for c, thing in row])
        first, last = (row[i][1] for i in data["span"])
        asked = {
            "colour": f"What colour is the {row[at][1]}?",
            "right_of": f"What colour is the thing directly to the right of the {row[at][1]}?",
            "left_of": f"What colour is the thing directly to the left of the {row[at][1]}?",
            "count": f"How many of the things are {colour}?",
            "count_not": f"How many of the things are neither {colour} nor {row[at][0]}?",
            "between": f"How many things stand between the {first} and the {last}?",
        }[data["kind"]]
        return f"On a table, in a row from left to right, there are: {things}. {asked}"

    def right(self, data: Mapping[str, Any]) -> str:
        """Look and count."""
        row, at, colour, kind = (data[key] for key in ("row", "at", "colour", "kind"))
        if kind in ("colour", "right_of", "left_of"):
            return str(row[at + {"colour": 0, "right_of": 1, "left_of": -1}[kind]][0])
        if kind == "between":
            return _NUMBERS[data["span"][1] - data["span"][0] - 1]
        if kind == "count":
            return _NUMBERS[sum(c == colour for c, _ in row)]
        return _NUMBERS[sum(c not in (colour, row[at][0]) for c, _ in row)]
