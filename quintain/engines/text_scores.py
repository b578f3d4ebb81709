"""Scores of given texts: the log-probability that a model gives to each of their tokens."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["TextScore", "perplexity"]


@dataclass(frozen=True, slots=True)
class TextScore:
    """Teacher-forced log-probabilities of a text after its prompt.

    Attributes:
        token_ids: Ids of the text's tokens. Where a token spans the border, they begin with the last characters of the
            prompt; see :mod:`quintain.engines.choices`.
        logprobs: Log-probability of each of them (natural log), given the prompt and the tokens before.
    """

    token_ids: tuple[int, ...]
    logprobs: tuple[float, ...]

    @property
    def total(self) -> float:
        """Log-probability of the whole text."""
        return math.fsum(self.logprobs)


def perplexity(scores: Sequence[TextScore]) -> float:
    """Return the perplexity of several texts: exp of minus the mean log-probability of all their tokens.

    Args:
        scores: At least one score with a token.

    Example:
        >>> round(perplexity([TextScore((5, 6), (math.log(0.5), math.log(0.125)))]), 9)
        4.0
    """
    tokens = sum(len(score.logprobs) for score in scores)
    return math.exp(-math.fsum(score.total for score in scores) / tokens)
