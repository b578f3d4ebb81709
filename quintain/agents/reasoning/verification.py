"""Self-Evaluate by formal verification of the steps of each candidate, fused with a prospective score (Safe).

Source: Liu et al. 2025, arXiv 2506.04592. The verifier is found by name: it lives with the rewards.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from quintain.agents.reasoning.candidate import Candidate
from quintain.agents.reasoning.feedback import Evaluate, Signal, SignalKind
from quintain.agents.reasoning.turn import Turn
from quintain.agents.reasoning.votes import tally
from quintain.engines.request import EngineCapability
from quintain.errors import AgentError, UnknownNameError
from quintain.messages import Message
from quintain.registry import load_attribute

__all__ = ["FUSIONS", "AnswerShare", "Fuse", "StepVerification", "Verified", "VerifiesSteps", "load_verifier"]

_MAKE_VERIFIER = "quintain.rewards.verification:make_verifier"
_FUSE = "quintain.rewards.verification:fuse"
#: How scores are fused; see :func:`~quintain.rewards.verification.scores.fuse`.
FUSIONS = ("geometric", "product", "sum", "min", "max")


class Verified(Protocol):
    """The result for one solution."""

    @property
    def score(self) -> float:
        """Score of its steps, in [0, 1]."""
        ...

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-able evidence, step by step."""
        ...


class VerifiesSteps(Protocol):
    """A verifier of solutions, such as :class:`~quintain.rewards.verification.verifier.StepVerifier`."""

    async def verify(
        self,
        question: str,
        solution: str,
        ask: Callable[[Sequence[Message]], Awaitable[str | None]] | None = None,
    ) -> Verified:
        """Verify a solution; ``ask`` asks the model, within the budget of the decision."""
        ...


def load_verifier(verifier: str | VerifiesSteps, options: Mapping[str, Any]) -> VerifiesSteps:
    """Return a verifier, or make one by name: see :func:`~quintain.rewards.verification.registry.make_verifier`."""
    made: VerifiesSteps = load_attribute(_MAKE_VERIFIER)(verifier, **options)
    return made


@dataclass(frozen=True)
class AnswerShare:
    """The share of the candidates with answers that give a candidate's answer; 0 for one without."""

    kind: SignalKind = "scalar"
    needs: frozenset[EngineCapability] = frozenset()

    async def __call__(self, turn: Turn, candidates: Sequence[Candidate]) -> Signal:
        """Count the answers."""
        votes = tally([candidate.answer for candidate in candidates])
        total = sum(votes.values())
        values = (0.0 if c.answer is None else votes[c.answer] / total for c in candidates)
        return Signal(self.kind, "agreement", tuple(values))


@dataclass(frozen=True)
class Fuse:
    """How a retrospective and a prospective score become one.

    Attributes:
        alpha: Weight of the retrospective score, in [0, 1]. Default: 0.5.
        how: One of :data:`FUSIONS`. Default: ``"geometric"`` (paper).

    Raises:
        UnknownNameError: If there is no such fusion.
    """

    alpha: float = 0.5
    how: str = "geometric"

    def __post_init__(self) -> None:
        """Check the name."""
        if self.how not in FUSIONS:
            raise UnknownNameError("fusion", self.how, FUSIONS)

    def __call__(self, retrospective: float, prospective: float) -> float:
        """Combine two scores in [0, 1]."""
        return float(load_attribute(_FUSE)(retrospective, prospective, self.alpha, self.how))


@dataclass(frozen=True)
class StepVerification:
    """Verify the steps of each different candidate, and fuse the score with a prospective one.

    Attributes:
        verifier: Verifies the steps of a candidate and gives it a score in [0, 1].
        prospective: An evaluation with values in [0, 1]; ``None`` takes the verifier's score alone.
        fuse: How the two are combined.
        kind: Kind of the signal, for the record. Default: ``"external"``.
    """

    verifier: VerifiesSteps
    prospective: Evaluate | None = None
    fuse: Fuse = field(default_factory=Fuse)
    kind: SignalKind = "external"

    @property
    def needs(self) -> frozenset[EngineCapability]:
        """What the prospective score needs of the engine."""
        return frozenset() if self.prospective is None else self.prospective.needs

    async def __call__(self, turn: Turn, candidates: Sequence[Candidate]) -> Signal:
        """Verify; the facts hold the evidence for every candidate.

        Raises:
            AgentError: If a score is no number in [0, 1].
        """
        found: dict[str, Verified] = {}
        for candidate in candidates:
            if candidate.text not in found:
                found[candidate.text] = await self.verifier.verify(turn.observation, candidate.text, _asking(turn))
        values = [_in_unit("the verifier", found[candidate.text].score) for candidate in candidates]
        evidence = [found[candidate.text].to_dict() for candidate in candidates]
        if self.prospective is None:
            return Signal(self.kind, "safe", tuple(values), facts={"verification": evidence})
        signal = await self.prospective(turn, candidates)
        prospective = [_in_unit(f"the prospective score {signal.name!r}", value) for value in signal.values]
        fused = tuple(self.fuse(*pair) for pair in zip(values, prospective, strict=True))
        scores = {"retrospective": values, "prospective": prospective}
        return Signal(self.kind, "safe", fused, facts=scores | {"verification": evidence})


def _in_unit(what: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 1:
        if value == -math.inf:  # no budget was left to compute it
            return 0.0
        raise AgentError(f"{what} must be a number in [0, 1], and is {value!r}")
    return float(value)


def _asking(turn: Turn) -> Callable[[Sequence[Message]], Awaitable[str | None]]:
    async def ask(messages: Sequence[Message]) -> str | None:
        ((*replies,),) = await turn.ask([messages])
        return replies[0].text if replies else None

    return ask
