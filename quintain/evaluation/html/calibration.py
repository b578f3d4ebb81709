"""Figures of calibration: the reliability diagram, and accuracy by the share of answers that are given."""

from __future__ import annotations

from quintain.evaluation.calibration import Calibration
from quintain.evaluation.html.curves import Curve, curves
from quintain.evaluation.interval import Interval

__all__ = ["reliability_diagram", "selective_curve"]


def reliability_diagram(found: Calibration) -> str:
    """Draw the share of right answers over the mean confidence of each bin, and the diagonal of perfect calibration.

    Returns:
        An ``<svg>`` element in the colours of the page.

    Raises:
        MissingDependencyError: Without matplotlib.
    """
    diagonal = [Interval(end, end, end, 1, "none") for end in (0.0, 1.0)]
    lines = [
        Curve("calibrated", 1, (0.0, 1.0), diagonal),
        Curve("bins of equal counts", 0, [b.confidence for b in found.bins], [b.accuracy for b in found.bins]),
    ]
    return curves(lines, "mean confidence", "share of right answers", rate=True, legend=True)


def selective_curve(found: Calibration) -> str:
    """Draw the accuracy of the most confident answers over the share of answers that are given.

    Returns:
        An ``<svg>`` element in the colours of the page.

    Raises:
        MissingDependencyError: Without matplotlib.
    """
    shares, accuracies = zip(*found.selective, strict=True)
    return curves([Curve("accuracy", 0, shares, accuracies)], "share of answers given", "accuracy", rate=True)
