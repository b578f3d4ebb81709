"""Exchange methods: recipes that turn some items into others, applied in turn until none can be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import numpy as np

from quintain.envs.text.draws import choose, randint, sample

__all__ = ["Recipe", "draw_recipe", "run", "words"]

#: What is used up and what is made, as counts by item.
Recipe: TypeAlias = "tuple[dict[str, int], dict[str, int]]"

_MAX_CYCLES = 60


def draw_recipe(
    rng: np.random.Generator, inputs: Sequence[str], outputs: Sequence[str], most_in: int, most_out: int
) -> Recipe:
    """Draw one or two kinds of inputs and of outputs."""
    used = sample(rng, inputs, randint(rng, 1, min(2, len(inputs))))
    made = sample(rng, [item for item in outputs if item not in used], choose(rng, (1, 1, 2)))
    return {item: randint(rng, 1, most_in) for item in used}, {item: randint(rng, 1, most_out) for item in made}


def run(start: Mapping[str, int], recipes: Sequence[Recipe], *, exhaust: bool) -> dict[str, int] | None:
    """Cycle through the recipes in order until a whole cycle changes nothing.

    Args:
        start: Items at the start.
        recipes: Recipes in the order in which they are tried.
        exhaust: Apply a recipe as often as possible before the next one; otherwise once per cycle.

    Returns:
        The items at the end, or ``None`` if the process goes on too long or makes too much.
    """
    items = dict(start)
    for _ in range(_MAX_CYCLES):
        changed = False
        for used, made in recipes:
            times = min(items[item] // count for item, count in used.items())
            if not exhaust:
                times = min(times, 1)
            for item, count in used.items():
                items[item] -= times * count
            for item, count in made.items():
                items[item] += times * count
            changed = changed or times > 0
        if not changed:
            return items
        if max(items.values()) > 10_000:
            return None
    return None


def words(counts: Mapping[str, int]) -> str:
    """Write ``2 A and 1 B``."""
    return " and ".join(f"{count} {item}" for item, count in counts.items())
