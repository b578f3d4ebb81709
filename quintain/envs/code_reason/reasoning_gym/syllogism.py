"""Syllogism: does a conclusion follow from two premises? Our own generator and labels.

The library does not ask that the middle term be distributed, and calls some invalid syllogisms valid.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, ClassVar

import numpy as np

from quintain.envs.text.draws import choose, sample
from quintain.envs.text.forms import OptionTask
from quintain.envs.text.task import expect

__all__ = ["Syllogism"]

_TERMS = (
    *("students", "teachers", "doctors", "artists", "writers", "chefs", "sailors", "tailors", "farmers", "dancers"),
    *("poets", "bakers", "judges", "pilots", "singers", "miners", "nurses", "painters", "guards", "clerks"),
)
_FORMS = {
    "all": "All {0} are {1}.",
    "no": "No {0} are {1}.",
    "some": "Some {0} are {1}.",
    "some_not": "Some {0} are not {1}.",
}


@dataclass(frozen=True)
class Syllogism(OptionTask):
    """Two premises share a term. "All" does not claim that there are any; "some" means at least one.

    Attributes:
        premises: Number of premises, a chain of terms, in [2, 4]. Default: 3.
    """

    LEVELS: ClassVar = {"easy": {"premises": 2}, "hard": {"premises": 4}}
    OPTIONS: ClassVar = ("Yes", "No")

    premises: int = 3

    def __post_init__(self) -> None:
        """Check the parameters."""
        expect(2 <= self.premises <= 4, "premises in [2, 4]")

    def draw(self, rng: np.random.Generator) -> dict[str, Any]:
        """Choose the answer first, then draw statements until they have it."""
        wanted = choose(rng, self.OPTIONS)
        terms = sample(rng, _TERMS, self.premises + 1)
        while True:
            pairs = [sample(rng, [i, i + 1], 2) for i in range(self.premises)]
            statements = [[choose(rng, ("all", "all", *_FORMS)), a, b] for a, b in pairs]
            conclusion = [choose(rng, list(_FORMS)), *sample(rng, [0, self.premises], 2)]
            data = {"terms": terms, "premises": statements, "conclusion": conclusion}
            if self.find(data) == wanted:
                return data

    def ask(self, data: Mapping[str, Any]) -> str:
        """State the premises."""
        lines = "\n".join(f"{i}. {_words(s, data['terms'])}" for i, s in enumerate(data["premises"], 1))
        return (
            f"Consider these statements ('all' does not say that there are any, 'some' means at least one):\n{lines}\n"
            f"Does it follow logically that: {_words(data['conclusion'], data['terms'])}\nWrite Yes or No as <<<your "
            "choice>>>."
        )

    def find(self, data: Mapping[str, Any]) -> str:
        """Search for a model in which the premises hold and the conclusion does not."""
        form, a, b = data["conclusion"]
        opposite = {"all": "some_not", "some_not": "all", "no": "some", "some": "no"}[form]
        return "No" if _possible([*data["premises"], [opposite, a, b]], len(data["terms"])) else "Yes"


def _possible(statements: Sequence[Sequence[Any]], terms: int) -> bool:
    """Return whether all statements are satisfiable together: the model with every permitted kind decides."""
    kinds = [
        kind
        for kind in product((False, True), repeat=terms)
        if not any(
            (form == "all" and kind[a] and not kind[b]) or (form == "no" and kind[a] and kind[b])
            for form, a, b in statements
        )
    ]
    return all(
        any(kind[a] and kind[b] == (form == "some") for kind in kinds)
        for form, a, b in statements
        if form in ("some", "some_not")
    )


def _words(statement: Sequence[Any], terms: Sequence[str]) -> str:
    form, a, b = statement
    return _FORMS[form].format(terms[a], terms[b])
