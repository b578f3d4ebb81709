"""The backend ``z3``: an SMT solver over the real numbers, for inequalities and equations that are not linear.

Needs the extra ``z3``. The solver runs in this process, on statements of relations alone, within a limit of time.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from quintain.arguments import check_number
from quintain.errors import require
from quintain.rewards.verification.backend import Check, Verdict
from quintain.rewards.verification.expressions import Expression, Relation, Unreadable
from quintain.rewards.verification.statements import Language, Statement
from quintain.rewards.verification.vacuity import vacuous

__all__ = ["Z3Backend"]

_MAX_EXPONENT = 16


class Z3Backend:
    """Asks whether the hypotheses and the negation of a goal can be true together.

    If not, the statement is proved, and the proof names the hypotheses that were used. If so, it is refuted, and the
    values are the counterexample. Every denominator of a goal must be shown to differ from 0.

    Args:
        limit_s: Wall time of one question, in seconds, > 0. Default: 5.

    Raises:
        MissingDependencyError: If z3 is not installed.
    """

    name = "z3"
    blocking = True
    languages: frozenset[Language] = frozenset({"relations"})

    def __init__(self, limit_s: float = 5.0) -> None:
        check_number("limit_s", limit_s, above=0)
        self._z3: Any = require("z3", "z3", "proving statements")
        self.limit_s = limit_s

    def check(self, statement: Statement) -> Check:
        """Refuse statements that assert nothing, and hypotheses that contradict each other."""
        reason = vacuous(statement)
        try:
            if not reason and self._answer(self._given(statement))[0] == "unsat":
                reason = "contradictory hypotheses"
        except Unreadable as error:
            reason = f"not expressible: {error}"
        return Check(not reason, reason)

    def prove(self, statement: Statement, proofs: Sequence[str] = ()) -> Verdict:
        """Search for a counterexample; proofs that are given are not read."""
        start = time.monotonic()
        z3 = self._z3
        try:
            goals = [part for goal in statement.goals for part in (*self._defined(goal), self._relation(goal))]
            answer, found = self._answer({**self._given(statement), "goal": z3.Not(z3.And(*goals))})
        except Unreadable as error:
            return Verdict("unknown", log=f"not expressible: {error}")
        seconds = time.monotonic() - start
        if answer == "unsat":
            used = ", ".join(name for name in found if name != "goal") or "no hypothesis"
            return Verdict("proved", f"the negation of the goals contradicts {used}", seconds=seconds)
        if answer == "sat":
            values = ", ".join(found) or "the numbers themselves"
            return Verdict("refuted", f"counterexample: {values}", seconds=seconds)
        return Verdict("unknown", log=f"z3 found no answer in {self.limit_s:g} s", seconds=seconds)

    def _given(self, statement: Statement) -> dict[str, Any]:
        """Return the hypotheses by their text, with the denominators that they take for granted."""
        given = {}
        for relation in statement.hypotheses:
            given[str(relation)] = self._z3.And(*self._defined(relation), self._relation(relation))
        return given

    def _answer(self, asserted: dict[str, Any]) -> tuple[str, list[str]]:
        """Ask whether assertions can be true together; return the answer, and the names or values that show it."""
        solver = self._z3.Solver()
        solver.set("timeout", max(1, round(self.limit_s * 1000)))
        for name, formula in asserted.items():
            solver.assert_and_track(formula, name)
        answer = str(solver.check())
        if answer == "unsat":
            return answer, sorted(str(name) for name in solver.unsat_core())
        if answer == "sat":
            model = solver.model()
            return answer, sorted(f"{d.name()} = {model[d]}" for d in model if len(d.name()) == 1)
        return answer, []

    def _relation(self, relation: Relation) -> Any:
        left, right = self._expression(relation.left), self._expression(relation.right)
        if relation.sign == "≈":
            half = self._number(Fraction(1, 2 * 10**relation.right.decimals))
            return self._z3.And(left - right <= half, right - left <= half)
        signs = {"=": left == right, "!=": left != right, "<": left < right, "<=": left <= right}
        return signs.get(relation.sign, left > right if relation.sign == ">" else left >= right)

    def _defined(self, relation: Relation) -> list[Any]:
        """Return that no denominator is 0."""
        found: list[Any] = []
        open_ = [relation.left, relation.right]
        while open_:
            node = open_.pop()
            open_.extend(node.parts)
            if node.kind == "/":
                found.append(self._expression(node.parts[1]) != 0)
        return found

    def _number(self, value: Fraction) -> Any:
        return self._z3.Q(value.numerator, value.denominator)

    def _expression(self, node: Expression) -> Any:
        if not node.names():
            return self._expression_of_numbers(node)
        if node.kind == "name":
            return self._z3.Real(node.name)
        if node.kind == "^":
            exponent = node.parts[1].evaluate()
            if exponent.denominator != 1 or not 0 <= exponent <= _MAX_EXPONENT:
                raise Unreadable(f"a power of a name must be an integer from 0 to {_MAX_EXPONENT}")
            base, product = self._expression(node.parts[0]), self._number(Fraction(1))
            for _ in range(int(exponent)):
                product = product * base
            return product
        parts = [self._expression(part) for part in node.parts]
        if node.kind == "negative":
            return -parts[0]
        left, right = parts
        return (
            {"+": left + right, "-": left - right, "*": left * right}[node.kind] if node.kind != "/" else left / right
        )

    def _expression_of_numbers(self, node: Expression) -> Any:
        return self._number(node.evaluate())
