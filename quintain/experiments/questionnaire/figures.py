"""Figures of the page: profiles as a radar, and shares with intervals as dots."""

from __future__ import annotations

import math
from collections.abc import Sequence

from quintain.evaluation.html.svg import INK, LINE, SERIES, figure, inline_svg
from quintain.evaluation.interval import Interval
from quintain.experiments.questionnaire.audit import AuditGroup

__all__ = ["dots", "profile_dots", "radar"]


def _share(value: float, bounds: tuple[float, float]) -> float:
    """Return a value's place in its range; NaN stays NaN."""
    return (value - bounds[0]) / (bounds[1] - bounds[0])


def radar(groups: Sequence[AuditGroup], name: str) -> str:
    """Draw the profiles of one instrument, each score as a share of its range, with intervals along the spokes.

    Args:
        groups: Groups of one instrument with at least three traits.
        name: Name of the figure for screen readers.
    """
    traits = groups[0].key.traits
    angles = [math.pi / 2 - 2 * math.pi * k / len(traits) for k in range(len(traits))]
    with figure(5.2, 4.4, f"radar {name}") as (made, axes):
        axes.set_axis_off()
        axes.set_aspect("equal")
        axes.set_xlim(-1.75, 1.75)
        axes.set_ylim(-1.3, 1.3)
        for level in (0.25, 0.5, 0.75, 1.0):
            ring = [(level * math.cos(a), level * math.sin(a)) for a in [*angles, angles[0]]]
            axes.plot(*zip(*ring, strict=True), color=LINE, linewidth=1.4 if level == 0.5 else 0.8)
            if level < 1:
                axes.text(0.02, level, f"{100 * level:.0f}", color=INK, fontsize=7, va="bottom")
        for angle, trait in zip(angles, traits, strict=True):
            axes.plot([0, math.cos(angle)], [0, math.sin(angle)], color=LINE, linewidth=0.8)
            side = "center" if abs(math.cos(angle)) < 0.1 else "left" if math.cos(angle) > 0 else "right"
            axes.text(1.1 * math.cos(angle), 1.1 * math.sin(angle), trait, color=INK, ha=side, va="center")
        for number, group in enumerate(groups):
            colour, profile = SERIES[number % len(SERIES)], group.profile()
            scores = [profile[trait].score for trait in traits]
            places = [_share(score.estimate, group.key.bounds) for score in scores]
            points = [(r * math.cos(a), r * math.sin(a)) for r, a in zip(places, angles, strict=True) if r == r]
            if points:
                axes.plot(*zip(*points, points[0], strict=True), color=colour, linewidth=1.4, marker="o", markersize=4)
            for score, angle in zip(scores, angles, strict=True):
                ends = [_share(end, group.key.bounds) for end in (score.low, score.high)]
                axes.plot(
                    [r * math.cos(angle) for r in ends], [r * math.sin(angle) for r in ends], color=colour,
                    linewidth=3, alpha=0.45,
                )  # fmt: skip
        return inline_svg(made, name)


def profile_dots(groups: Sequence[AuditGroup], name: str) -> str:
    """Draw the trait scores of one instrument with intervals, model beside model.

    Args:
        groups: Groups of one instrument.
        name: Name of the figure for screen readers.
    """
    low, high = groups[0].key.bounds
    percent = 100 if (low, high) == (0, 1) else 1
    rows = [(trait, [(group.profile()[trait].score, None) for group in groups]) for trait in groups[0].key.traits]
    return dots(rows, name, (percent * low, percent * high), percent, groups[0].key.middle * percent)


def dots(
    rows: Sequence[tuple[str, Sequence[tuple[Interval, float | None]]]],
    name: str,
    limits: tuple[float, float] = (0, 100),
    factor: float = 100,
    middle: float | None = None,
) -> str:
    """Draw values with intervals: a line of dots for each row, a colour for each place in it.

    Args:
        rows: Name of the row, and its intervals, each with its level by chance, which a tick marks; ``None`` for none.
        name: Name of the figure for screen readers.
        limits: Ends of the axis.
        factor: What the values are multiplied with.
        middle: Where a vertical line stands; ``None`` for none.
    """
    most = max(len(values) for _, values in rows)
    with figure(6.4, 0.5 + len(rows) * (0.16 + 0.14 * most), f"dots {name}") as (made, axes):
        axes.grid(axis="y", visible=False)
        axes.grid(axis="x", color=LINE, linewidth=0.8)
        if middle is not None:
            axes.axvline(middle, color=LINE, linewidth=1.6)
        for row, (_, values) in enumerate(rows):
            for number, (value, chance) in enumerate(values):
                if not value.n:
                    continue
                height, colour = row + 0.7 * ((number + 0.5) / most - 0.5), SERIES[number % len(SERIES)]
                axes.plot([factor * value.low, factor * value.high], [height] * 2, color=colour, linewidth=2, alpha=0.5)
                axes.plot([factor * value.estimate], [height], "o", color=colour, markersize=4)
                if chance is not None:
                    axes.plot([factor * chance], [height], "|", color=INK, markersize=9)
        axes.set_yticks(range(len(rows)), [label for label, _ in rows])
        axes.set_ylim(len(rows) - 0.5, -0.5)
        axes.set_xlim(*limits)
        return inline_svg(made, name)
