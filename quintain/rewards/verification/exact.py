"""The backend ``arithmetic``: exact rational arithmetic and linear algebra; it needs nothing else installed.

It decides statements between numbers, and linear equations that follow from linear equations. Of others it decides
those whose names the hypotheses determine; the rest is unknown to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from quintain.rewards.verification.backend import Check, Verdict
from quintain.rewards.verification.expressions import Expression, Linear, Relation, Unreadable
from quintain.rewards.verification.linear_system import LinearSystem, difference
from quintain.rewards.verification.statements import Language, Statement
from quintain.rewards.verification.vacuity import vacuous

__all__ = ["ExactBackend"]


class ExactBackend:
    """Proves by computing. A proof says which values both sides have, and from which equations they follow."""

    name = "arithmetic"
    blocking = False
    languages: frozenset[Language] = frozenset({"relations"})

    def check(self, statement: Statement) -> Check:
        """Refuse statements that assert nothing, and hypotheses that contradict each other."""
        reason = vacuous(statement)
        if not reason and self.consistent(statement.hypotheses) is False:
            reason = "contradictory hypotheses"
        return Check(not reason, reason)

    def consistent(self, hypotheses: Sequence[Relation]) -> bool | None:
        """Whether some values satisfy the hypotheses; ``None`` where this backend cannot tell."""
        system = LinearSystem(hypotheses)
        if system.contradictory:
            return False
        verdicts = [_truth(relation, system.values) for relation in system.others]
        if False in verdicts:
            return False
        return None if None in verdicts else True

    def prove(self, statement: Statement, proofs: Sequence[str] = ()) -> Verdict:
        """Compute both sides of every goal; proofs that are given are not read."""
        system = LinearSystem(statement.hypotheses)
        lines, outcomes = [], []
        for goal in statement.goals:
            outcome, line = _decide(goal, system)
            outcomes.append(outcome)
            lines.append(f"{goal}: {line}")
        if all(outcome is True for outcome in outcomes):
            return Verdict("proved", "\n".join(lines))
        if False in outcomes:
            return Verdict("refuted", lines[outcomes.index(False)])
        return Verdict("unknown", log=lines[outcomes.index(None)])


def _decide(goal: Relation, system: LinearSystem) -> tuple[bool | None, str]:
    """Decide one goal; the text says why."""
    values = system.values
    truth = _truth(goal, values)
    used = ", ".join(f"{name} = {_text(values[name])}" for name in sorted(goal.names() & values.keys()))
    if truth is not None:
        left, right = goal.left.evaluate(values), goal.right.evaluate(values)
        sides = f"both sides are {_text(left)}" if left == right else f"left is {_text(left)}, right is {_text(right)}"
        return truth, f"with {used}, {sides}" if used else sides
    form = difference(goal)
    if form is None or goal.sign != "=":
        return None, "not decided: a name has no value, or a side is not linear"
    rest = system.reduce(form)
    if not rest.coefficients and rest.constant == 0:
        return True, "a linear combination of the hypotheses" if used or form.coefficients else "an identity"
    if not rest.coefficients:
        return False, f"the sides differ by {_text(rest.constant)}"
    if system.others:
        return None, f"not decided: {_form_text(rest)} need not be 0 by the linear hypotheses alone"
    return False, f"the hypotheses allow values for which {_form_text(rest)} is not 0"


def _truth(relation: Relation, values: dict[str, Fraction]) -> bool | None:
    try:
        return relation.holds(values)
    except Unreadable:
        return None


def _text(value: Fraction) -> str:
    return str(Expression("number", value=value))


def _form_text(form: Linear) -> str:
    terms = [f"{_text(value)} * {name}" for name, value in form.coefficients.items()]
    return " + ".join([*terms, _text(form.constant)] if form.constant else terms)
