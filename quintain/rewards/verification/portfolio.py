"""Several backends as one: the first that decides a statement counts."""

from __future__ import annotations

from collections.abc import Sequence

from quintain.errors import ConfigurationError
from quintain.rewards.verification.backend import Check, ProofBackend, Verdict
from quintain.rewards.verification.statements import Language, Statement

__all__ = ["Portfolio"]


class Portfolio:
    """Tries backends in order.

    A statement is refused if one of the backends that read its language refuses it.

    Args:
        backends: At least one, the fastest first.

    Raises:
        ConfigurationError: If there is none.
    """

    def __init__(self, backends: Sequence[ProofBackend]) -> None:
        if not backends:
            raise ConfigurationError("a portfolio needs at least one backend")
        self.backends = tuple(backends)

    @property
    def name(self) -> str:
        """The names of the backends."""
        return "+".join(backend.name for backend in self.backends)

    @property
    def blocking(self) -> bool:
        """Whether any of them takes long."""
        return any(backend.blocking for backend in self.backends)

    @property
    def languages(self) -> frozenset[Language]:
        """The languages that any of them reads."""
        return frozenset().union(*(backend.languages for backend in self.backends))

    def check(self, statement: Statement) -> Check:
        """Return the first refusal, or else acceptance."""
        for backend in self._readers(statement):
            check = backend.check(statement)
            if not check.accepted:
                return check
        return Check(True)

    def prove(self, statement: Statement, proofs: Sequence[str] = ()) -> Verdict:
        """Return the first verdict that decides, or else what all of them found out."""
        logs, attempts, seconds = [], 0, 0.0
        for backend in self._readers(statement):
            verdict = backend.prove(statement, proofs)
            attempts, seconds = attempts + verdict.attempts, seconds + verdict.seconds
            logs.append(f"{backend.name}: {verdict.log or verdict.outcome}")
            if verdict.outcome != "unknown":
                return Verdict(verdict.outcome, verdict.proof, "\n".join(logs), attempts, seconds)
        return Verdict("unknown", log="\n".join(logs), attempts=attempts, seconds=seconds)

    def _readers(self, statement: Statement) -> list[ProofBackend]:
        return [backend for backend in self.backends if statement.language in backend.languages]
