"""Draw the next token of many replies at once, each from its own random stream."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from quintain.engines.sampler import Sampler

__all__ = ["nucleus", "sample"]

_NUCLEUS_GUESS = 512  # tokens sorted first; the whole vocabulary only if their mass is below top_p


def nucleus(logits: torch.Tensor, top_p: float) -> torch.Tensor:
    """Return the indices of the smallest set of most likely tokens whose mass reaches ``top_p`` (Holtzman et al. 2020).

    Args:
        logits: Shape ``(vocab,)``, after temperature.
        top_p: Probability mass to keep, in (0, 1).
    """
    probs = logits.softmax(-1)
    for count in (_NUCLEUS_GUESS, len(probs)):
        values, indices = probs.topk(min(count, len(probs)))
        reached = values.cumsum(0, dtype=torch.float64) >= top_p
        if reached.any():
            return indices[: int(reached.int().argmax()) + 1]
    return indices  # rounding kept the mass of all tokens just below top_p


def sample(logits: torch.Tensor, samplers: Sequence[Sampler]) -> list[int]:
    """Draw the next token of each row.

    Args:
        logits: Shape ``(rows, vocab)``, float32.
        samplers: One per row; each draws ``vocab`` numbers if its temperature is above 0.

    Returns:
        One token per row.
    """
    warm = [row for row, sampler in enumerate(samplers) if sampler.temperature > 0]
    if not warm:
        return list(logits.argmax(-1).tolist())
    times = np.ones((len(samplers), logits.shape[-1]), dtype=np.float32)
    for row in warm:
        samplers[row].times(times[row])
    temperatures = torch.tensor([s.temperature or 1.0 for s in samplers], device=logits.device)[:, None]
    # Subtracting the maximum first keeps tiny temperatures from overflowing.
    scores = (logits - logits.amax(-1, keepdim=True)) / temperatures
    race = scores - torch.from_numpy(times).to(logits.device).log_()
    for row in warm:
        if samplers[row].top_p < 1:
            kept = nucleus(scores[row], samplers[row].top_p)
            inside = torch.full_like(race[row], -torch.inf)
            inside[kept] = race[row, kept]
            race[row] = inside
    return list(race.argmax(-1).tolist())
