"""Scores of mistake detection: precision, recall and F1 (PREGO, 2024), and the balanced ones of TI-PREGO (2026)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["DetectionCounts"]


@dataclass(frozen=True, slots=True)
class DetectionCounts:
    """Answers at the steps of transcripts, pooled; wrong steps are the positives.

    A detector that flags every step has a recall of 1, a balanced precision of 0.5 and a balanced F1 of 2/3, whatever
    the share of wrong steps is: print it beside every other one.

    Attributes:
        tp: Wrong steps that were flagged.
        fp: Right steps that were flagged.
        tn: Right steps that were not.
        fn: Wrong steps that were not.

    Example:
        >>> always = DetectionCounts(tp=182, fp=482, tn=0, fn=0)
        >>> [round(score, 3) for score in (always.precision, always.recall, always.f1)]
        [0.274, 1.0, 0.43]
        >>> round(always.balanced_precision, 3), round(always.balanced_f1, 3)
        (0.5, 0.667)
    """

    tp: int = 0
    fp: int = 0
    tn: int = 0
    fn: int = 0

    def __add__(self, other: DetectionCounts) -> DetectionCounts:
        return DetectionCounts(self.tp + other.tp, self.fp + other.fp, self.tn + other.tn, self.fn + other.fn)

    @classmethod
    def pooled(cls, metrics: Iterable[Mapping[str, Any]]) -> DetectionCounts:
        """Add the counts of episodes.

        Args:
            metrics: ``info["metrics"]`` of the last step of each episode.
        """
        return sum((cls(*(int(found[name]) for name in ("tp", "fp", "tn", "fn"))) for found in metrics), cls())

    @property
    def precision(self) -> float:
        """Share of the flagged steps that are wrong; NaN if none was flagged."""
        return _ratio(self.tp, self.tp + self.fp)

    @property
    def recall(self) -> float:
        """Share of the wrong steps that were flagged; NaN if there are none."""
        return _ratio(self.tp, self.tp + self.fn)

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall; 0 if no wrong step was flagged, NaN if there are none."""
        return _ratio(2 * self.tp, 2 * self.tp + self.fp + self.fn)

    @property
    def balanced_precision(self) -> float:
        """Precision if there were as many right steps as wrong ones: TP / (TP + FP * N+ / N-)."""
        positives, negatives = self.tp + self.fn, self.fp + self.tn
        if not negatives:
            return math.nan
        return _ratio(self.tp, self.tp + self.fp * positives / negatives)

    @property
    def balanced_f1(self) -> float:
        """Harmonic mean of balanced precision and recall; 0 if no wrong step was flagged."""
        if not self.tp:
            return 0.0 if self.fn else math.nan
        precision, recall = self.balanced_precision, self.recall
        return 2 * precision * recall / (precision + recall)


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else math.nan
