"""Knights and knaves: who tells the truth? Our own generator."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any, ClassVar

import numpy as np

from quintain.envs.text.answers import parse_option, parse_pairs
from quintain.envs.text.draws import choose, randint, sample
from quintain.envs.text.task import ExactTask, Malformed, expect

__all__ = ["KnightsKnaves"]

_PEOPLE = ("Ana", "Ben", "Cleo", "Dan", "Eli", "Fay", "Gus", "Hal", "Ivy", "Joe")


@dataclass(frozen=True)
class KnightsKnaves(ExactTask[dict[str, bool]]):
    """Knights tell the truth, knaves lie; everyone makes a statement, and only one assignment fits all of them.

    Attributes:
        min_people: Minimum number of people, in [2, ``max_people``]. Default: 3.
        max_people: Maximum number of people, in [``min_people``, 8]. Default: 4.
    """

    LEVELS: ClassVar = {"easy": {"min_people": 2, "max_people": 2}, "hard": {"min_people": 6, "max_people": 7}}

    min_people: int = 3
    max_people: int = 4

    def __post_init__(self) -> None:
        """Check the parameters."""
        expect(2 <= self.min_people <= self.max_people <= 8, "2 <= min_people <= max_people <= 8")

    def draw(self, rng: np.random.Generator) -> dict[str, Any]:
        """Draw statements until exactly one assignment fits."""
        while True:
            people = sample(rng, _PEOPLE, randint(rng, self.min_people, self.max_people))
            data = {
                "people": people,
                "statements": [_statement(rng, speaker, len(people)) for speaker in range(len(people))],
            }
            if len(_fitting(data)) == 1:
                return data

    def ask(self, data: Mapping[str, Any]) -> str:
        """Let everyone speak."""
        people = data["people"]
        said = "\n".join(
            f'{who} says: "{_words(s, people)}"' for who, s in zip(people, data["statements"], strict=True)
        )
        return (
            f"Everyone here is either a knight, who always tells the truth, or a knave, who always lies.\n{said}\n"
            f"Who is what? Write <<<{people[0]}: role, {people[1]}: role, ...>>>, with knight or knave for each role."
        )

    def find(self, data: Mapping[str, Any]) -> dict[str, bool]:
        """Try all assignments."""
        (roles,) = _fitting(data)
        return dict(zip(data["people"], roles, strict=True))

    def parse(self, text: str) -> dict[str, bool]:
        """Read ``Ana: knight, Ben: knave``."""
        roles: dict[str, bool] = {}
        for name, role in parse_pairs(text):
            if not re.fullmatch("[A-Za-z]{2,10}", name) or name.capitalize() in roles:
                raise Malformed("expected the form 'Ana: knight, Ben: knave' with each name once")
            roles[name.capitalize()] = parse_option(role, ("knight", "knave")) == "knight"
        return roles

    def render(self, value: dict[str, bool]) -> str:
        """Write ``Ana: knight, Ben: knave``."""
        return ", ".join(f"{who}: {'knight' if honest else 'knave'}" for who, honest in value.items())


def _statement(rng: np.random.Generator, speaker: int, count: int) -> list[Any]:
    """Draw [kind, person, is a knight, person, is a knight]; about others where there are enough."""
    a, b = (sample(rng, [i for i in range(count) if i != speaker], 2) * 2)[:2] if count > 2 else (1 - speaker, speaker)
    return [choose(rng, ("plain", "and", "or", "if", "same")), a, bool(rng.random() < 0.5), b, bool(rng.random() < 0.5)]


def _holds(statement: list[Any], roles: tuple[bool, ...]) -> bool:
    kind, a, affirmed, b, confirmed = statement
    first, second = roles[a] == affirmed, roles[b] == confirmed
    if kind == "same":
        return bool(roles[a] == roles[b])
    verdicts: dict[str, bool] = {
        "plain": first,
        "and": first and second,
        "or": first or second,
        "if": not first or second,
    }
    return verdicts[kind]


def _fitting(data: Mapping[str, Any]) -> list[tuple[bool, ...]]:
    return [
        roles
        for roles in product((True, False), repeat=len(data["people"]))
        if all(_holds(s, roles) == honest for s, honest in zip(data["statements"], roles, strict=True))
    ]


def _words(statement: list[Any], people: list[str]) -> str:
    kind, a, affirmed, b, confirmed = statement
    first, second = (f"{people[i]} is a {'knight' if is_ else 'knave'}" for i, is_ in ((a, affirmed), (b, confirmed)))
    return {
        "plain": f"{first}.",
        "and": f"{first} and {second}.",
        "or": f"{first} or {second}, or both.",
        "if": f"If {first}, then {second}.",
        "same": f"{people[a]} and {people[b]} are of the same kind.",
    }[kind]
