"""Permutations and combinations: put books on a shelf under constraints (SymBench)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from quintain.envs.text.answers import parse_words
from quintain.envs.text.draws import choose, randint, sample, shuffled
from quintain.envs.text.task import Malformed, Problem, Task, expect

__all__ = ["PermutationsAndCombinations"]

_WORDS = {
    "at": "Book {0} stands at position {1}.",
    "not_at": "Book {0} does not stand at position {1}.",
    "left": "Book {0} stands somewhere to the left of book {1}.",
    "right": "Book {0} stands somewhere to the right of book {1}.",
    "next": "Books {0} and {1} stand next to each other.",
}


@dataclass(frozen=True)
class PermutationsAndCombinations(Task[list[str]]):
    """Arrange books so that all statements hold: fixed or excluded positions, left or right of, adjacent.

    Attributes:
        min_books: Minimum number of books, in [3, ``max_books``]. Default: 6.
        max_books: Maximum number of books, in [``min_books``, 10]. Default: 9.
        max_constraints: Maximum number of statements, in [2, 20]. Default: 10.
    """

    LEVELS: ClassVar = {
        "easy": {"min_books": 3, "max_books": 5, "max_constraints": 5},
        "hard": {"min_books": 9, "max_books": 10, "max_constraints": 14},
    }

    min_books: int = 6
    max_books: int = 9
    max_constraints: int = 10

    def __post_init__(self) -> None:
        """Check the parameters."""
        expect(3 <= self.min_books <= self.max_books <= 10, "3 <= min_books <= max_books <= 10")
        expect(2 <= self.max_constraints <= 20, "max_constraints in [2, 20]")

    def generate(self, rng: np.random.Generator) -> Problem:
        """Draw an arrangement and true statements about it."""
        books = "ABCDEFGHIJ"[: randint(rng, self.min_books, self.max_books)]
        shelf = shuffled(rng, books)
        constraints: list[list[Any]] = []
        wanted = randint(rng, max(2, self.max_constraints - 3), self.max_constraints)
        for _ in range(20 * wanted):
            kind = choose(rng, list(_WORDS))
            x, y = sample(rng, books, 2)
            constraint = [kind, x, randint(rng, 1, len(books)) if kind in ("at", "not_at") else y]
            if (
                _holds(constraint, shelf)
                and constraint not in constraints
                and sum(c[0] == "at" for c in constraints) < 2
            ):
                constraints.append(constraint)
            if len(constraints) == wanted:
                break
        prompt = (
            f"{len(books)} books {', '.join(books)} stand on a shelf, at positions 1 to {len(books)} from left to "
            "right.\n"
            + "\n".join(_WORDS[kind].format(x, y) for kind, x, y in constraints)
            + "\nGive one arrangement for which all of this is true, from left to right: <<<[book1, book2, ...]>>>."
        )
        return Problem(prompt, self.render(shelf), {"books": books, "constraints": constraints})

    def parse(self, text: str) -> list[str]:
        """Read a list of letters."""
        letters = [item.upper() for item in parse_words(text)]
        if not letters or any(len(letter) != 1 for letter in letters):
            raise Malformed("expected a list of single letters")
        return letters

    def render(self, value: list[str]) -> str:
        """Write the letters without quotes."""
        return f"[{', '.join(value)}]"

    def check(self, problem: Problem, value: list[str]) -> str:
        """Every book once, and every statement."""
        if sorted(value) != sorted(problem.data["books"]):
            return f"expected each of {problem.data['books']} once"
        for kind, x, y in problem.data["constraints"]:
            if not _holds([kind, x, y], value):
                return f"not true: {_WORDS[kind].format(x, y)}"
        return ""

    def solve(self, problem: Problem) -> str:
        """Place the books from left to right, giving up early."""
        found = _extend([], problem.data)
        assert found is not None  # the statements are true of an arrangement
        return self.render(found)


def _holds(constraint: Sequence[Any], shelf: Sequence[str]) -> bool:
    kind, x, y = constraint
    if kind in ("at", "not_at"):
        return bool((shelf[y - 1] == x) == (kind == "at"))
    i, j = shelf.index(x), shelf.index(y)
    return bool({"left": i < j, "right": i > j, "next": abs(i - j) == 1}[kind])


def _possible(constraint: Sequence[Any], shelf: Sequence[str]) -> bool:
    """Return whether the beginning of an arrangement may still meet a constraint."""
    kind, x, y = constraint
    if kind in ("at", "not_at"):
        placed = x in shelf or len(shelf) >= y
        return not placed or (len(shelf) >= y and shelf[y - 1] == x) == (kind == "at")
    if x in shelf and y in shelf:
        return _holds(constraint, shelf)
    if kind == "next":
        return not ({x, y} & set(shelf[:-1]))
    first = x if kind == "left" else y
    return first in shelf or not {x, y} & set(shelf)


def _extend(shelf: list[str], data: Mapping[str, Any]) -> list[str] | None:
    if len(shelf) == len(data["books"]):
        return shelf
    for book in data["books"]:
        longer = [*shelf, book]
        if book not in shelf and all(_possible(constraint, longer) for constraint in data["constraints"]):
            found = _extend(longer, data)
            if found is not None:
                return found
    return None
