"""Figures as inline SVG that takes its colours from the page, so that they fit its light and its dark form."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from quintain.errors import require

__all__ = ["ACCENT", "INK", "LINE", "SERIES", "figure", "inline_svg"]

#: Placeholder colours, which no other part of a figure uses, and the page's variables that replace them.
_VARIABLES = {"#010203": "var(--accent)", "#040506": "var(--muted)", "#070809": "var(--line)"}
ACCENT, INK, LINE = _VARIABLES
#: Placeholders for the colours of series: the page's variables ``--c0`` to ``--c7``.
SERIES = tuple(f"#0a0b{i:02x}" for i in range(8))
_VARIABLES |= {colour: f"var(--c{i})" for i, colour in enumerate(SERIES)}


@contextmanager
def figure(width: float, height: float, salt: str, font_size: float = 9) -> Iterator[tuple[Any, Any]]:
    """Make a matplotlib figure with one pair of axes in the page's style; draw and convert it inside the block.

    Args:
        width: Width in inches; the page scales the figure.
        height: Height in inches, scaled with the width.
        salt: Seed of the ids in the SVG, so that equal figures are equal text.
        font_size: Size of the text, in points.

    Raises:
        MissingDependencyError: Without matplotlib.
    """
    require("matplotlib", "report", "plots of the report")
    import matplotlib
    from matplotlib.figure import Figure

    style: dict[Any, Any] = {"svg.fonttype": "none", "svg.hashsalt": salt, "font.size": font_size}
    with matplotlib.rc_context(style | {"font.family": "sans-serif"}):
        made = Figure(figsize=(width, height), layout="constrained")
        axes = made.add_subplot()
        axes.tick_params(colors=INK, length=0)
        axes.grid(axis="y", color=LINE, linewidth=0.8)
        axes.set_axisbelow(True)
        for side in ("top", "left", "right"):
            axes.spines[side].set_visible(False)
        axes.spines["bottom"].set_color(LINE)
        yield made, axes


def inline_svg(figure: Any, name: str) -> str:
    """Return a figure as an ``<svg>`` element.

    Args:
        figure: A matplotlib figure, drawn in the placeholder colours of this module.
        name: Its name for screen readers.
    """
    from markupsafe import escape

    stream = io.StringIO()
    figure.savefig(stream, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    svg = stream.getvalue()
    head, _, body = svg[svg.index("<svg") :].partition(">")
    # The page sets the size; the viewBox keeps the proportions.
    kept = " ".join(part for part in head.split(" ") if not part.startswith(("width=", "height=")))
    for placeholder, variable in _VARIABLES.items():
        body = body.replace(placeholder, variable)
    return f'{kept} role="img" aria-label="{escape(name)}">{body}'
