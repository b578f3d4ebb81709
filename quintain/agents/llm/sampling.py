"""Draw tokens for many requests at once, each from its own random stream.

Every draw inverts the cumulative distribution at one uniform number of the request's own generator. So a request's
tokens do not depend on what else is in the batch, nor on the device.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from quintain.agents.llm.sampler import Sampler

__all__ = ["nucleus", "sample"]

_NUCLEUS_GUESS = 512  # candidates tried before the whole vocabulary is sorted


def nucleus(probs: torch.Tensor, top_p: float) -> torch.Tensor:
    """Zero all but the smallest set of likeliest tokens whose mass reaches ``top_p`` (Holtzman et al. 2020).

    Args:
        probs: Shape ``(vocab,)``, adding up to 1.
        top_p: In (0, 1).

    Returns:
        A new tensor, not renormalised.
    """
    for count in (_NUCLEUS_GUESS, len(probs)):
        values, indices = probs.topk(min(count, len(probs)))
        reached = values.cumsum(0, dtype=torch.float64) >= top_p
        if reached.any() or len(values) == len(probs):
            break
    size = int(reached.int().argmax()) + 1 if reached.any() else len(values)
    kept = torch.zeros_like(probs)
    kept[indices[:size]] = values[:size]
    return kept


def sample(logits: torch.Tensor, samplers: Sequence[Sampler]) -> list[int]:
    """Draw the next token of each row.

    Args:
        logits: Shape ``(rows, vocab)``, float32.
        samplers: One per row.

    Returns:
        One token per row.
    """
    tokens = logits.argmax(-1).tolist()
    warm = [row for row, sampler in enumerate(samplers) if sampler.temperature > 0]
    if not warm:
        return list(tokens)
    chosen = [samplers[row] for row in warm]
    temperatures = torch.tensor([s.temperature for s in chosen], device=logits.device)
    # Subtracting the maximum first keeps tiny temperatures from overflowing.
    scores = logits if len(warm) == len(samplers) else logits[warm]
    probs = ((scores - scores.amax(-1, keepdim=True)) / temperatures[:, None]).softmax(-1)
    for row, sampler in enumerate(chosen):
        if sampler.top_p < 1:
            probs[row] = nucleus(probs[row], sampler.top_p)
    edges = probs.cumsum(-1, dtype=torch.float64)
    points = torch.tensor([s.uniform() for s in chosen], dtype=torch.float64, device=logits.device)[:, None]
    drawn = torch.searchsorted(edges, points * edges[:, -1:], right=True)[:, 0].clamp(max=probs.shape[-1] - 1)
    for row, token in zip(warm, drawn.tolist(), strict=True):
        tokens[row] = token
    return list(tokens)
