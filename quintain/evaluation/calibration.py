"""Calibration: whether confidences are the shares of right answers that they claim to be, and whether they sort them.

Definitions of Kadavath et al. 2022, arXiv 2207.05221: bins hold equal numbers of predictions, not equal widths;
ECE = mean over bins of |y_b - x_b|, RMS = sqrt(mean over bins of (y_b - x_b)^2), with x_b the mean confidence and y_b
the share of right answers of bin b; Brier = mean (p_i - c_i)^2.

Equal confidences cannot be sorted, so each bin has a share of all answers of such a group, instead of some of them:
results do not depend on the order of the answers.

Binned errors are biased upwards: confidences that are perfectly calibrated have a positive ECE, the larger the fewer
they are. So the ECE comes with the one that calibrated confidences of these values would have, and a p-value, instead
of an interval.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quintain.evaluation.interval import Interval
from quintain.evaluation.interval_ends import logit_t
from quintain.evaluation.statistics import SMALL_N, mean
from quintain.records import EpisodeRecord
from quintain.seeding import SeedStream

__all__ = ["Bin", "Calibration", "auroc", "calibration", "confidence_of"]

#: Number of bins of the paper.
BINS = 10
_SIMULATIONS = 2000
#: Shares of answers that are given, of the curve of selective accuracy.
COVERAGES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)

Floats = Sequence[float] | NDArray[np.float64]
Labels = Sequence[Hashable] | NDArray[Any] | None


@dataclass(frozen=True, slots=True)
class Bin:
    """Predictions of similar confidence.

    Attributes:
        confidence: Their mean confidence, in [0, 1].
        accuracy: The share of right answers among them.
    """

    confidence: float
    accuracy: Interval


@dataclass(frozen=True, slots=True)
class Calibration:
    """The calibration of a set of confidences.

    Attributes:
        accuracy: Share of right answers.
        confidence: Mean confidence; above the accuracy: overconfident.
        brier: Mean squared difference of confidence and rightness, 0 is best; always saying 0.5 has 0.25.
        auroc: Probability that a right answer has a higher confidence than a wrong one; 0.5 is chance. Without data
            where all answers are right, or all wrong.
        ece: Expected calibration error over bins of equal counts.
        rms: Root mean square calibration error over the same bins.
        ece_calibrated: Mean ECE of outcomes drawn with the confidences as their probabilities: what remains of the ECE
            of calibrated confidences, because the bins are small.
        p_calibrated: (1 + k) / (1 + n), where k of n such draws have an ECE of at least the observed one: small values
            speak against calibration. Draws are independent, so it is too small where answers depend on each other.
        accepted: Accuracy of the answers with a confidence above 0.5; without data if there are none.
        bins: The bins of the reliability diagram, by rising confidence.
        selective: Pairs of the share of answers that are given, those of the highest confidence first, and their
            accuracy; of answers of equal confidence, of which some are given, it is the accuracy of all.
    """

    accuracy: Interval
    confidence: Interval
    brier: Interval
    auroc: Interval
    ece: float
    rms: float
    ece_calibrated: float
    p_calibrated: float
    accepted: Interval
    bins: tuple[Bin, ...]
    selective: tuple[tuple[float, Interval], ...]


def calibration(
    confidences: Floats,
    right: Sequence[bool] | Floats,
    confidence: float = 0.95,
    *,
    bins: int = BINS,
    clusters: Labels = None,
    seed: int = 0,
    unit: str = "answers",
) -> Calibration:
    """Measure how well confidences tell right answers from wrong ones.

    Args:
        confidences: The confidence in each answer, in [0, 1], shape ``(n,)`` with n >= 1. For multiple choice that of
            the chosen option.
        right: Whether each answer is right.
        confidence: Nominal coverage of the intervals, in (0, 1).
        bins: Number of bins, >= 1; fewer where there are fewer answers. Default: 10 (paper).
        clusters: A label per answer; answers with one label depend on each other, such as samples of one question.
        seed: Seed of the simulated outcomes.
        unit: What is independent, in the plural, for notes.

    Raises:
        ValueError: If there are no answers, a confidence is outside [0, 1], or the lengths differ.

    Example:
        >>> found = calibration([0.9, 0.8, 0.3, 0.2], [True, True, False, False], bins=2)
        >>> round(found.ece, 3), found.auroc.estimate, found.accepted.estimate
        (0.2, 1.0, 1.0)
    """
    p, c = _checked(confidences, right)
    if clusters is not None and len(clusters) != len(p):
        raise ValueError(f"expected a cluster for each of {len(p)} answers, got {len(clusters)}")
    order = np.lexsort((c, p))
    p, c = p[order], c[order]
    labels = None if clusters is None else np.asarray(clusters)[order]

    def share(values: NDArray[np.float64], weights: NDArray[np.float64] | None = None) -> Interval:
        return _share(values, np.ones(len(p)) if weights is None else weights, labels, confidence, unit)

    n = len(p)
    ends = np.cumsum([0, *map(len, np.array_split(p, min(bins, n)))])
    parts = np.stack([_weights(p, first, end) for first, end in itertools.pairwise(ends)])
    observed = np.abs(_errors(p, c[None], parts))
    simulated = np.abs(_errors(p, _outcomes(p, seed), parts)).mean(1)
    above = int((simulated >= observed.mean() - 1e-12).sum())
    return Calibration(
        accuracy=share(c),
        confidence=share(p),
        brier=share((p - c) ** 2),
        auroc=auroc(p, c, confidence, clusters=labels, unit=unit),
        ece=float(observed.mean()),
        rms=float(np.sqrt((observed**2).mean())),
        ece_calibrated=float(simulated.mean()),
        p_calibrated=(1 + above) / (1 + len(simulated)),
        accepted=share(c, (p > 0.5).astype(np.float64)),
        bins=tuple(Bin(float(part @ p / part.sum()), share(c, part)) for part in parts),
        selective=tuple(
            (coverage, share(c, _weights(p, n - max(1, round(coverage * n)), n))) for coverage in COVERAGES
        ),
    )


def confidence_of(episode: EpisodeRecord) -> float | None:
    """Return the confidence that was recorded of an episode, in [0, 1]; ``None`` without any.

    It is the entry ``"confidence"`` of the last decision that has one (see
    :func:`~quintain.engines.engine.record_decision`), else that of the episode's last ``info``. Anything but a number
    in [0, 1] is no confidence.
    """
    given = [decision["confidence"] for decision in episode.decisions if "confidence" in decision]
    value = given[-1] if given else episode.info.get("confidence")
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return float(value) if 0 <= value <= 1 else None


def auroc(
    scores: Floats,
    right: Sequence[bool] | Floats,
    confidence: float = 0.95,
    *,
    clusters: Labels = None,
    unit: str = "answers",
) -> Interval:
    """Estimate the area under the ROC curve: P(score of a right answer > score of a wrong one), ties count half.

    Its variance is DeLong's, from the mean comparison of each answer with the other kind, summed within clusters
    (DeLong et al. 1988; Obuchowski 1997); the interval is made on the logit scale.

    Args:
        scores: Finite numbers, higher for answers that are more likely right, shape ``(n,)``.
        right: Whether each answer is right.
        confidence: Nominal coverage, in (0, 1).
        clusters: A label per answer; answers with one label depend on each other.
        unit: What is independent, in the plural, for notes.

    Returns:
        The area with its interval; without data where all answers are right, or all wrong.

    Raises:
        ValueError: If the lengths differ, or a number is not finite.

    Example:
        >>> auroc([0.9, 0.6, 0.6, 0.1], [True, True, False, False]).estimate
        0.875
    """
    s, c = np.asarray(scores, dtype=np.float64), np.asarray(right, dtype=np.float64)
    if s.shape != c.shape or s.ndim != 1 or not np.isfinite(s).all():
        raise ValueError(f"expected as many finite scores as verdicts, got {s.shape} and {c.shape}")
    positive = c > 0.5
    n1, n0 = int(positive.sum()), int((~positive).sum())
    if not n1 or not n0:
        return Interval(math.nan, math.nan, math.nan, 0, "none", confidence, "answers are all right or all wrong")
    wins = _wins(s[positive], s[~positive])
    area = float(wins.mean() / n0)
    influence = np.empty(len(s))
    influence[positive] = (wins / n0 - area) / n1
    influence[~positive] = (_wins(-s[~positive], -s[positive]) / n1 - area) / n0
    labels = np.arange(len(s)) if clusters is None else np.unique(np.asarray(clusters), return_inverse=True)[1]
    totals = np.bincount(labels.ravel(), weights=influence)
    k = len(totals)
    if k < 2:
        return Interval(area, math.nan, math.nan, len(s), "none", confidence, f"no interval from fewer than 2 {unit}")
    variance = float((totals**2).sum()) * k / (k - 1)
    ends = logit_t(area, variance, k - 1, min(n1, n0), math.inf, confidence)
    note = f"only {min(n1, n0)} answers of one kind: read the interval with care" if min(n1, n0) < SMALL_N else ""
    count = None if clusters is None else k
    return Interval(area, ends.low, ends.high, len(s), "logit t", confidence, note, count, unit)


def _wins(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return for each of ``first`` how many of ``second`` are lower, ties counting half."""
    ordered = np.sort(second)
    below, up_to = np.searchsorted(ordered, first, "left"), np.searchsorted(ordered, first, "right")
    found: NDArray[np.float64] = (below + up_to) / 2
    return found


