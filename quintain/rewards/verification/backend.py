"""What a verifier asks of a proof backend: check that a statement asserts something, and try to prove it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from quintain.rewards.verification.statements import Language, Statement

__all__ = ["Check", "ProofBackend", "Verdict", "VerdictOutcome"]

#: ``"proved"``: there is a checked proof. ``"refuted"``: the statement is false. ``"unknown"``: neither was found.
VerdictOutcome = Literal["proved", "refuted", "unknown"]


@dataclass(frozen=True, slots=True)
class Check:
    """Whether a statement can be proved at all, and is worth it.

    Attributes:
        accepted: Whether it is well formed and asserts something.
        reason: Why it is not accepted, such as ``"contradictory hypotheses"``; empty if it is.
        log: What the checker printed.
    """

    accepted: bool
    reason: str = ""
    log: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The result of an attempt to prove a statement.

    Attributes:
        outcome: Whether it is proved.
        proof: The proof, or the counterexample of a refuted statement; empty without one.
        log: What the prover printed, or why it found nothing.
        attempts: Number of proofs that were tried, >= 0. Default: 1.
        seconds: Wall time of the prover; not compared. Default: 0.
    """

    outcome: VerdictOutcome
    proof: str = ""
    log: str = ""
    attempts: int = 1
    seconds: float = field(default=0.0, compare=False)


class ProofBackend(Protocol):
    """Checks and proves statements; both methods are synchronous and take bounded time."""

    @property
    def name(self) -> str:
        """Its name in the evidence."""
        ...

    @property
    def blocking(self) -> bool:
        """Whether a call may take long, so that it should not run in an event loop."""
        ...

    @property
    def languages(self) -> frozenset[Language]:
        """The languages of statements that it reads."""
        ...

    def check(self, statement: Statement) -> Check:
        """Check that the statement is well formed and not vacuous."""
        ...

    def prove(self, statement: Statement, proofs: Sequence[str] = ()) -> Verdict:
        """Try to prove an accepted statement.

        Args:
            statement: The statement.
            proofs: Proofs to check, such as those of a model; without any, the backend searches on its own.
        """
        ...
