"""Mini sum: add a few numbers of two digits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from quintain.envs.text.draws import randint
from quintain.envs.text.forms import IntegerTask
from quintain.envs.text.task import expect

__all__ = ["MiniSum"]


@dataclass(frozen=True)
class MiniSum(IntegerTask):
    """Add ``min_terms`` to ``max_terms`` numbers from 1 to ``max_number``.

    Attributes:
        min_terms: Minimum number of terms, in [2, ``max_terms``]. Default: 2.
        max_terms: Maximum number of terms, in [``min_terms``, 6]. Default: 3.
        max_number: Maximum term, in [9, 999]. Default: 49.
    """

    LEVELS: ClassVar = {"easy": {"max_number": 19}, "hard": {"max_terms": 5, "max_number": 99}}

    min_terms: int = 2
    max_terms: int = 3
    max_number: int = 49

    def __post_init__(self) -> None:
        """Check the parameters."""
        expect(2 <= self.min_terms <= self.max_terms <= 6, "2 <= min_terms <= max_terms <= 6")
        expect(9 <= self.max_number <= 999, "max_number in [9, 999]")

    def draw(self, rng: np.random.Generator) -> dict[str, Any]:
        """Draw the terms."""
        count = randint(rng, self.min_terms, self.max_terms)
        return {"terms": [randint(rng, 1, self.max_number) for _ in range(count)]}

    def ask(self, data: Mapping[str, Any]) -> str:
        """Ask for the sum."""
        return f"{'+'.join(map(str, data['terms']))}=\n<<<number>>>"

    def find(self, data: Mapping[str, Any]) -> int:
        """Add."""
        return int(sum(data["terms"]))
