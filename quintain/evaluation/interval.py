"""An estimate with its confidence interval, how it was made, and how it is written."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Self

__all__ = ["Interval", "number"]

_NAMES = {
    "wilson": "Wilson", "modified wilson": "modified Wilson", "t": "Student t", "bca": "BCa bootstrap",
    "logit t": "logit t", "welch": "Welch t", "newcombe": "Newcombe",
    "combined": "combined intervals", "yuen": "Yuen t", "order statistics": "order statistics", "bonett": "Bonett",
    "bootstrap": "percentile bootstrap", "none": "no interval",
}  # fmt: skip


def number(value: float, kind: str = "mean", more: int = 0) -> str:
    """Write a number to three significant digits, and a rate in percent with one decimal.

    Args:
        value: The number; NaN is written ``nan``.
        kind: ``"rate"`` for a share, else ``"mean"``.
        more: Number of additional digits.

    Example:
        >>> number(0.1234), number(-1052.4), number(0.625, "rate")
        ('0.123', '-1,052', '62.5%')
    """
    if kind == "rate":
        return f"{value:z.{1 + more}%}"  # z: no negative zero
    return f"{value:,.{more}f}" if abs(value) >= 1000 else f"{value:z.{3 + more}g}"


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate with its confidence interval.

    Attributes:
        estimate: Point estimate; NaN when there is no data.
        low: Lower end; NaN where no interval can be given.
        high: Upper end; NaN where no interval can be given.
        n: Number of values behind the estimate.
        method: ``"wilson"``, ``"modified wilson"``, ``"newcombe"``, ``"logit t"``, ``"t"``, ``"welch"``, ``"bca"``,
            ``"combined"``, ``"yuen"``, ``"order statistics"`` or ``"bonett"``; ``"none"`` where no interval can be
            given; ``"bootstrap"`` in runs of earlier versions.
        confidence: Nominal coverage, in (0, 1).
        note: A note of caution, or empty.
        clusters: Number of clusters of values that depend on each other; ``None`` where values are independent.
        unit: What is independent of each other, in the plural: ``"values"``, ``"seeds"``, ``"matches"``.
        p_value: Two-sided p-value of the quantity being 0, in [0, 1]; NaN where that was not tested.
    """

    estimate: float
    low: float
    high: float
    n: int
    method: str
    confidence: float = 0.95
    note: str = ""
    clusters: int | None = None
    unit: str = "values"
    p_value: float = math.nan

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Inverse of :meth:`to_dict`; reads what earlier versions wrote."""
        numbers = ("estimate", "low", "high", "p_value")
        fields: dict[str, Any] = {k: math.nan if v is None and k in numbers else v for k, v in data.items()}
        return cls(**fields)

    def __str__(self) -> str:
        if self.n == 0:
            return "no data"
        if math.isnan(self.low):
            return f"{number(self.estimate)} (no interval)" if self.n > 1 else number(self.estimate)
        return f"{number(self.estimate)} {self.ends(lambda value, more: number(value, more=more))}"

    def ends(self, write: Callable[[float, int], str]) -> str:
        """Write both ends, with enough digits to distinguish them.

        Args:
            write: Formats a number with the given number of additional digits.
        """
        texts = write(self.low, 0), write(self.high, 0)
        for more in range(1, 12):
            if texts[0] != texts[1]:
                break
            texts = write(self.low, more), write(self.high, more)
        return f"[{texts[0]}, {texts[1]}]"

    @property
    def basis(self) -> str:
        """The method, and the number of independent units and of values, as in ``"logit t, 5 seeds (150 values)"``."""
        name = _NAMES.get(self.method, self.method)
        if self.clusters == 1:
            return f"{name}, {self.n:,} {self.unit} of one cluster"
        if self.clusters is None or self.clusters == self.n:
            return f"{name}, {self.n:,} {self.unit}"
        return f"{name}, {self.clusters:,} {self.unit} ({self.n:,} values)"

    @property
    def is_constant(self) -> bool:
        """Whether all values are equal, so that there is nothing to say beside the value."""
        return self.method == "none" and self.n > 1

    @property
    def remarks(self) -> str:
        """The basis and the note, for the last column of a table; empty without data."""
        if not self.n:
            return ""
        if self.note.startswith("no interval"):
            return self.note
        return "; ".join(filter(None, (self.basis, self.note)))

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-able data; NaN becomes ``None``."""
        fields = {name: getattr(self, name) for name in self.__slots__}
        return {k: None if isinstance(v, float) and math.isnan(v) else v for k, v in fields.items()}
