"""Histograms for the page of a run."""

from __future__ import annotations

import math
from collections.abc import Sequence

from quintain.evaluation.html.svg import ACCENT, INK, figure, inline_svg

__all__ = ["histogram"]

#: Maximum number of bars.
_MAX_BARS = 24


def histogram(values: Sequence[float], label: str) -> str:
    """Draw a histogram.

    Args:
        values: Finite numbers, at least one.
        label: Name of the quantity: title of the axis, and part of the figure's name for screen readers.

    Returns:
        An ``<svg>`` element.

    Raises:
        MissingDependencyError: Without matplotlib.
    """
    with figure(3.4, 1.9, label) as (drawn, axes):
        from matplotlib.ticker import MaxNLocator

        counts, _, _ = axes.hist(values, bins=_edges(values), color=ACCENT, rwidth=0.88)
        axes.set_xlabel(label, color=INK)
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=_are_integers(values), min_n_ticks=1))
        axes.yaxis.set_major_locator(MaxNLocator(3, integer=True, min_n_ticks=1))
        axes.set_ylim(0, max(1.0, float(max(counts)) * 1.05))
        return inline_svg(drawn, f"Histogram of {label}, {len(values)} episodes")


def _edges(values: Sequence[float]) -> list[float]:
    low, high = min(values), max(values)
    if _are_integers(values) and high - low < _MAX_BARS:
        return [low - 0.5 + k for k in range(int(high - low) + 2)]
    if low == high:
        return [low - 0.5, low + 0.5]
    bars = min(_MAX_BARS, max(6, math.ceil(2 * len(values) ** (1 / 3))))
    return [low + (high - low) * k / bars for k in range(bars + 1)]


def _are_integers(values: Sequence[float]) -> bool:
    return all(float(v).is_integer() for v in values)
