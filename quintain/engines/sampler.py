"""Sampling parameters of one reply, with a random stream of its own.

Draws are exponential races: of independent exponential times with rates ``p_i`` the first belongs to ``i`` with
probability ``p_i``. Taking the minimum of ``E_i / p_i`` (the same as the Gumbel-max trick) makes a draw depend on the
random stream and on each probability alone. Inverting the cumulative distribution would take fewer random numbers, but
there floating-point noise in any one probability shifts the boundaries of all that follow, and a reply would change
with its neighbours in the batch.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from quintain.seeding import SeedStream

__all__ = ["Sampler"]


class Sampler:
    """Temperature, nucleus and random stream of one reply.

    Args:
        temperature: Sampling temperature, >= 0; 0 takes the most likely token, in case of a tie the one with
            the lowest id.
        top_p: Probability mass of the nucleus, in (0, 1].
        seed: Seed of the request, or ``None`` for fresh entropy.
        index: Index of the reply among the request's ``n``. Each has an independent stream.
    """

    __slots__ = ("_rng", "temperature", "top_p")

    def __init__(self, temperature: float, top_p: float, seed: int | None, index: int) -> None:
        self.temperature = temperature
        self.top_p = top_p
        self._rng = np.random.default_rng() if seed is None else SeedStream(seed, "reply", index).generator()

    def times(self, out: npt.NDArray[np.float32]) -> None:
        """Fill ``out`` with independent standard exponential times: the random numbers of one draw."""
        self._rng.standard_exponential(dtype=np.float32, out=out)

    def choose(self, logprobs: Sequence[float]) -> int:
        """Draw an index in proportion to ``exp(logprobs / temperature)``; the nucleus does not apply.

        Args:
            logprobs: Log-weights; they need not be normalised.
        """
        scores = np.asarray(logprobs, dtype=np.float64)
        if self.temperature == 0:
            return int(scores.argmax())
        with np.errstate(divide="ignore", over="ignore"):
            race = (scores - scores.max()) / self.temperature - np.log(self._rng.standard_exponential(len(scores)))
        return int(race.argmax())
