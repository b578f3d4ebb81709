"""Logical deduction: an order of objects from clues."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from itertools import permutations
from typing import Any, ClassVar

import numpy as np

from quintain.envs.code_reason.bbh._choices import ChoiceTask, listed
from quintain.envs.text.draws import choose, randint, sample, shuffled
from quintain.envs.text.task import expect

__all__ = ["LogicalDeduction"]

_SCENES: tuple[tuple[str, str, tuple[str, ...], str, str], ...] = (
    (
        "On a shelf there are {n} books, from left to right",
        "The {0} book",
        ("red", "green", "blue", "orange", "grey", "yellow", "purple", "white", "brown", "black"),
        "is to the left of",
        "from the left",
    ),
    (
        "{n} runners finished a race",
        "{0}",
        ("Ana", "Ben", "Cleo", "Dan", "Eli", "Fay", "Gus", "Hal", "Ivy", "Joe"),
        "finished before",
        "to finish",
    ),
    (
        "A fruit stand sells {n} fruits at different prices, from the cheapest to the most expensive",
        "The {0}",
        ("apple", "mango", "pear", "plum", "kiwi", "peach", "lemon", "melon", "quince", "papaya"),
        "is cheaper than",
        "from the cheapest on",
    ),
)
_ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh")


@dataclass(frozen=True)
class LogicalDeduction(ChoiceTask):
    """Clues (before, after, at a position, next to) leave exactly one order; which object has a given position?

    Attributes:
        kinds: Kinds of clues: ``"before"``, ``"at"`` a position, at a position from the ``"last"`` one, ``"next"`` to
            each other. A kind that is named twice is drawn twice as often. Default: ``("before", "at", "last",
            "next")``.
    """

    LEVELS: ClassVar = {"easy": {"kinds": ("at", "last")}, "hard": {"kinds": ("before", "before", "next")}}
    COUNT: ClassVar[int] = 3

    kinds: tuple[str, ...] = ("before", "at", "last", "next")

    def __post_init__(self) -> None:
        """Check the kinds; neighbours alone leave an order and its reverse."""
        expect(set(self.kinds) <= {"before", "at", "last", "next"}, "kinds among 'before', 'at', 'last', 'next'")
        expect(bool({"before", "at", "last"} & set(self.kinds)), "a kind beside 'next'")

    def draw(self, rng: np.random.Generator) -> dict[str, Any]:
        """Draw true clues until one order is left, leaving out those that exclude nothing."""
        n = self.COUNT
        scene = randint(rng, 0, len(_SCENES) - 1)
        objects = sample(rng, _SCENES[scene][2], n)
        places = shuffled(rng, range(n))
        orders = _orders(n)
        clues: list[list[Any]] = []
        while len(orders) > 1:
            a, b = sample(rng, range(n), 2)
            kind = choose(rng, self.kinds)
            clue = {
                "before": [kind, a, b] if places[a] < places[b] else [kind, b, a],
                "at": ["at", a, places[a]],
                "last": ["last", a, n - 1 - places[a]],
                "next": ["next", a, b],
            }[kind]
            holds = _fits(np.array([places]), clue).all()
            left = orders[_fits(orders, clue)]
            if holds and len(left) < len(orders):
                orders, clues = left, [*clues, clue]
        return {
            "scene": scene,
            "objects": objects,
            "clues": shuffled(rng, clues),
            "asked": randint(rng, 0, n - 1),
            "options": shuffled(rng, [_SCENES[scene][1].format(name) for name in objects]),
        }

    def question(self, data: Mapping[str, Any]) -> str:
        """List objects and clues."""
        scene, name, _, before, end = _SCENES[data["scene"]]
        names = [name.format(item) for item in data["objects"]]
        lines = []
        for kind, a, b in data["clues"]:
            lines.append(
                {
                    "before": lambda a, b: f"{names[a]} {before} {_lower(names[b])}.",
                    "at": lambda a, b: f"{names[a]} is the {_ORDINALS[b]} {end}.",
                    "last": lambda a, b: f"{names[a]} is {'' if b == 0 else _ORDINALS[b] + ' to '}last in this order.",
                    "next": lambda a, b: f"{names[a]} is directly before or directly after {_lower(names[b])}.",
                }[kind](a, b)
            )
        opening = scene.format(n=len(names))
        return (
            f"{opening}: {listed([_lower(item) for item in names])} (listed here in no particular order). "
            f"{' '.join(lines)} Which is the {_ORDINALS[data['asked']]} {end}?"
        )

    def right(self, data: Mapping[str, Any]) -> str:
        """Keep the orders that every clue fits."""
        orders = _orders(len(data["objects"]))
        for clue in data["clues"]:
            orders = orders[_fits(orders, clue)]
        (places,) = orders.tolist()
        name: str = data["objects"][places.index(data["asked"])]
        scene: int = data["scene"]
        return _SCENES[scene][1].format(name)


@cache
def _orders(n: int) -> np.ndarray[Any, np.dtype[np.int64]]:
    """All ways to give n objects the places 0, ..., n - 1; one way a row."""
    return np.array(list(permutations(range(n))))


def _fits(orders: np.ndarray[Any, Any], clue: list[Any]) -> np.ndarray[Any, np.dtype[np.bool_]]:
    kind, a, b = clue
    if kind == "before":
        fits = orders[:, a] < orders[:, b]
    elif kind == "at":
        fits = orders[:, a] == b
    elif kind == "last":
        fits = orders[:, a] == orders.shape[1] - 1 - b
    else:
        fits = np.abs(orders[:, a] - orders[:, b]) == 1
    return np.asarray(fits, dtype=np.bool_)


def _lower(name: str) -> str:
    return "the" + name[3:] if name.startswith("The ") else name
