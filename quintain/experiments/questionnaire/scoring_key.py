"""What turns answers into scores: for each item its trait, its key, and the score of each option."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from quintain.envs.questionnaires.instrument import Instrument

__all__ = ["ScoringKey"]


@dataclass(frozen=True, eq=False)
class ScoringKey:
    """The key of an instrument.

    Attributes:
        name: Name of the instrument.
        kind: ``"self-report"`` or ``"scenario"``.
        traits: Names of the traits.
        ids: Ids of the items.
        trait: Number of each item's trait, shape ``(items,)``.
        key: 1 or -1 for each item, shape ``(items,)``.
        values: Score of each option, the key applied, shape ``(items, options)``.
    """

    name: str
    kind: str
    traits: tuple[str, ...]
    ids: tuple[str, ...]
    trait: NDArray[np.intp]
    key: NDArray[np.intp]
    values: NDArray[np.float64]

    @classmethod
    def of(cls, instrument: Instrument) -> Self:
        """Read the key of an instrument."""
        items, traits = instrument.items, instrument.traits
        return cls(
            instrument.name,
            instrument.kind,
            traits,
            tuple(item.id for item in items),
            np.array([traits.index(item.trait) for item in items], dtype=np.intp),
            np.array([item.key for item in items], dtype=np.intp),
            np.array([item.values for item in items], dtype=np.float64),
        )

    @property
    def bounds(self) -> tuple[float, float]:
        """Smallest and largest score."""
        return float(self.values.min()), float(self.values.max())

    @property
    def middle(self) -> float:
        """The middle of the scale of scores, which is neither high nor low."""
        return sum(self.bounds) / 2

    @property
    def poles(self) -> NDArray[np.intp]:
        """For each option 1 (high), -1 (low) or 0 (in the middle), shape ``(items, options)``."""
        return np.sign(self.values - self.middle).astype(np.intp)

    @property
    def chance(self) -> tuple[float, float]:
        """Probability that two random answers differ: in the option, and in its pole."""
        n = self.values.shape[1]
        same = np.mean([[np.mean(row == pole) ** 2 for pole in (-1, 0, 1)] for row in self.poles], axis=0).sum()
        return 1 - 1 / n, 1 - float(same)

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-able data."""
        items = [
            [id, int(trait), int(key), row.tolist()]
            for id, trait, key, row in zip(self.ids, self.trait, self.key, self.values, strict=True)
        ]
        return {"name": self.name, "kind": self.kind, "traits": list(self.traits), "items": items}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Inverse of :meth:`to_dict`."""
        ids, trait, key, values = zip(*data["items"], strict=True)
        return cls(
            data["name"], data["kind"], tuple(data["traits"]), tuple(ids), np.array(trait), np.array(key),
            np.array(values, dtype=np.float64),
        )  # fmt: skip
