"""Safe: split a solution into steps, formalise each, try to prove it, and score the sequence of states.

Source: Liu et al. 2025, arXiv 2506.04592. Differences: the backend is exchangeable, and by default computes exactly
what the text says in place of Lean; vacuous statements count as failed formalisations; the score without training is
:func:`~quintain.rewards.verification.scores.proved_share`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, TypeVar

from quintain.arguments import check_number
from quintain.errors import ConfigurationError
from quintain.rewards.verification.backend import ProofBackend
from quintain.rewards.verification.evidence import StepEvidence, StepState, Verification
from quintain.rewards.verification.formaliser import Ask, Formalisation, Formaliser
from quintain.rewards.verification.scores import StateScore, proved_share
from quintain.rewards.verification.statements import Statement
from quintain.rewards.verification.steps import split_steps

__all__ = ["StepVerifier"]

T = TypeVar("T")


class StepVerifier:
    r"""Verifies solutions step by step.

    Args:
        formaliser: Turns steps into statements.
        backend: Checks and proves statements.
        score: Scores a sequence of states in [0, 1]. Default: the share of statements that are proved.
        split: Splits a solution into steps that, joined, are its text. Default: at lines and sentences.
        limit_s: Wall time for a whole solution, in seconds, > 0; where it ends, the score is 0. Default: 3600 (paper).

    Example:
        >>> from quintain.rewards.verification import ArithmeticFormaliser, ExactBackend
        >>> verifier = StepVerifier(ArithmeticFormaliser(), ExactBackend())
        >>> found = verifier.verify_now("How many?", "3 * 4 = 12.\n12 + 5 = 18.")
        >>> [state.value for state in found.states], found.steps[1].proof
        (['success of proof', 'failure of proof'], '12 + 5 = 18: left is 17, right is 18')
    """

    def __init__(
        self,
        formaliser: Formaliser,
        backend: ProofBackend,
        *,
        score: StateScore = proved_share,
        split: Callable[[str], Sequence[str]] = split_steps,
        limit_s: float = 3600.0,
    ) -> None:
        check_number("limit_s", limit_s, above=0)
        self.formaliser, self.backend, self.score, self.split, self.limit_s = formaliser, backend, score, split, limit_s

    async def verify(self, question: str, solution: str, ask: Ask | None = None) -> Verification:
        """Verify a solution.

        Args:
            question: The question that it answers.
            solution: Its text.
            ask: Asks a model, for formalisers that do.
        """
        start = time.monotonic()
        found: list[StepEvidence] = []
        steps = [step for step in self.split(solution) if step.strip()]
        for at, step in enumerate(steps):
            began = time.monotonic()
            if began - start > self.limit_s:
                return Verification(tuple(found), 0.0, timed_out=True)
            formal, attempts, reason = await self._formalise(question, steps[:at], step, ask)
            found.append(self._evidence(step, formal, attempts, reason, began))
        if time.monotonic() - start > self.limit_s:
            return Verification(tuple(found), 0.0, timed_out=True)
        return Verification(tuple(found), float(self.score([evidence.state for evidence in found])))

    def verify_now(self, question: str, solution: str) -> Verification:
        """Do the same without an event loop, for formalisers that ask no model.

        Raises:
            ConfigurationError: If the formaliser waits for something.
        """
        return _finished(self.verify(question, solution))

    async def _formalise(
        self, question: str, previous: Sequence[str], step: str, ask: Ask | None
    ) -> tuple[Formalisation, int, str]:
        """Formalise a step until a statement is accepted; return the last attempt, their number, and why it failed."""
        formal, reason = Formalisation(None), "no statement"
        attempts = 0
        while attempts < self.formaliser.attempts:
            attempts += 1
            formal = await self.formaliser.formalise(question, previous, step, ask)
            if not formal.required:
                return formal, attempts, ""
            if formal.statement is None:
                reason = "no statement"
                continue
            check = self.backend.check(formal.statement)
            if check.accepted:
                return formal, attempts, ""
            reason = check.reason
            formal = Formalisation(formal.statement, log=formal.log + check.log)
        return formal, attempts, reason

    def _evidence(self, step: str, formal: Formalisation, attempts: int, reason: str, began: float) -> StepEvidence:
        text = formal.statement.text if formal.statement else ""

        def made(state: StepState, **fields: Any) -> StepEvidence:
            seconds = time.monotonic() - began
            return StepEvidence(step, state, text, attempts=attempts, seconds=seconds, **fields)

        if not formal.required:
            return made(StepState.NOT_REQUIRED, log=formal.log)
        if reason or formal.statement is None:
            return made(StepState.FAILED_FORMALISATION, reason=reason, log=formal.log)
        return self._proved(formal.statement, formal.log, made)

    def _proved(self, statement: Statement, log: str, made: Callable[..., StepEvidence]) -> StepEvidence:
        verdict = self.backend.prove(statement)
        known = {
            "proof": verdict.proof,
            "log": log + verdict.log,
            "prover": self.backend.name,
            "proofs": verdict.attempts,
        }
        if verdict.outcome == "proved":
            return made(StepState.SUCCESS, **known)
        return made(StepState.FAILURE, reason="refuted" if verdict.outcome == "refuted" else "no proof found", **known)


def _finished(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine that never waits."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        result: T = end.value
        return result
    coroutine.close()
    raise ConfigurationError("the formaliser asks a model, which this place cannot wait for; use one that does not")
