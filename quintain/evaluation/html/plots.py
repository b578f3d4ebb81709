"""Histograms as inline SVG that takes its colours from the page, so that it fits light and dark."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from typing import Any

from quintain.errors import require

__all__ = ["histogram"]

# Stand-ins that no other part of a figure uses, replaced by the page's variables.
_COLOURS = {"#010203": "var(--accent)", "#040506": "var(--muted)", "#070809": "var(--line)"}
_BAR, _INK, _LINE = _COLOURS
_MOST_BARS = 24


def histogram(values: Sequence[float], label: str) -> str:
    """Draw how often each value occurred.

    Args:
        values: Finite numbers, at least one.
        label: What they are: the axis title, and the name of the picture for screen readers.

    Returns:
        An ``<svg>`` element.

    Raises:
        MissingDependencyError: Without matplotlib.
    """
    require("matplotlib", "report", "plots of the report")
    import matplotlib
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    style: dict[Any, Any] = {"svg.fonttype": "none", "svg.hashsalt": label, "font.size": 9, "font.family": "sans-serif"}
    with matplotlib.rc_context(style):
        figure = Figure(figsize=(3.4, 1.9), layout="constrained")
        axes = figure.add_subplot()
        edges = _edges(values)
        counts, _, _ = axes.hist(values, bins=edges, color=_BAR, rwidth=0.88)
        axes.set_xlabel(label, color=_INK)
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=_are_integers(values), min_n_ticks=1))
        axes.yaxis.set_major_locator(MaxNLocator(3, integer=True, min_n_ticks=1))
        axes.set_ylim(0, max(1.0, float(max(counts)) * 1.05))
        axes.tick_params(colors=_INK, length=0)
        axes.grid(axis="y", color=_LINE, linewidth=0.8)
        axes.set_axisbelow(True)
        for side in ("top", "left", "right"):
            axes.spines[side].set_visible(False)
        axes.spines["bottom"].set_color(_LINE)
        stream = io.StringIO()
        figure.savefig(stream, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    return _inline(stream.getvalue(), f"Histogram of {label}, {len(values)} episodes")


def _edges(values: Sequence[float]) -> list[float]:
    low, high = min(values), max(values)
    if _are_integers(values) and high - low < _MOST_BARS:
        return [low - 0.5 + k for k in range(int(high - low) + 2)]
    if low == high:
        return [low - 0.5, low + 0.5]
    bars = min(_MOST_BARS, max(6, math.ceil(2 * len(values) ** (1 / 3))))
    return [low + (high - low) * k / bars for k in range(bars + 1)]


def _are_integers(values: Sequence[float]) -> bool:
    return all(float(v).is_integer() for v in values)


def _inline(svg: str, name: str) -> str:
    from markupsafe import escape

    svg = svg[svg.index("<svg") :]
    head, _, body = svg.partition(">")
    # The size comes from the page; the viewBox keeps the proportions.
    kept = " ".join(part for part in head.split(" ") if not part.startswith(("width=", "height=")))
    for stand_in, colour in _COLOURS.items():
        body = body.replace(stand_in, colour)
    return f'{kept} role="img" aria-label="{escape(name)}">{body}'
