"""Formal fallacies: is a deductive argument valid? (Big-Bench-Hard)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, ClassVar

import numpy as np

from quintain.envs.text.draws import choose, randint, sample
from quintain.envs.text.forms import OptionTask
from quintain.envs.text.task import expect

__all__ = ["FormalFallacies"]

_NOUNS = (
    "a friend of Oslo",
    "a collector of stamps",
    "a regular reader of novels",
    "a member of the rowing club",
    "a cousin of Milo",
    "an admirer of old maps",
    "a student of botany",
    "a devotee of green tea",
    "a frequent guest at the inn",
    "an expert in bridge building",
)
_QUANTIFIERS = {
    "every": "Everyone who is {0} is {1}.",
    "no": "No one who is {0} is {1}.",
    "some": "Someone is {0} and {1}.",
}


@dataclass(frozen=True)
class FormalFallacies(OptionTask):
    """Premises about everyone, no one and someone, over three to ``max_terms`` terms that may be negated.

    Validity is decided by monadic predicate logic over non-empty domains. "Everyone who is A is B" does not claim that
    anyone is A.

    Attributes:
        max_terms: Maximum number of terms, in [3, 6]. Default: 4.
        max_premises: Maximum number of premises, in [2, 6]. Default: 3.
    """

    LEVELS: ClassVar = {"easy": {"max_terms": 3, "max_premises": 2}, "hard": {"max_terms": 5, "max_premises": 5}}
    OPTIONS: ClassVar = ("valid", "invalid")

    max_terms: int = 4
    max_premises: int = 3

    def __post_init__(self) -> None:
        """Check the parameters."""
        expect(3 <= self.max_terms <= 6, "max_terms in [3, 6]")
        expect(2 <= self.max_premises <= 6, "max_premises in [2, 6]")

    def draw(self, rng: np.random.Generator) -> dict[str, Any]:
        """Choose the verdict first, then draw arguments until one has it, with premises that can all be true."""
        wanted = choose(rng, self.OPTIONS)
        while True:
            terms = sample(rng, _NOUNS, randint(rng, 3, self.max_terms))
            statements = [_statement(rng, len(terms)) for _ in range(randint(rng, 2, self.max_premises) + 1)]
            data = {"terms": terms, "premises": statements[:-1], "conclusion": statements[-1]}
            consistent = _possible(statements[:-1], len(terms))
            if consistent and statements[-1] not in statements[:-1] and self.find(data) == wanted:
                return data

    def ask(self, data: Mapping[str, Any]) -> str:
        """Put the argument into words."""
        premises = " ".join(_words(statement, data["terms"]) for statement in data["premises"])
        return (
            f"Is this argument deductively valid?\nPremises: {premises}\n"
            f"Conclusion: {_words(data['conclusion'], data['terms'])}\nWrite valid or invalid as <<<verdict>>>."
        )

    def find(self, data: Mapping[str, Any]) -> str:
        """An argument is valid if premises and negated conclusion cannot all be true."""
        quantifier, a, b = data["conclusion"]
        opposite = {"every": ["some", a, [b[0], not b[1]]], "no": ["some", a, b], "some": ["no", a, b]}[quantifier]
        counterexample = _possible([*data["premises"], opposite], len(data["terms"]))
        return "invalid" if counterexample else "valid"


def _statement(rng: np.random.Generator, terms: int) -> list[Any]:
    """Draw [quantifier, [term, affirmed], [term, affirmed]]."""
    a, b = sample(rng, range(terms), 2)
    return [choose(rng, list(_QUANTIFIERS)), [a, bool(rng.random() < 0.75)], [b, bool(rng.random() < 0.75)]]


def _possible(statements: Sequence[Sequence[Any]], terms: int) -> bool:
    """Return whether all statements are satisfiable together in some non-empty domain.

    A kind of individual is a truth value for every term. Universal statements forbid kinds; in the domain with all
    other kinds, every existential statement that can be true is true.
    """
    kinds = []
    for kind in product((False, True), repeat=terms):
        forbidden = False
        for quantifier, (a, affirmed), (b, confirmed) in statements:
            if quantifier != "some" and kind[a] == affirmed:
                forbidden = forbidden or (kind[b] == confirmed) == (quantifier == "no")
        if not forbidden:
            kinds.append(kind)
    return bool(kinds) and all(
        any(kind[a] == affirmed and kind[b] == confirmed for kind in kinds)
        for quantifier, (a, affirmed), (b, confirmed) in statements
        if quantifier == "some"
    )


def _words(statement: Sequence[Any], terms: Sequence[str]) -> str:
    quantifier, (a, affirmed), (b, confirmed) = statement
    first, second = ("" if affirmed else "not ") + terms[a], ("" if confirmed else "not ") + terms[b]
    return _QUANTIFIERS[quantifier].format(first, second)
