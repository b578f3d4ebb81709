"""Curves with interval bands as inline SVG that takes its colours from the page."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from quintain.errors import require
from quintain.evaluation.html.plots import _INK, _LINE, _inline
from quintain.evaluation.statistics import Interval

__all__ = ["COLOURS", "Curve", "curves"]

#: How many colours the page has for curves: the variables ``--c0`` to ``--c7``.
COLOURS = 8
_STAND_INS = {f"#0a0b{i:02x}": f"var(--c{i})" for i in range(COLOURS)}
#: Up to so many measured places of the horizontal axis are marked as they are.
_MOST_TICKS = 7
_MARKERS = "oDs^vP*X"


@dataclass(frozen=True)
class Curve:
    """One line of a figure.

    Attributes:
        name: What it shows.
        colour: Number of its colour, from 0.
        x: Where.
        y: Estimates and intervals; such without data are left out.
        points: Single measurements, ``(x, y)``.
    """

    name: str
    colour: int
    x: Sequence[float]
    y: Sequence[Interval]
    points: Sequence[tuple[float, float]] = field(default=())


def curves(lines: Sequence[Curve], x_label: str, y_label: str, *, rate: bool = False) -> str:
    """Draw curves, each with the band of its intervals.

    Args:
        lines: The curves.
        x_label: Title of the horizontal axis.
        y_label: Title of the figure, and its name for screen readers.
        rate: Whether values are probabilities, shown in percent.

    Returns:
        An ``<svg>`` element.

    Raises:
        MissingDependencyError: Without matplotlib.
    """
    require("matplotlib", "report", "plots of the report")
    import matplotlib
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator, PercentFormatter

    style: dict[Any, Any] = {"svg.fonttype": "none", "svg.hashsalt": y_label, "font.size": 9}
    style["font.family"] = "sans-serif"
    with matplotlib.rc_context(style):
        figure = Figure(figsize=(3.9, 2.7), layout="constrained")
        axes = figure.add_subplot()
        for line in lines:
            _draw(axes, line)
        axes.set_title(y_label, color=_INK, fontsize=9.5, loc="left")
        axes.set_xlabel(x_label, color=_INK)
        ticks = sorted({x for line in lines for x in line.x})
        if len(ticks) <= _MOST_TICKS:
            axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
        else:
            axes.xaxis.set_major_locator(MaxNLocator(5))
        axes.yaxis.set_major_locator(MaxNLocator(5))
        if rate:
            axes.set_ylim(-0.03, 1.03)
            axes.yaxis.set_major_formatter(PercentFormatter(1.0))
        elif not _show_zero(axes):
            axes.set_ylabel("axis does not start at 0", color=_INK, fontsize=7.5)
        axes.tick_params(colors=_INK, length=0)
        axes.grid(axis="y", color=_LINE, linewidth=0.8)
        axes.set_axisbelow(True)
        for side in ("top", "left", "right"):
            axes.spines[side].set_visible(False)
        axes.spines["bottom"].set_color(_LINE)
        stream = io.StringIO()
        figure.savefig(stream, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    told = "; ".join(f"{line.name} {line.y[-1]}" for line in lines if line.y and line.y[-1].n)
    svg = _inline(stream.getvalue(), f"{y_label} over {x_label}; at the right end: {told}")
    for stand_in, colour in _STAND_INS.items():
        svg = svg.replace(stand_in, colour)
    return svg


def _show_zero(axes: Any) -> bool:
    """Widen the vertical axis to hold 0, unless what is to be seen would then be under a tenth of its height."""
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
    colour = f"#0a0b{line.colour % COLOURS:02x}"
    x = [value for value, _ in known]
    low, high = ([e if math.isnan(v) else v for v, e in ends] for ends in _ends([y for _, y in known]))
    axes.fill_between(x, low, high, color=colour, alpha=0.16, linewidth=0)
    marker = _MARKERS[line.colour % len(_MARKERS)]
    axes.plot(x, [y.estimate for _, y in known], color=colour, marker=marker, markersize=4, linewidth=1.6)
    if line.points:
        across, up = zip(*line.points, strict=True)
        axes.scatter(across, up, s=7, color=colour, alpha=0.55, linewidths=0)


def _ends(intervals: Sequence[Interval]) -> tuple[list[tuple[float, float]], list[tuple[float, float]]]:
    return [(i.low, i.estimate) for i in intervals], [(i.high, i.estimate) for i in intervals]
