"""Draw tokens for many requests at once, each from its own random stream.

Every draw inverts the cumulative distribution at one uniform number of the request's own generator. So a request's
tokens do not depend on what else is in the batch, nor on the device.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from quintain.seeding import SeedStream

__all__ = ["Sampler", "nucleus", "sample"]

_NUCLEUS_GUESS = 512  # candidates tried before the whole vocabulary is sorted


class Sampler:
    """How one reply draws its tokens.

    Args:
        temperature: 0 takes the likeliest token; ties go to the lowest index.
        top_p: Nucleus mass.
        seed: Seed of the request, or ``None`` for fresh entropy.
        index: Which of the request's replies this is. Replies have independent streams.
    """

    __slots__ = ("_rng", "temperature", "top_p")

    def __init__(self, temperature: float, top_p: float, seed: int | None, index: int) -> None:
        self.temperature = temperature
        self.top_p = top_p
        self._rng = np.random.default_rng() if seed is None else SeedStream(seed, "reply", index).generator()

    def uniform(self) -> float:
        """Return the next number of this reply's stream, in [0, 1)."""
        return float(self._rng.random())

    def choose(self, logprobs: Sequence[float]) -> int:
        """Draw an index in proportion to ``exp(logprobs / temperature)``; the nucleus does not apply.

        Args:
            logprobs: Log-weights; they need not be normalised.
        """
        scores = np.asarray(logprobs, dtype=np.float64)
        if self.temperature == 0:
            return int(scores.argmax())
        weights = np.exp((scores - scores.max()) / self.temperature)
        edges = np.cumsum(weights)
        return min(int(np.searchsorted(edges, self.uniform() * edges[-1], side="right")), len(scores) - 1)


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
