"""Histograms and scatter plots for the page of a run, written as SVG.

Importing matplotlib takes longer than writing most pages.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

__all__ = ["histogram", "scatter"]

#: Maximum number of bars.
_MAX_BARS = 24
#: Maximum number of dots.
_MAX_DOTS = 1000
#: Size of a figure, and the left, right, top and bottom ends of its bars, in units of the drawing.
_WIDTH, _HEIGHT = 245, 137
_LEFT, _RIGHT, _TOP, _BOTTOM = 34.0, 238.0, 8.0, 104.0


def histogram(values: Sequence[float], label: str) -> str:
    """Draw a histogram.

    Args:
        values: Finite numbers, at least one.
        label: Name of the quantity: title of the axis, and part of the figure's name for screen readers.

    Returns:
        An ``<svg>`` element in the colours of the page.
    """
    from markupsafe import escape

    edges = _edges(values)
    counts, _ = np.histogram(values, bins=edges)
    low, high, top = edges[0], edges[-1], max(1.0, float(counts.max()) * 1.05)

    def x(value: float) -> float:
        return _LEFT + (_RIGHT - _LEFT) * (value - low) / (high - low)

    def y(count: float) -> float:
        return _BOTTOM - (_BOTTOM - _TOP) * count / top

    lines = []
    for tick in _ticks(0.0, top, 4, integer=True):
        lines.append(f'<path d="M{_LEFT} {y(tick):.1f}H{_RIGHT}" stroke="var(--line)" stroke-width=".8"/>')
        lines.append(f'<text x="{_LEFT - 4}" y="{y(tick) + 3:.1f}" text-anchor="end">{tick:g}</text>')
    for count, start, end in zip(counts, edges, edges[1:], strict=False):
        margin = 0.06 * (x(end) - x(start))
        width, height = x(end) - x(start) - 2 * margin, _BOTTOM - y(count)
        lines.append(
            f'<rect x="{x(start) + margin:.2f}" y="{y(count):.2f}" width="{width:.2f}" height="{height:.2f}" '
            'fill="var(--accent)"/>'
        )
    for tick in _ticks(low, high, 4, integer=_are_integers(values)):
        lines.append(f'<text x="{x(tick):.1f}" y="{_BOTTOM + 13}" text-anchor="middle">{tick:g}</text>')
    lines.append(f'<text x="{(_LEFT + _RIGHT) / 2}" y="{_HEIGHT - 6}" text-anchor="middle">{escape(label)}</text>')
    name = f"Histogram of {escape(label)}, {len(values)} episodes"
    return (
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{name}" font-size="9" fill="var(--muted)">'
        f"{''.join(lines)}</svg>"
    )


def scatter(values: Sequence[float], x_label: str, y_label: str) -> str:
    """Draw one dot per value in their order, and a line at their mean.

    Of more than 1,000 values, evenly spaced ones are drawn.

    Args:
        values: Finite numbers, at least two of them different.
        x_label: Title of the horizontal axis, which counts the values from 0.
        y_label: Name of the quantity.

    Returns:
        An ``<svg>`` element in the colours of the page.
    """
    from markupsafe import escape

    n, low, high = len(values), min(values), max(values)
    low, high = low - 0.04 * (high - low), high + 0.04 * (high - low)

    def x(place: float) -> float:
        return _LEFT + (_RIGHT - _LEFT) * (place + 0.5) / n

    def y(value: float) -> float:
        return _BOTTOM - (_BOTTOM - _TOP) * (value - low) / (high - low)

    lines = []
    for tick in _ticks(low, high, 4, integer=_are_integers(values) and high - low > 4):
        lines.append(f'<path d="M{_LEFT} {y(tick):.1f}H{_RIGHT}" stroke="var(--line)" stroke-width=".8"/>')
        lines.append(f'<text x="{_LEFT - 4}" y="{y(tick) + 3:.1f}" text-anchor="end">{tick:g}</text>')
    for k in sorted({round(k * (n - 1) / (_MAX_DOTS - 1)) for k in range(_MAX_DOTS)}) if n > _MAX_DOTS else range(n):
        lines.append(f'<circle cx="{x(k):.1f}" cy="{y(values[k]):.1f}" r="1.7" fill="var(--accent)" opacity=".65"/>')
    mean = sum(values) / n
    lines.append(f'<path d="M{_LEFT} {y(mean):.1f}H{_RIGHT}" stroke="var(--accent)" stroke-width="1.2"/>')
    for tick in _ticks(0, n - 1, 4, integer=True):
        lines.append(f'<text x="{x(tick):.1f}" y="{_BOTTOM + 13}" text-anchor="middle">{tick:g}</text>')
    title = f"{escape(y_label)} by {escape(x_label)} (line: mean)"
    lines.append(f'<text x="{(_LEFT + _RIGHT) / 2}" y="{_HEIGHT - 6}" text-anchor="middle">{title}</text>')
    name = f"{escape(y_label)} by {escape(x_label)}, {n} values, mean {mean:.4g}"
    return (
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{name}" font-size="9" fill="var(--muted)">'
        f"{''.join(lines)}</svg>"
    )


def _ticks(low: float, high: float, n: int, *, integer: bool) -> list[float]:
    """Return at most ``n`` + 1 round numbers in [low, high], a step of 1, 2, 2.5 or 5 times a power of ten apart."""
    power = 10.0 ** math.floor(math.log10((high - low) / n))
    steps = [factor * power for factor in (1, 2, 2.5, 5, 10, 20) if not integer or float(factor * power).is_integer()]
    step = next((s for s in steps if (high - low) / s <= n), steps[-1]) if steps else 1.0
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [k * step for k in range(first, last + 1)]


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
