"""Formalisers: turn a step of a solution into a statement that can be proved, or say that there is nothing to check."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from quintain.messages import Message
from quintain.rewards.verification.claims import find_claims
from quintain.rewards.verification.expressions import Expression, Relation, Unreadable
from quintain.rewards.verification.statements import Statement

__all__ = ["ArithmeticFormaliser", "Ask", "Formalisation", "Formaliser", "ProofWriter"]

#: Asks a language model: messages in, the text of its reply out; ``None`` once a budget is spent.
Ask = Callable[[Sequence[Message]], Awaitable[str | None]]


@dataclass(frozen=True, slots=True)
class Formalisation:
    """The result of an attempt to formalise one step.

    Attributes:
        statement: The statement; ``None`` without one.
        required: Whether the step asserts anything that should be checked. Default: true.
        log: Why there is no statement, or what it leaves out; empty otherwise.
    """

    statement: Statement | None
    required: bool = True
    log: str = ""


class Formaliser(Protocol):
    """Formalises one step, given the question and all steps before it, never those after it."""

    @property
    def attempts(self) -> int:
        """Maximum number of attempts at a step, >= 1; 1 for one that is deterministic."""
        ...

    async def formalise(
        self, question: str, previous: Sequence[str], step: str, ask: Ask | None = None
    ) -> Formalisation:
        """Make one attempt.

        Args:
            question: The question.
            previous: The steps before, in order.
            step: The step.
            ask: Asks the model; formalisers without a model do not need it.
        """
        ...


class ProofWriter(Protocol):
    """Writes proofs of a statement, which a backend checks."""

    async def write(self, statement: Statement, ask: Ask | None = None) -> Sequence[str]:
        """Return proofs, the most promising first; none where the budget ends."""
        ...


class ArithmeticFormaliser:
    """Reads the relations of a step as they are written: ``3 pens * $4 = $12``, ``so 2x = 8 and x = 4``.

    A relation between numbers is a goal. A relation with names is a goal if the question or an earlier relation
    mentions all of them: those are its hypotheses. One with a new name introduces it, and is not checked. What the
    words of a step say is not checked either.
    """

    attempts = 1

    async def formalise(
        self, question: str, previous: Sequence[str], step: str, ask: Ask | None = None
    ) -> Formalisation:
        """Formalise a step; the model is not asked."""
        known = [r for text in (question, *previous) for r in find_claims(text).relations if r.names()]
        claims = find_claims(step)
        goals = _goals(claims.relations, known)
        log = "".join(f"not read: {text}\n" for text in claims.unreadable)
        if goals:
            names = _connected(goals, known)
            return Formalisation(Statement.of([r for r in known if r.names() <= names], goals), log=log)
        return Formalisation(None, bool(claims.unreadable), log)


def _goals(relations: Iterable[Relation], known: Iterable[Relation]) -> list[Relation]:
    """Choose the relations of a step that have to be proved."""
    context = list(known)
    names = frozenset[str]().union(*(relation.names() for relation in context))
    goals = []
    for relation in relations:
        if relation in context or relation.left == relation.right:
            continue  # said before
        if relation.names() <= names or _has_no_unknown(relation):
            goals.append(relation)
        names |= relation.names()
        context.append(relation)
    return goals


def _has_no_unknown(relation: Relation) -> bool:
    """Whether a relation is true or false whatever its names stand for, such as ``2x + x = 3x``."""
    try:
        form = Expression("-", (relation.left, relation.right)).linear()
    except Unreadable:
        return False
    return form is not None and not form.coefficients


def _connected(goals: Sequence[Relation], known: Sequence[Relation]) -> frozenset[str]:
    """Collect the names that the goals depend on through the hypotheses."""
    names = frozenset[str]().union(*(goal.names() for goal in goals))
    while True:
        more = names.union(*(relation.names() for relation in known if relation.names() & names))
        if more == names:
            return names
        names = more
