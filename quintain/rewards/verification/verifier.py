"""Safe: split a solution into steps, formalise each, try to prove it, and score the sequence of states.

Source: Liu et al. 2025, arXiv 2506.04592. Differences: the backend is exchangeable, and by default computes exactly
what the text says in place of Lean; vacuous statements count as failed formalisations; the score without training is
:func:`~quintain.rewards.verification.scores.proved_share`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from quintain.arguments import check_number
from quintain.errors import ConfigurationError
from quintain.rewards.verification.backend import Check, ProofBackend
from quintain.rewards.verification.evidence import StepEvidence, StepState, Verification
from quintain.rewards.verification.formaliser import Ask, Formalisation, Formaliser, ProofWriter
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
        proofs: Writes proofs for the backend to check; ``None`` leaves the search to the backend. Default: ``None``.
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
        proofs: ProofWriter | None = None,
        split: Callable[[str], Sequence[str]] = split_steps,
        limit_s: float = 3600.0,
    ) -> None:
        check_number("limit_s", limit_s, above=0)
        self.formaliser, self.backend, self.score, self.proofs = formaliser, backend, score, proofs
        self.split, self.limit_s = split, limit_s

    async def verify(self, question: str, solution: str, ask: Ask | None = None) -> Verification:
        """Verify a solution; a backend that takes long works in a thread.

        Args:
            question: The question that it answers.
            solution: Its text.
            ask: Asks a model, for formalisers and writers of proofs that do.
        """
        return await self._verify(question, solution, ask, threads=self.backend.blocking)

    def verify_now(self, question: str, solution: str) -> Verification:
        """Do the same without an event loop, for formalisers that ask no model.

        Raises:
            ConfigurationError: If the formaliser waits for something.
        """
        return _finished(self._verify(question, solution, None, threads=False))

    async def _verify(self, question: str, solution: str, ask: Ask | None, *, threads: bool) -> Verification:
        start = time.monotonic()
        found: list[StepEvidence] = []
        steps = [step for step in self.split(solution) if step.strip()]
        for at, step in enumerate(steps):
            began = time.monotonic()
            if began - start > self.limit_s:
                return Verification(tuple(found), 0.0, timed_out=True)
            evidence = await self._step(question, steps[:at], step, ask, threads)
            found.append(replace(evidence, seconds=time.monotonic() - began))
        if time.monotonic() - start > self.limit_s:
            return Verification(tuple(found), 0.0, timed_out=True)
        return Verification(tuple(found), float(self.score([evidence.state for evidence in found])))

    async def _step(
        self, question: str, previous: Sequence[str], step: str, ask: Ask | None, threads: bool
    ) -> StepEvidence:
        """Formalise a step until a statement is accepted, and try to prove it."""
        formal, log, reason, attempts = Formalisation(None), "", "no statement", 0
        while attempts < self.formaliser.attempts:
            attempts += 1
            formal = await self.formaliser.formalise(question, previous, step, ask)
            log = formal.log
            if not formal.required:
                return StepEvidence(step, StepState.NOT_REQUIRED, log=log, attempts=attempts)
            if formal.statement is None:
                reason = "no statement"
                continue
            check = await self._call(threads, self._check, formal.statement)
            log += check.log
            if check.accepted:
                return await self._proved(step, formal.statement, attempts, formal.log, ask, threads)
            reason = check.reason
        text = formal.statement.text if formal.statement else ""
        return StepEvidence(step, StepState.FAILED_FORMALISATION, text, reason=reason, log=log, attempts=attempts)

    def _check(self, statement: Statement) -> Check:
        if statement.language not in self.backend.languages:
            raise ConfigurationError(f"{self.backend.name} does not read statements in {statement.language!r}")
        return self.backend.check(statement)

    async def _proved(
        self, step: str, statement: Statement, attempts: int, log: str, ask: Ask | None, threads: bool
    ) -> StepEvidence:
        proofs = () if self.proofs is None else await self.proofs.write(statement, ask)
        verdict = await self._call(threads, self.backend.prove, statement, proofs)
        proved = verdict.outcome == "proved"
        return StepEvidence(
            step,
            StepState.SUCCESS if proved else StepState.FAILURE,
            statement.text,
            verdict.proof,
            "" if proved else "refuted" if verdict.outcome == "refuted" else "no proof found",
            log + verdict.log,
            self.backend.name,
            attempts,
            verdict.attempts,
        )

    async def _call(self, threads: bool, function: Callable[..., T], *args: Any) -> T:
        return await asyncio.to_thread(function, *args) if threads else function(*args)


def _finished(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine that never waits."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        result: T = end.value
        return result
    coroutine.close()
    raise ConfigurationError("the formaliser asks a model, which this place cannot wait for; use one that does not")
