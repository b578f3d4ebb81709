"""Statistics of the model's next-token distributions, one number per generated token.

An engine reduces the logits of each step to these numbers, so that the logits of a reply are never kept.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

__all__ = ["StepStatistics", "TokenStatistics", "reduce_logits"]


class StepStatistics(NamedTuple):
    """The statistics of one next-token distribution; see :class:`TokenStatistics`."""

    self_certainty: float
    entropy: float
    gini: float


@dataclass(frozen=True, slots=True)
class TokenStatistics:
    """Statistics of the distributions from which the tokens of a reply were drawn, one number per token.

    With ``p`` the model's distribution over the whole vocabulary of ``V`` tokens, before temperature and top-p, and
    ``U`` the uniform one. ``V`` counts the logits that the model computes, unused ones included.

    Attributes:
        self_certainty: KL(U || p) = -log V - mean_j log p_j, in nats: 0 for the uniform distribution, and unbounded
            (Kang et al. 2025, arXiv 2502.18581).
        entropy: -sum_j p_j log p_j, in nats, in [0, log V].
        gini: sum_j p_j^2, in [1/V, 1]: the concentration of the distribution.
    """

    self_certainty: tuple[float, ...]
    entropy: tuple[float, ...]
    gini: tuple[float, ...]

    @classmethod
    def of(cls, steps: Sequence[StepStatistics]) -> Self:
        """Collect the statistics of the steps of a reply, in order."""
        return cls(*(tuple(step[k] for step in steps) for k in range(3)))

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        """Join the statistics of the parts of a reply, in order."""
        names = ("self_certainty", "entropy", "gini")
        return cls(*(tuple(value for part in parts for value in getattr(part, name)) for name in names))


def reduce_logits(logits: Any) -> list[StepStatistics]:
    """Reduce next-token logits to the statistics of their distributions, which no finite shift of the logits changes.

    With ``l`` the log of the sum of ``exp(z)``: self-certainty is ``l - mean(z) - log V``.

    Args:
        logits: Tensor of shape ``(rows, vocab)``, float32, before temperature. Minus infinity is a probability of 0,
            with which self-certainty is infinite.

    Returns:
        One entry per row.
    """
    import torch

    norms = logits.logsumexp(-1)
    probabilities = (logits - norms[:, None]).exp_()
    found = torch.stack(
        [
            norms - logits.mean(-1) - math.log(logits.shape[-1]),
            torch.special.entr(probabilities).sum(-1),
            probabilities.square_().sum(-1),
        ],
        dim=-1,
    )
    return [StepStatistics(*row) for row in found.tolist()]
