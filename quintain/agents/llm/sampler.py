"""How one reply draws: its temperature, its nucleus and a random stream of its own."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from quintain.seeding import SeedStream

__all__ = ["Sampler"]


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
