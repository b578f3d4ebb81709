"""Object counting: how many things of a kind are there? (Big-Bench-Hard)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from quintain.envs.code_reason.bbh._choices import listed
from quintain.envs.text.draws import choose, randint, sample, shuffled
from quintain.envs.text.forms import IntegerTask
from quintain.envs.text.task import expect

__all__ = ["ObjectCounting"]

_KINDS = {
    "fruits": ("apple", "banana", "peach", "plum", "orange", "pear", "mango", "nectarine"),
    "vegetables": ("carrot", "onion", "cabbage", "potato", "leek", "cucumber", "radish", "beetroot"),
    "animals": ("cat", "dog", "rabbit", "goat", "snail", "frog", "duck", "donkey"),
    "musical instruments": ("flute", "violin", "drum", "trumpet", "piano", "guitar", "clarinet", "harp"),
    "pieces of furniture": ("table", "chair", "bed", "sofa", "stool", "wardrobe", "desk", "bench"),
}
_NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


@dataclass(frozen=True)
class ObjectCounting(IntegerTask):
    """Things of two or three kinds in mixed order; asked is the number of one kind, or of all.

    Attributes:
        things: Number of different things, in [3, 20]. Default: 8.
        max_count: Maximum count of each thing, in [1, 10]. Default: 4.
    """

    LEVELS: ClassVar = {"easy": {"things": 4, "max_count": 2}, "hard": {"things": 16, "max_count": 10}}

    things: int = 8
    max_count: int = 4

    def __post_init__(self) -> None:
        """Check the parameters."""
        expect(3 <= self.things <= 20, "things in [3, 20]")
        expect(1 <= self.max_count <= 10, "max_count in [1, 10]")

    def draw(self, rng: np.random.Generator) -> dict[str, Any]:
        """Draw things of three kinds, the counted kind among them."""
        kinds = sample(rng, list(_KINDS), 3)
        things = sample(rng, [thing for kind in kinds for thing in _KINDS[kind]], self.things)
        present = [kind for kind in kinds if set(_KINDS[kind]) & set(things)]
        counts = {thing: randint(rng, 1, self.max_count) for thing in shuffled(rng, things)}
        return {"counts": counts, "kind": choose(rng, [*present, "objects"])}

    def ask(self, data: Mapping[str, Any]) -> str:
        """List the things."""
        items = [
            f"{'an' if thing[0] in 'aeiou' else 'a'} {thing}" if count == 1 else f"{_NUMBERS[count]} {_plural(thing)}"
            for thing, count in data["counts"].items()
        ]
        return f"I have {listed(items)}. How many {data['kind']} do I have?\nWrite the answer as <<<number>>>."

    def find(self, data: Mapping[str, Any]) -> int:
        """Add up."""
        kind = data["kind"]
        return sum(count for thing, count in data["counts"].items() if kind == "objects" or thing in _KINDS[kind])


def _plural(noun: str) -> str:
    if noun.endswith(("ch", "sh", "s", "x", "o")) and noun != "piano":
        return noun + "es"
    return noun + "s"
