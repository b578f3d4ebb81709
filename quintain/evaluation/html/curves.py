"""Curves with confidence bands for the pages of experiments."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from quintain.evaluation.html.svg import INK, SERIES, figure, inline_svg
from quintain.evaluation.statistics import Interval

__all__ = ["COLOURS", "Curve", "curves"]

#: Number of colours; curve ``COLOURS`` has the colour of curve 0.
COLOURS = len(SERIES)
#: Up to this number of positions, the horizontal axis marks the positions themselves.
_MAX_TICKS = 7
_MARKERS = "oDs^vP*X"


@dataclass(frozen=True)
class Curve:
    """One line of a figure.

    Attributes:
        name: Name of the series, for screen readers.
        colour: Index of its colour, from 0.
        x: Positions on the horizontal axis, one per interval of ``y``.
        y: Estimates and intervals; those without data are left out.
        points: Single measurements as pairs ``(x, y)``, drawn as dots.
    """

    name: str
    colour: int
    x: Sequence[float]
    y: Sequence[Interval]
    points: Sequence[tuple[float, float]] = field(default=())


def curves(lines: Sequence[Curve], x_label: str, y_label: str, *, rate: bool = False, legend: bool = False) -> str:
    """Draw curves, each with the band of its intervals.

    Args:
        lines: The curves, drawn in this order.
        x_label: Title of the horizontal axis.
        y_label: Title of the figure, and its name for screen readers.
        rate: Whether values are probabilities, shown in percent.
        legend: Whether the figure names its curves. Default: false, where the page does.

    Returns:
        An ``<svg>`` element.

    Raises:
        MissingDependencyError: Without matplotlib.
    """
    with figure(3.9, 2.7, y_label) as (drawn, axes):
        from matplotlib.ticker import MaxNLocator, PercentFormatter

        for line in lines:
            _draw(axes, line)
        axes.set_title(y_label, color=INK, fontsize=9.5, loc="left")
        axes.set_xlabel(x_label, color=INK)
        ticks = sorted({x for line in lines for x in line.x})
        if len(ticks) <= _MAX_TICKS:
            axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
        else:
            axes.xaxis.set_major_locator(MaxNLocator(5))
        axes.yaxis.set_major_locator(MaxNLocator(5))
        if rate:
            axes.set_ylim(-0.03, 1.03)
            axes.yaxis.set_major_formatter(PercentFormatter(1.0))
        elif not _show_zero(axes):
            axes.set_ylabel("axis does not start at 0", color=INK, fontsize=7.5)
        if legend:
            axes.legend(frameon=False, fontsize=7.5, labelcolor=INK)
        last = "; ".join(f"{line.name} {line.y[-1]}" for line in lines if line.y and line.y[-1].n)
        return inline_svg(drawn, f"{y_label} over {x_label}; at the right end: {last}")


def _show_zero(axes: Any) -> bool:
    """Extend the vertical axis to 0, unless the curves would then take less than a tenth of its height."""
    low, high = axes.get_ylim()
    if low > 0 or high < 0:
        if high - low < 0.1 * max(abs(low), abs(high)):
            return False
        axes.set_ylim(min(low, 0.0), max(high, 0.0))
    return True


def _draw(axes: Any, line: Curve) -> None:
    known = [(x, y) for x, y in zip(line.x, line.y, strict=True) if y.n]
    if not known:
        return
    colour = SERIES[line.colour % COLOURS]
    x = [value for value, _ in known]
    low, high = ([e if math.isnan(v) else v for v, e in ends] for ends in _ends([y for _, y in known]))
    axes.fill_between(x, low, high, color=colour, alpha=0.16, linewidth=0)
    marker = _MARKERS[line.colour % len(_MARKERS)]
    axes.plot(
        x, [y.estimate for _, y in known], color=colour, marker=marker, markersize=4, linewidth=1.6, label=line.name
    )
    if line.points:
        across, up = zip(*line.points, strict=True)
        axes.scatter(across, up, s=7, color=colour, alpha=0.55, linewidths=0)


def _ends(intervals: Sequence[Interval]) -> tuple[list[tuple[float, float]], list[tuple[float, float]]]:
    return [(i.low, i.estimate) for i in intervals], [(i.high, i.estimate) for i in intervals]
