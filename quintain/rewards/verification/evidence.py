"""The four states of a step, and the evidence for each: statement, proof, and what the checkers said."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

__all__ = ["StepEvidence", "StepState", "Verification"]


class StepState(StrEnum):
    """The result for one step (Liu et al. 2025, arXiv 2506.04592), in the order of the aggregator's vocabulary."""

    FAILURE = "failure of proof"
    """There is a statement, and no proof: it may be false, or hard."""
    SUCCESS = "success of proof"
    """The statement is proved."""
    NOT_REQUIRED = "no verification required"
    """The step asserts nothing that is checked."""
    FAILED_FORMALISATION = "failed formalisation"
    """No attempt gave a statement that is well formed and asserts something."""


@dataclass(frozen=True, slots=True)
class StepEvidence:
    """What is known of one step.

    Attributes:
        step: Its text, unchanged.
        state: Its state.
        statement: The formal statement; empty without one.
        proof: The proof; of a refuted statement, why it is false; empty without either.
        reason: Why there is no statement or no proof, such as ``"contradictory hypotheses"`` or ``"refuted"``; empty
            otherwise.
        log: What formaliser and checker reported.
        prover: Name of the backend.
        attempts: Number of attempts to formalise the step.
        proofs: Number of proofs that were tried.
        seconds: Wall time; not compared, and not part of :meth:`to_dict`.
    """

    step: str
    state: StepState
    statement: str = ""
    proof: str = ""
    reason: str = ""
    log: str = ""
    prover: str = ""
    attempts: int = 0
    proofs: int = 0
    seconds: float = field(default=0.0, compare=False)

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-able data, without what is empty."""
        names = ("statement", "proof", "reason", "log", "prover", "attempts", "proofs")
        values = {name: value for name in names if (value := getattr(self, name))}
        return {"step": self.step, "state": self.state.value, **values}


@dataclass(frozen=True, slots=True)
class Verification:
    """The verification of one solution.

    Attributes:
        steps: The evidence, step by step.
        score: Score of the states, in [0, 1]: how likely the solution is right in view of them; 0 where time ran out.
        timed_out: Whether time ran out; the steps are then those that were finished. Default: false.
    """

    steps: tuple[StepEvidence, ...]
    score: float
    timed_out: bool = False

    @property
    def states(self) -> tuple[StepState, ...]:
        """The state of each step."""
        return tuple(evidence.state for evidence in self.steps)

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-able data: score, number of steps in each state, and the evidence."""
        counts = Counter(state.value for state in self.states)
        data: dict[str, Any] = {"score": self.score, "states": {s.value: counts[s.value] for s in StepState}}
        return data | ({"timed_out": True} if self.timed_out else {}) | {"steps": [e.to_dict() for e in self.steps]}
