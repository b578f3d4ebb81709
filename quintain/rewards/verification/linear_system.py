"""Systems of linear equations over the rational numbers, solved exactly."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

from quintain.rewards.verification.expressions import Expression, Linear, Relation, Unreadable

__all__ = ["LinearSystem"]


class LinearSystem:
    """The linear equations among given relations, in reduced form.

    Args:
        relations: Relations that hold. Those that are no linear equations are kept apart.

    Attributes:
        contradictory: Whether no values satisfy the equations.
        others: Relations that are no linear equations.
    """

    def __init__(self, relations: Iterable[Relation]) -> None:
        self.contradictory = False
        self.others: list[Relation] = []
        self._rows: dict[str, Linear] = {}  # pivot -> form that is 0, with coefficient 1 of the pivot
        for relation in relations:
            form = difference(relation)
            if form is None or relation.sign != "=":
                self.others.append(relation)
            else:
                self._add(self.reduce(form))

    @property
    def values(self) -> dict[str, Fraction]:
        """The names whose values the equations fix."""
        return {pivot: -row.constant for pivot, row in self._rows.items() if len(row.coefficients) == 1}

    def reduce(self, form: Linear) -> Linear:
        """Rewrite a linear form with the equations; names that they determine do not occur in the result."""
        for pivot, row in self._rows.items():
            if pivot in form.coefficients:
                form = _minus(form, row, form.coefficients[pivot])
        return form

    def _add(self, form: Linear) -> None:
        if not form.coefficients:
            self.contradictory |= form.constant != 0
            return
        pivot, factor = next(iter(form.coefficients.items()))
        row = Linear({name: value / factor for name, value in form.coefficients.items()}, form.constant / factor)
        for other, old in self._rows.items():
            if pivot in old.coefficients:
                self._rows[other] = _minus(old, row, old.coefficients[pivot])
        self._rows[pivot] = row


def difference(relation: Relation) -> Linear | None:
    """Return left minus right as a linear form; ``None`` if it is none, or has no value."""
    try:
        return Expression("-", (relation.left, relation.right)).linear()
    except Unreadable:
        return None


def _minus(form: Linear, row: Linear, factor: Fraction) -> Linear:
    names = [*form.coefficients, *(name for name in row.coefficients if name not in form.coefficients)]
    values = {n: form.coefficients.get(n, Fraction(0)) - factor * row.coefficients.get(n, Fraction(0)) for n in names}
    return Linear({name: value for name, value in values.items() if value}, form.constant - factor * row.constant)
