"""Logical equation: give letters their values from a list (SymBench)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, TypeAlias

import numpy as np

from quintain.envs.text.answers import parse_integer, parse_pairs
from quintain.envs.text.draws import randint, sample, shuffled
from quintain.envs.text.task import Malformed, Problem, Task, expect

__all__ = ["LogicalEquation"]

Values: TypeAlias = dict[str, int]


@dataclass(frozen=True)
class LogicalEquation(Task[Values]):
    """Letters take the values of a list, each once, under constraints x = c*y, x - y = c, x + y = c and x > y.

    Differences from the released judge: every value of the list is used exactly as often as it is listed.

    Attributes:
        min_letters: Minimum number of letters, in [4, ``max_letters``]. Default: 9.
        max_letters: Maximum number of letters, in [``min_letters``, 18]. Default: 13.
    """

    LEVELS: ClassVar = {"easy": {"min_letters": 4, "max_letters": 6}, "hard": {"min_letters": 14, "max_letters": 16}}

    min_letters: int = 9
    max_letters: int = 13

    def __post_init__(self) -> None:
        """Check the parameters."""
        expect(4 <= self.min_letters <= self.max_letters <= 18, "4 <= min_letters <= max_letters <= 18")

    def generate(self, rng: np.random.Generator) -> Problem:
        """Draw values for the letters and true statements about pairs of them."""
        count = randint(rng, self.min_letters, self.max_letters)
        letters = "ABCDEFGHIJKLMNOPQR"[:count]
        values = dict(zip(letters, rng.integers(1, 3 * count, size=count).tolist(), strict=True))
        constraints: list[list[Any]] = []
        pairs = shuffled(rng, [(x, y) for x in letters for y in letters if x != y])
        wanted = randint(rng, count - 2, count - 1)
        for x, y in pairs:
            kinds = ["sum", "difference", "greater"] if values[x] > values[y] else ["sum"]
            if values[x] > values[y] and values[x] % values[y] == 0:
                kinds = ["multiple"]
            kind = kinds[randint(rng, 0, len(kinds) - 1)]
            constant = {
                "sum": values[x] + values[y],
                "difference": values[x] - values[y],
                "multiple": values[x] // values[y],
                "greater": 0,
            }[kind]
            constraints.append([kind, x, y, constant])
            if len(constraints) == wanted:
                break
        listed = sample(rng, list(values.values()), count)
        prompt = (
            f"The letters {', '.join(letters)} stand for the numbers {', '.join(map(str, listed))}, in some order: "
            "every number of the list is used exactly once. It is known that\n"
            + "\n".join(_words(constraint) for constraint in constraints)
            + "\nGive values that meet all of this, as <<<A=value, B=value, ...>>>."
        )
        return Problem(prompt, self.render(values), {"letters": letters, "values": listed, "constraints": constraints})

    def parse(self, text: str) -> Values:
        """Read ``A=1, B=2``."""
        values: Values = {}
        for letter, value in parse_pairs(text):
            if not re.fullmatch("[A-Za-z]", letter) or letter.upper() in values:
                raise Malformed("expected the form A=value, B=value, ... with each letter once")
            values[letter.upper()] = parse_integer(value)
        return values

    def render(self, value: Values) -> str:
        """Write ``A=1, B=2``."""
        return ", ".join(f"{letter}={number}" for letter, number in value.items())

    def check(self, problem: Problem, value: Values) -> str:
        """All letters, the listed values, and every constraint."""
        if sorted(value) != sorted(problem.data["letters"]):
            return f"expected a value for each of {problem.data['letters']}"
        if Counter(value.values()) != Counter(problem.data["values"]):
            return "the values are not those of the list, each once"
        for constraint in problem.data["constraints"]:
            if not _holds(constraint, value):
                return f"{_words(constraint)} does not hold"
        return ""

    def solve(self, problem: Problem) -> str:
        """Backtrack on the letter with the fewest values left."""
        return self.render(_solve(problem.data))


def _words(constraint: list[Any]) -> str:
    kind, x, y, c = constraint
    return {"sum": f"{x} + {y} = {c}", "difference": f"{x} - {y} = {c}", "multiple": f"{x} = {c} * {y}"}.get(
        kind, f"{x} > {y}"
    )


def _holds(constraint: list[Any], values: Mapping[str, int]) -> bool:
    kind, x, y, c = constraint
    a, b = values[x], values[y]
    return bool({"sum": a + b == c, "difference": a - b == c, "multiple": a == c * b}.get(kind, a > b))


def _solve(data: Mapping[str, Any]) -> Values:
    letters, left = data["letters"], Counter(data["values"])
    about: dict[str, list[list[Any]]] = {letter: [] for letter in letters}
    for constraint in data["constraints"]:
        about[constraint[1]].append(constraint)
        about[constraint[2]].append(constraint)
    values: Values = {}

    def options(letter: str) -> list[int]:
        fitting = []
        for number in sorted(n for n, times in left.items() if times):
            trial = {**values, letter: number}
            if all(_holds(c, trial) for c in about[letter] if c[1] in trial and c[2] in trial):
                fitting.append(number)
        return fitting

    def search() -> bool:
        open_letters = [letter for letter in letters if letter not in values]
        if not open_letters:
            return True
        choices = {letter: options(letter) for letter in open_letters}
        letter = min(open_letters, key=lambda x: (len(choices[x]), -len(about[x])))
        for number in choices[letter]:
            values[letter] = number
            left[number] -= 1
            if search():
                return True
            left[number] += 1
            del values[letter]
        return False

    search()
    return {letter: values[letter] for letter in letters}
