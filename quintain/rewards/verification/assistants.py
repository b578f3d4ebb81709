"""Backends of proof assistants: Lean 4 where ``lean`` is installed, Coq where ``coqc`` is.

A statement must compile with exactly one gap where its proof goes, and a proof counts only if the checker accepts it
and reports no other axiom than the usual ones. Whether the checker works is shown when the backend is made, by a
theorem that is true and one that is false.

Proofs by a model are text that the checker elaborates, and elaboration can run programs. Text with commands, meta
programs, options or gaps is refused before it reaches the checker, and the checker runs with limits of time and memory.
That is a filter, not isolation: run the whole evaluation in a container where the text may be hostile.
"""

from __future__ import annotations

import re
import secrets
import shutil
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

from quintain.errors import CapabilityError
from quintain.rewards.verification.backend import Check, Verdict
from quintain.rewards.verification.checker_process import Checked, CheckerLimits, run_checker
from quintain.rewards.verification.expressions import Unreadable
from quintain.rewards.verification.statements import Language, Statement
from quintain.rewards.verification.vacuity import vacuous

__all__ = ["AssistantBackend", "Dialect", "Theorem"]


class Theorem(NamedTuple):
    """A theorem without its proof.

    Attributes:
        binders: Variables and hypotheses, as the assistant writes them.
        goal: What follows.
    """

    binders: str
    goal: str


class Dialect(Protocol):
    """How an assistant writes theorems, and what its checker reports."""

    language: Language
    suffix: str
    portfolio: tuple[str, ...]
    refutations: tuple[str, ...]
    restatement: str
    falsehood: str
    true_goal: str
    true_goal_shown: str
    false_goal: str
    forbidden: re.Pattern[str]

    def render(self, statement: Statement) -> Theorem:
        """Write a statement of relations; raise ``Unreadable`` if it cannot be expressed."""
        ...

    def read(self, text: str) -> Theorem:
        """Read the text of a theorem; raise ``Unreadable`` if it is not exactly one."""
        ...

    def program(self, name: str, theorem: Theorem, proof: str | None) -> str:
        """Return a file that states a theorem with a proof, or with a gap, and asks for its axioms."""
        ...

    def accepts(self, name: str, checked: Checked, *, gap: bool) -> bool:
        """Whether a checker accepted such a file: with exactly one gap, or with none and no unusual axiom."""
        ...


class AssistantBackend:
    """Checks and proves by the command of a proof assistant.

    Args:
        dialect: The assistant.
        command: The checker and its arguments; the file is the last one. A bare name must be on the path.
        folder: Working directory, such as that of a Lean project with Mathlib; ``None`` for an empty one.
        limits: Limits of one run.

    Raises:
        CapabilityError: If there is no such command, or it does not accept a true theorem, or accepts a false one.
    """

    def __init__(
        self,
        dialect: Dialect,
        command: Sequence[str],
        *,
        folder: Path | None = None,
        limits: CheckerLimits | None = None,
    ) -> None:
        self._dialect, self._command, self._folder = dialect, tuple(command), folder
        self._limits = limits or CheckerLimits()
        if shutil.which(self._command[0]) is None:
            raise CapabilityError(
                f"there is no {self._command[0]!r} on the path; install it, or choose another verifier"
            )
        self._show_liveness()

    blocking = True

    @property
    def name(self) -> str:
        """The assistant."""
        return self._dialect.language

    @property
    def languages(self) -> frozenset[Language]:
        """Relations, and the assistant's own language."""
        return frozenset({"relations", self._dialect.language})

    def check(self, statement: Statement) -> Check:
        """Compile the statement with a gap, and refuse it if it asserts nothing."""
        reason = vacuous(statement) if statement.language == "relations" else ""
        if reason:
            return Check(False, reason)
        try:
            theorem = self._theorem(statement)
        except Unreadable as error:
            return Check(False, f"not a theorem: {error}")
        found = self._run(theorem, None)
        if not found.accepted:
            return Check(False, "does not compile", found.log)
        reason = self._probe(theorem)
        return Check(not reason, reason, found.log)

    def prove(self, statement: Statement, proofs: Sequence[str] = ()) -> Verdict:
        """Check the given proofs in order, or else those of the portfolio; the first that is accepted counts."""
        start, attempts, log = time.monotonic(), 0, ""
        theorem = self._theorem(statement)
        for proof in dict.fromkeys(proofs or self._dialect.portfolio):
            attempts += 1
            found = self._run(theorem, proof)
            if found.accepted:
                return Verdict("proved", proof, "", attempts, time.monotonic() - start)
            log = found.log
        return Verdict("unknown", log=log, attempts=attempts, seconds=time.monotonic() - start)

    def _theorem(self, statement: Statement) -> Theorem:
        dialect = self._dialect
        return dialect.render(statement) if statement.language == "relations" else dialect.read(statement.text)

    def _probe(self, theorem: Theorem) -> str:
        """Look for a reason why a theorem asserts nothing (see :mod:`~quintain.rewards.verification.vacuity`)."""
        dialect = self._dialect
        if theorem.goal.strip() == dialect.true_goal:
            return "the goal is true by definition"
        sides = theorem.goal.split("=")
        if len(sides) == 2 and sides[0].strip() == sides[1].strip():
            return "every goal has equal sides"
        if theorem.binders.strip():
            if self._run(theorem, dialect.restatement).accepted:
                return "every goal is a hypothesis"
            empty = Theorem(theorem.binders, dialect.falsehood)
            if any(self._run(empty, proof).accepted for proof in dialect.refutations):
                return "contradictory hypotheses"
        return ""

    def _run(self, theorem: Theorem, proof: str | None) -> Check:
        """Check one file, with a proof or a gap."""
        dialect = self._dialect
        for text in (theorem.binders, theorem.goal, proof or ""):
            if (found := dialect.forbidden.search(text)) is not None:
                return Check(False, "refused", f"refused: {found[0].strip()!r} may not occur in it\n")
        name = f"step_{secrets.token_hex(8)}"  # not to be guessed, so that no proof can print a report about it
        text = dialect.program(name, theorem, proof)
        checked = run_checker(self._command, f"{name}{dialect.suffix}", text, self._limits, self._folder)
        log = "the checker took too long\n" if checked.timed_out else checked.output.replace(name, "step")
        return Check(not checked.timed_out and dialect.accepts(name, checked, gap=proof is None), "", log)

    def _show_liveness(self) -> None:
        """Show that the checker accepts a true theorem, and neither a false one nor a gap in place of a proof."""
        true, false = (Theorem("", goal) for goal in (self._dialect.true_goal_shown, self._dialect.false_goal))
        proof = self._dialect.portfolio[0]
        shown = self._run(true, proof)
        if not shown.accepted:
            raise CapabilityError(f"{self._command[0]!r} does not accept a true theorem: {shown.log.strip()[-500:]}")
        if self._run(false, proof).accepted or not self._run(true, None).accepted:
            raise CapabilityError(f"{self._command[0]!r} accepts a false theorem, or reports no gaps; it is not used")