def _checked(confidences: Any, right: Any) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    p, c = np.asarray(confidences, dtype=np.float64), np.asarray(right, dtype=np.float64)
    if p.shape != c.shape or p.ndim != 1 or not len(p):
        raise ValueError(f"expected a confidence and a verdict for each answer, got {p.shape} and {c.shape}")
    if not ((p >= 0) & (p <= 1)).all():
        raise ValueError("confidences must be in [0, 1]")
    if not np.isin(c, (0.0, 1.0)).all():
        raise ValueError("verdicts must be true or false")
    return p, c


def _weights(p: NDArray[np.float64], first: int, end: int) -> NDArray[np.float64]:
    """Return the weight in [0, 1] of each answer in places ``first`` to ``end`` of sorted confidences.

    Answers of one confidence have equal weights: the share of their places that lie within. Weights add up to
    ``end - first``.
    """
    starts, ends = np.searchsorted(p, p, "left"), np.searchsorted(p, p, "right")
    found: NDArray[np.float64] = (np.minimum(ends, end) - np.maximum(starts, first)).clip(0) / (ends - starts)
    return found


def _share(
    values: NDArray[np.float64], weights: NDArray[np.float64], labels: Labels, confidence: float, unit: str
) -> Interval:
    """Estimate the weighted mean of values in [0, 1] of which some have no weight."""
    used = weights > 0
    values, weights = values[used], weights[used]
    labels = None if labels is None else np.asarray(labels)[used]
    if not len(values) or np.ptp(weights) == 0:
        return mean(values, confidence, bounds=(0, 1), clusters=labels, unit=unit)
    weights = weights / weights.sum()
    estimate, n = min(float(weights @ values), 1.0), len(values)
    codes = np.arange(n) if labels is None else np.unique(labels, return_inverse=True)[1].ravel()
    residuals = np.bincount(codes, weights=weights * (values - estimate))  # of a ratio of totals, linearised
    k = len(residuals)
    count = None if labels is None else k
    if k < 2:
        note = f"no interval from fewer than 2 {unit}"
        return Interval(estimate, math.nan, math.nan, n, "none", confidence, note, count, unit)
    effective = 1 / float((np.bincount(codes, weights=weights) ** 2).sum())
    variance = k / (k - 1) * float((residuals**2).sum())
    low, high = logit_t(estimate, variance, k - 1, effective, math.inf, confidence)
    note = f"only {k} {unit}: read the interval with care" if k < SMALL_N else ""
    return Interval(estimate, low, high, n, "logit t", confidence, note, count, unit)


def _outcomes(p: NDArray[np.float64], seed: int) -> NDArray[np.float64]:
    """Draw outcomes with these probabilities, shape ``(simulations, n)``."""
    rng = SeedStream(seed, "calibrated outcomes").generator()
    return (rng.random((_SIMULATIONS, len(p))) < p).astype(np.float64)


def _errors(p: NDArray[np.float64], c: NDArray[np.float64], parts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return y_b - x_b for each row of outcomes and each bin, of which ``parts`` has the weights: ``(rows, bins)``."""
    shares = parts / parts.sum(1, keepdims=True)
    found: NDArray[np.float64] = c @ shares.T - shares @ p
    return found
