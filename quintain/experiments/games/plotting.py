"""The style of the figures of games experiments: inline SVG in the page's colours, one look for each player."""

from __future__ import annotations

import functools
import io
from collections.abc import Callable, Sequence
from typing import Any, ParamSpec

import numpy as np
from numpy.typing import NDArray

from quintain.errors import require

__all__ = [
    "COLOUR_MAP",
    "INK",
    "MARKERS",
    "PAPER",
    "PLAYERS",
    "as_svg",
    "heat_map",
    "looks",
    "new_figure",
    "page_figure",
]

#: The colour map of all heat maps: dark is low.
COLOUR_MAP = "viridis"
# Placeholder colours that occur nowhere else in a figure. In the SVG they become the page's CSS variables (light and
# dark theme), with a fixed colour as fallback for figures outside a page.
INK, PAPER, PLAYERS = "#010203", "#040507", [f"#0b0c{i:02x}" for i in range(7)]
_ALONE = ("#2f6db3", "#c8433f", "#1f8f63", "#b97a12", "#7f56b8", "#128a9c", "#a8507f")
_COLOURS = {INK: "var(--muted, #60666d)", PAPER: "var(--card, #ffffff)"}
_COLOURS |= {s: f"var(--c{i}, {_ALONE[i]})" for i, s in enumerate(PLAYERS)}
MARKERS = "oDs^vP*X<>"
_LINES = ("-", "--", ":", "-.")
#: Up to this number of columns, the cells of a heat map hold their numbers.
_MAX_WRITTEN = 16
_P = ParamSpec("_P")


def page_figure(draw: Callable[_P, str]) -> Callable[_P, str]:
    """Apply the page's font size and colours to a plotting function."""

    @functools.wraps(draw)
    def styled(*args: _P.args, **kwargs: _P.kwargs) -> str:
        require("matplotlib", "report", "figures")
        import matplotlib
        from cycler import cycler

        inks = ("text.color", "axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color")
        style: dict[Any, Any] = dict.fromkeys(inks, INK) | {
            "font.size": 8,
            "axes.titlesize": 9,
            "axes.titlelocation": "left",
            "font.family": "sans-serif",
        }
        style |= {"axes.prop_cycle": cycler(color=PLAYERS), "svg.fonttype": "none", "svg.hashsalt": "quintain"}
        style |= {"axes.spines.top": False, "axes.spines.right": False, "legend.frameon": False, "legend.fontsize": 7}
        with matplotlib.rc_context(style):
            return draw(*args, **kwargs)

    return styled


def looks(players: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return colour, marker and line style of each player. One list of players gives one look in all figures.

    Args:
        players: Names of all players of a page, in the order of its tables.
    """
    return {
        name: {
            "color": PLAYERS[k % len(PLAYERS)],
            "marker": MARKERS[k % len(MARKERS)],
            "linestyle": _LINES[k // len(PLAYERS) % len(_LINES)],
        }
        for k, name in enumerate(players)
    }


def new_figure(width: float, height: float) -> tuple[Any, Any]:
    """Return a matplotlib figure and its axes.

    Args:
        width: Width of the figure in inches, > 0.
        height: Height of the figure in inches, > 0.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.add_subplot()
    axes.tick_params(labelsize=7)
    return figure, axes


def heat_map(
    figure: Any,
    axes: Any,
    table: NDArray[np.float64],
    write: Callable[[float], str],
    *,
    low: float | None = None,
    high: float | None = None,
    label: str = "",
) -> None:
    """Draw a heat map with a number in each cell, as long as there is room for numbers.

    Args:
        figure: The figure of ``axes``.
        axes: The matplotlib axes to draw on.
        table: Shape ``(rows, columns)``; NaN is left empty.
        write: Formats the number of a cell.
        low: Value of the darkest colour; the smallest value if ``None``.
        high: Value of the lightest colour; the largest value if ``None``.
        label: Title of the colour bar.
    """
    image = axes.imshow(table, cmap=COLOUR_MAP, vmin=low, vmax=high, aspect="auto", interpolation="nearest")
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    figure.colorbar(image, ax=axes, label=label, shrink=0.8).outline.set_visible(False)
    if table.shape[1] > _MAX_WRITTEN:
        return
    for (row, column), value in np.ndenumerate(table):
        if not np.isnan(value):
            ink = "black" if image.norm(value) > 0.55 else "white"
            axes.text(column, row, write(value), ha="center", va="center", color=ink, fontsize=7)


def as_svg(figure: Any) -> str:
    """Return a figure as an ``<svg>`` element in the page's colours."""
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
    text = buffer.getvalue()
    for placeholder, colour in _COLOURS.items():
        text = text.replace(placeholder, colour)
    return text[text.index("<svg") :]
