"""The interface of self-feedback: evaluate candidates into a signal, and update the response with it.

Source: Liang et al. 2024, arXiv 2407.14507: Self-Evaluate turns expressions of the model into a signal, Self-Update
turns response and signal into a new response. Evaluations and updates here compose freely.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from quintain.agents.reasoning.candidate import Candidate
from quintain.agents.reasoning.turn import Turn
from quintain.engines.request import EngineCapability

__all__ = ["Evaluate", "Outcome", "Signal", "SignalKind", "Update"]

#: What a signal is made of: a number per candidate, criticism in words, facts from outside the model, or a comparison.
SignalKind = Literal["scalar", "text", "external", "contrastive"]


@dataclass(frozen=True, slots=True)
class Signal:
    """The result of an evaluation.

    Attributes:
        kind: What it is made of.
        name: Name of its numbers, under which candidates carry them as scores; empty without numbers.
        values: One number per candidate, higher is better; empty without numbers.
        texts: One text per candidate; empty without texts.
        facts: JSON-able facts for the record of the decision.
    """

    kind: SignalKind
    name: str = ""
    values: tuple[float, ...] = ()
    texts: tuple[str, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of an update.

    Attributes:
        candidates: The candidates of the next round; those that were evaluated, or new ones.
        chosen: Index of the one that is the action if the loop ends here.
        votes: Weight of each answer, where the choice is a vote.
        finished: Whether the loop ends here; no update looks at a right answer, except an oracle's.
    """

    candidates: Sequence[Candidate]
    chosen: int = 0
    votes: Mapping[str, float] = field(default_factory=dict)
    finished: bool = True


class Evaluate(Protocol):
    """Self-Evaluate: a signal on candidates."""

    @property
    def kind(self) -> SignalKind:
        """What its signal is made of."""
        ...

    @property
    def needs(self) -> frozenset[EngineCapability]:
        """What the engine must be able to do.

        ``"logprobs"`` and ``"token_statistics"`` are requested with the candidates.
        """
        ...

    async def __call__(self, turn: Turn, candidates: Sequence[Candidate]) -> Signal:
        """Evaluate at least one candidate; further requests are charged to the decision's ledger."""
        ...


class Update(Protocol):
    """Self-Update: choose among candidates, or write new ones, given a signal."""

    async def __call__(self, turn: Turn, candidates: Sequence[Candidate], signal: Signal) -> Outcome:
        """Update at least one candidate; further requests are charged to the decision's ledger."""
        ...
