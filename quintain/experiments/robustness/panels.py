"""Panels of one animation: clips in a grid, each under its caption, at a size at which one sees what happens."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from quintain.errors import require

__all__ = ["COLUMNS", "WIDTH", "join_panels"]

#: Width of a panel, in pixels.
WIDTH = 340
#: Maximum number of panels in a row.
COLUMNS = 3
_BAR, _MARGIN = 42, 8
_PAPER, _INK, _MUTED = (255, 255, 255), (28, 32, 36), (96, 102, 109)


def join_panels(strips: Sequence[Sequence[Any]], captions: Sequence[str], outcomes: Sequence[str]) -> list[Any]:
    """Return the frames of one animation with a panel for each strip; one that is over shows its last frame.

    Args:
        strips: For each panel its frames, ``PIL.Image`` of :data:`WIDTH`, at least one.
        captions: Title of each panel.
        outcomes: Second line of each panel.
    """
    image: Any = require("PIL.Image", "report", "videos")
    length, height = max(map(len, strips)), _BAR + max(strip[0].height for strip in strips)
    columns = min(COLUMNS, len(strips))
    rows = -(-len(strips) // columns)
    blank = image.new("RGB", (columns * WIDTH + (columns - 1) * _MARGIN, rows * height + (rows - 1) * _MARGIN), _PAPER)
    places = [((k % columns) * (WIDTH + _MARGIN), (k // columns) * (height + _MARGIN)) for k in range(len(strips))]
    _write(blank, places, captions, outcomes)
    joined = []
    for i in range(length):
        canvas = blank.copy()
        for strip, (x, y) in zip(strips, places, strict=True):
            canvas.paste(strip[min(i, len(strip) - 1)], (x, y + _BAR))
        joined.append(canvas)
    return joined


def _write(canvas: Any, places: Sequence[tuple[int, int]], captions: Sequence[str], outcomes: Sequence[str]) -> None:
    draw: Any = require("PIL.ImageDraw", "report", "videos").Draw(canvas)
    font: Any = require("PIL.ImageFont", "report", "videos")
    for (x, y), caption, outcome in zip(places, captions, outcomes, strict=True):
        draw.text((x + 4, y + 2), _ascii(caption), fill=_INK, font=font.load_default(size=17))
        draw.text((x + 4, y + 23), _ascii(outcome), fill=_MUTED, font=font.load_default(size=14))


def _ascii(text: str) -> str:
    """Pillow's own font has no other letters."""
    return text.encode("ascii", "replace").decode()
