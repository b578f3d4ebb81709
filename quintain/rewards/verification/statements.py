"""A formal statement of one step: hypotheses and goals, or the text of a theorem in a proof language."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, Self

from quintain.rewards.verification.expressions import Relation

__all__ = ["Language", "Statement"]

#: In what a statement is written: as relations, which every backend reads, or in the language of a proof assistant.
Language = Literal["relations", "lean", "coq"]


@dataclass(frozen=True, slots=True)
class Statement:
    """What has to be proved for one step: for all values of the names, the hypotheses imply every goal.

    Attributes:
        text: The statement as text; of relations, ``hypotheses ⊢ goals``.
        language: In what it is written. Default: ``"relations"``.
        hypotheses: Relations that are given; empty in another language.
        goals: Relations that follow; empty in another language.
    """

    text: str
    language: Language = "relations"
    hypotheses: tuple[Relation, ...] = ()
    goals: tuple[Relation, ...] = ()

    @classmethod
    def of(cls, hypotheses: Iterable[Relation], goals: Iterable[Relation]) -> Self:
        """Make a statement of relations.

        Example:
            >>> from quintain.rewards.verification.expressions import parse_relations
            >>> Statement.of(parse_relations("2x = 8"), parse_relations("x = 4")).text
            '2 * x = 8 ⊢ x = 4'
        """
        given, follow = tuple(hypotheses), tuple(goals)
        parts = [", ".join(map(str, each)) for each in (given, follow)]
        return cls(" ⊢ ".join(parts).strip(), "relations", given, follow)
