"""A candidate: one sampled reply, with the answer that it gives and what is known of its quality."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self

from quintain.engines.token_statistics import TokenStatistics

__all__ = ["Candidate"]


@dataclass(frozen=True, slots=True)
class Candidate:
    """One sampled reply.

    Attributes:
        text: The reply, as the environment would be given it.
        answer: The answer that the environment reads from it, equal for equal answers; ``None`` if it has none.
        tokens: Number of generated tokens, those of an extracted answer included.
        logprobs: Log-probability of each token that was sampled for the reply, those of an extracted answer left out;
            empty unless a method asks for them.
        statistics: Statistics of the distributions of the same tokens; ``None`` unless a method asks for them.
        scores: Scores by name; higher is better.
    """

    text: str
    answer: str | None
    tokens: int = 0
    logprobs: tuple[float, ...] = ()
    statistics: TokenStatistics | None = None
    scores: Mapping[str, float] = field(default_factory=dict)

    def scored(self, name: str, value: float) -> Self:
        """Return the candidate with one more score."""
        return replace(self, scores={**self.scores, name: value})

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-able data for the record, without the numbers of single tokens, which the calls hold."""
        data: dict[str, Any] = {"text": self.text, "answer": self.answer, "tokens": self.tokens}
        return data | ({"scores": dict(self.scores)} if self.scores else {})
