"""List functions: find the rule behind examples and apply it. Our own generator.

Reasoning-gym's generator for this family draws from Python's global random numbers, so its items cannot be reproduced.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Any, ClassVar, TypeAlias

import numpy as np

from quintain.envs.text.draws import choose, randint
from quintain.envs.text.forms import IntegerListTask
from quintain.envs.text.task import expect

__all__ = ["ListFunctions"]

Numbers: TypeAlias = list[int]

#: From simple to less simple; where several rules fit all examples, they agree on the question.
_RULES: tuple[Callable[[Numbers], Numbers], ...] = (
    lambda xs: xs[::-1],
    sorted,
    lambda xs: sorted(xs, reverse=True),
    lambda xs: xs[1:] + xs[:1],
    lambda xs: xs[-1:] + xs[:-1],
    lambda xs: [x for x in xs if x % 2 == 0],
    lambda xs: [x for x in xs if x % 2 == 1],
    lambda xs: [x for x in xs if x > 50],
    lambda xs: [x for x in xs if x < 50],
    lambda xs: xs[::2],
    lambda xs: xs[1::2],
    lambda xs: list(dict.fromkeys(xs)),
    lambda xs: [2 * x for x in xs],
    lambda xs: [x + 7 for x in xs],
    lambda xs: [x % 10 for x in xs],
    lambda xs: [b - a for a, b in pairwise(xs)],
    lambda xs: list(accumulate(xs)),
    lambda xs: [max(xs), min(xs)],
    lambda xs: [sum(xs)],
    lambda xs: [len(xs), *xs],
    lambda xs: xs + xs[::-1],
    lambda xs: [x for x in xs if x != max(xs)],
    lambda xs: [x * i for i, x in enumerate(xs, 1)],
    lambda xs: [x + i for i, x in enumerate(xs, 1)],
    lambda xs: [xs[-1], *xs[1:-1], xs[0]],
    lambda xs: [max(xs[: i + 1]) for i in range(len(xs))],
    lambda xs: [x for x in xs if x % 3 == 0],
    lambda xs: xs[: len(xs) // 2],
    lambda xs: xs[len(xs) // 2 :],
    lambda xs: [sum(c == y for c in xs) for y in xs],
)


@dataclass(frozen=True)
class ListFunctions(IntegerListTask):
    """Examples of lists before and after; all of our rules that fit the examples give the same answer.

    Attributes:
        examples: Number of examples shown, in [2, 10]. Default: 5.
        max_length: Maximum length of a list, in [4, 20]. Default: 7.
        steps: Number of rules that are applied one after the other, 1 or 2. Default: 1.
    """

    LEVELS: ClassVar = {"easy": {"max_length": 5}, "hard": {"max_length": 9, "steps": 2}}

    examples: int = 5
    max_length: int = 7
    steps: int = 1

    def __post_init__(self) -> None:
        """Check the parameters."""
        expect(2 <= self.examples <= 10, "examples in [2, 10]")
        expect(4 <= self.max_length <= 20, "max_length in [4, 20]")
        expect(self.steps in (1, 2), "steps 1 or 2")

    def draw(self, rng: np.random.Generator) -> dict[str, Any]:
        """Draw lists until the rule changes some and the examples settle the answer."""
        while True:
            chain = [choose(rng, range(len(_RULES))) for _ in range(self.steps)]
            lists = [self._list(rng) for _ in range(self.examples + 1)]
            results = [_apply(chain, xs) for xs in lists]
            if results[-1] and any(xs != ys for xs, ys in zip(lists, results, strict=True)):
                pairs = [list(pair) for pair in zip(lists[:-1], results[:-1], strict=True)]
                data = {"examples": pairs, "input": lists[-1], "steps": self.steps}
                if _answers(data) == [results[-1]]:
                    return data

    def _list(self, rng: np.random.Generator) -> Numbers:
        drawn: Numbers = rng.integers(0, 100, size=randint(rng, 3, self.max_length)).tolist()
        return drawn

    def ask(self, data: Mapping[str, Any]) -> str:
        """Show the examples."""
        examples = "\n".join(f"{before} becomes {after}" for before, after in data["examples"])
        return (
            f"One rule turns each of these lists into another:\n{examples}\n"
            f"What does {data['input']} become by the same rule? Write the list as <<<[x1, x2, ...]>>>."
        )

    def find(self, data: Mapping[str, Any]) -> Numbers:
        """Look for a rule that fits all examples and apply it."""
        return _answers(data)[0]


def _apply(indices: list[int], xs: Numbers) -> Numbers:
    for index in indices:
        xs = _RULES[index](xs) if xs else xs
    return xs


def _answers(data: Mapping[str, Any]) -> list[Numbers]:
    """List the different answers of all rules (of as many steps) that fit the examples."""
    numbers = range(len(_RULES))
    first, result = data["examples"][0]
    if data["steps"] == 1:
        chains = [[i] for i in numbers if _apply([i], first) == result]
    else:
        halfway = [(i, _apply([i], first)) for i in numbers]
        chains = [[i, j] for i, xs in halfway for j in numbers if _apply([j], xs) == result]
    answers: list[Numbers] = []
    for chain in chains:
        if all(_apply(chain, before) == after for before, after in data["examples"]):
            answer = _apply(chain, data["input"])
            if answer not in answers:
                answers.append(answer)
    return answers
