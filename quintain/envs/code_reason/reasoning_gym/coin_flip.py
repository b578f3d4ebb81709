"""Coin flip: the probability of a number of heads. Our own generator and verifier.

Reasoning-gym's scorer for this family gives full marks to ``0`` on every item that we tried.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import comb
from typing import Any, ClassVar

import numpy as np

from quintain.envs.text.draws import choose, randint
from quintain.envs.text.forms import NumberTask
from quintain.envs.text.task import expect

__all__ = ["CoinFlip"]


@dataclass(frozen=True)
class CoinFlip(NumberTask):
    """Exactly, at least or at most k heads with a fair or biased coin.

    Decimals must be right to twelve significant digits, fractions exact.

    Attributes:
        max_flips: Maximum number of flips, in [3, 30]. Default: 9.
    """

    LEVELS: ClassVar = {"easy": {"max_flips": 4}, "hard": {"max_flips": 20}}
    TOLERANCE: ClassVar[Fraction] = Fraction(1, 10**12)

    max_flips: int = 9

    def __post_init__(self) -> None:
        """Check the parameters."""
        expect(3 <= self.max_flips <= 30, "max_flips in [3, 30]")

    def draw(self, rng: np.random.Generator) -> dict[str, Any]:
        """Draw the coin, the flips and the event."""
        flips = randint(rng, 2, self.max_flips)
        heads = choose(rng, ([1, 2], [1, 2], [1, 3], [2, 3], [1, 4], [3, 4], [2, 5], [3, 5], [1, 6], [3, 10]))
        return {
            "flips": flips,
            "heads": heads,
            "kind": choose(rng, ("exactly", "at least", "at most")),
            "count": randint(rng, 1, flips - 1),
        }

    def ask(self, data: Mapping[str, Any]) -> str:
        """Ask for the probability."""
        p, q = data["heads"]
        coin = "A fair coin" if (p, q) == (1, 2) else f"A coin that shows heads with probability {p}/{q}"
        return (
            f"{coin} is flipped {data['flips']} times. What is the probability of {data['kind']} {data['count']} "
            "heads?\nWrite the exact probability as a fraction: <<<p/q>>>."
        )

    def find(self, data: Mapping[str, Any]) -> Fraction:
        """Add up binomial terms."""
        n, k, heads = data["flips"], data["count"], Fraction(*data["heads"])
        counts = {"exactly": range(k, k + 1), "at least": range(k, n + 1), "at most": range(k + 1)}[data["kind"]]
        return sum((comb(n, i) * heads**i * (1 - heads) ** (n - i) for i in counts), Fraction(0))
