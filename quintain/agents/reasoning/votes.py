"""Select one of several candidates by votes and scores: pure functions."""

from __future__ import annotations

import math
from collections.abc import Sequence

__all__ = ["best", "borda_weights", "first_of", "mean_votes", "tally", "winner"]


def tally(answers: Sequence[str | None], weights: Sequence[float] | None = None) -> dict[str, float]:
    """Add up the weights of the candidates that give each answer, in the order in which answers are seen first.

    Args:
        answers: The candidates' answers; ``None`` casts no vote.
        weights: Their weights; ``None`` counts each once, which is majority voting.

    Example:
        >>> tally(["4", "3", None, "3"])
        {'4': 1.0, '3': 2.0}
    """
    votes: dict[str, float] = {}
    for answer, weight in zip(answers, weights or [1.0] * len(answers), strict=True):
        if answer is not None:
            votes[answer] = votes.get(answer, 0.0) + weight
    return votes


def mean_votes(answers: Sequence[str | None], weights: Sequence[float]) -> dict[str, float]:
    """Average the weights of the candidates that give each answer: the rival of :func:`tally` that ignores support."""
    counts = tally(answers)
    return {answer: total / counts[answer] for answer, total in tally(answers, weights).items()}


def winner(votes: dict[str, float]) -> str | None:
    """Return the answer with the most votes, of several the one seen first; ``None`` without any."""
    return max(votes, key=votes.__getitem__) if votes else None


def first_of(answers: Sequence[str | None], answer: str | None) -> int:
    """Return the first candidate that gives an answer; the very first candidate if none does."""
    return answers.index(answer) if answer in answers else 0


def best(answers: Sequence[str | None], scores: Sequence[float]) -> int:
    """Return the candidate with the highest score, of several the first.

    Candidates without an answer count only if no other has one either.

    Example:
        >>> best([None, "3", "4"], [9.0, 1.0, 2.0])
        2
    """
    some = any(answer is not None for answer in answers)
    eligible = [k for k, answer in enumerate(answers) if answer is not None or not some]
    return max(eligible, key=lambda k: scores[k])


def borda_weights(scores: Sequence[float], p: float) -> list[float]:
    """Return the votes that candidates cast by rank: (N - r + 1)^p, with r = 1 for the highest score.

    All ``N`` candidates are ranked, those without an answer included; of equal scores the first ranks higher. With
    p = 0 each casts one vote, which is majority voting; as p grows, the highest score alone decides (Kang et al. 2025,
    arXiv 2502.18581, section 4).

    Args:
        scores: One score per candidate, higher is better; NaN ranks last.
        p: Exponent, in [0, 100].

    Example:
        >>> borda_weights([0.2, 0.9, 0.5], p=2)
        [1.0, 9.0, 4.0]
    """
    order = sorted(range(len(scores)), key=lambda k: -scores[k] if not math.isnan(scores[k]) else math.inf)
    weights = [0.0] * len(scores)
    for rank, k in enumerate(order, start=1):
        weights[k] = float(len(scores) - rank + 1) ** p
    return weights
