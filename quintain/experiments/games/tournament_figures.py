"""Figures of tournaments, as inline SVG.

Players are in the order of the ranking, and each has the same colour and line style in all figures.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from quintain.experiments.games.dynamics import fixation_probability, replicator_dynamics
from quintain.experiments.games.plotting import INK, as_svg, heat_map, looks, new_figure, page_figure
from quintain.experiments.games.standings import CELLS, Tournament

__all__ = [
    "cooperation_matrix",
    "invasion_matrix",
    "outcome_bars",
    "payoff_boxes",
    "replicator_plot",
    "tournament_matrix",
]

#: Fixation probabilities above this multiple of neutral drift share one colour, and are labelled with a plus sign.
_CUT = 5
#: Characters of a title that fit an inch, at its size of nine points.
_CHARACTERS_PER_INCH = 14


@page_figure
def payoff_boxes(result: Tournament) -> str:
    """Box plots of each player's mean payoff per round: over repetitions, and over opponents.

    Boxes span the quartiles, lines the median, whiskers reach to the last value within 1.5 box lengths, and dots are
    the values beyond.
    """
    from matplotlib.figure import Figure

    names, order = _ranked(result)
    figure = Figure(figsize=(5.5, 0.26 * len(names) + 1.0), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    for axes, values, title in (
        (left, result.scores[order], f"by repetition ({result.scores.shape[1]})"),
        (right, result.payoffs[order], f"by opponent ({len(names)})"),
    ):
        boxes = axes.boxplot(
            [row[~np.isnan(row)] for row in values], orientation="horizontal", tick_labels=names, patch_artist=True,
            widths=0.6, medianprops={"color": INK, "linewidth": 1.4}, whiskerprops={"color": INK},
            capprops={"color": INK}, flierprops={"markersize": 3, "markeredgecolor": INK},
        )  # fmt: skip
        for box, look in zip(boxes["boxes"], looks(names).values(), strict=True):
            box.set(facecolor=look["color"], edgecolor=look["color"], alpha=0.75)
        axes.set(xlabel="mean payoff per round", title=f"Payoff {title}")
        axes.tick_params(labelsize=7)
    left.invert_yaxis()
    return as_svg(figure)


@page_figure
def outcome_bars(result: Tournament) -> str:
    """Stacked bars of the shares of rounds that ended in CC, CD, DC and DD, means over opponents; see ``CELLS``."""
    names, order = _ranked(result)
    figure, axes = new_figure(5.5, 0.24 * len(names) + 0.9)
    means = _mean(result.cells[order], axis=1)
    start = np.zeros(len(names))
    shades = ("#2a788e", "#7ad151", "#fde725", "#440154")  # of the colour map of all heat maps
    for cell, shade, values in zip(CELLS, shades, means.T, strict=True):
        axes.barh(names, values, 0.7, left=start, color=shade, label=cell)
        for row, (value, left) in enumerate(zip(values, start, strict=True)):
            if value >= 0.08:
                ink = "black" if cell in ("CD", "DC") else "white"
                axes.text(left + value / 2, row, f"{value:.0%}", ha="center", va="center", fontsize=6.5, color=ink)
        start = start + np.nan_to_num(values)
    axes.set(xlabel="share of rounds", xlim=(0, 1), title="Outcomes of rounds: own option, then the opponent's")
    axes.invert_yaxis()
    axes.legend(loc="upper left", bbox_to_anchor=(1, 1))
    return as_svg(figure)


@page_figure
def tournament_matrix(result: Tournament) -> str:
    """Heat map of the row player's mean payoff per round against the column player."""
    names, order = _ranked(result)
    table = result.payoffs[np.ix_(order, order)]
    return _matrix(table, names, "Payoff of the row player per round", "mean payoff per round")


@page_figure
def cooperation_matrix(result: Tournament) -> str:
    """Heat map of the row player's share of option 0 against the column player."""
    names, order = _ranked(result)
    table = result.cooperation[np.ix_(order, order)]
    return _matrix(table, names, "Cooperation of the row player", "share of the first option", low=0, high=1)


@page_figure
def invasion_matrix(result: Tournament, size: int = 50, intensity: float = 1.0) -> str:
    """Heat map of fixation probabilities: a single row player invades a population of column players.

    Args:
        result: Results of a tournament.
        size: Number of individuals of the population. The probability is multiplied by it, so that 1 is neutral drift.
            Default: 50.
        intensity: Intensity of selection of the Moran process, >= 0. Default: 1.
    """
    names, order = _ranked(result)
    rho = (fixation_probability(result.payoffs, size, intensity=intensity) * size)[np.ix_(order, order)]
    title = f"Fixation probability of one row player among {size - 1} column players, x {size}"
    return _matrix(np.minimum(rho, _CUT), names, title, "1 is neutral drift", low=0, high=_CUT)


@page_figure
def replicator_plot(result: Tournament, start: ArrayLike | None = None, time: float = 50.0) -> str:
    """Replicator dynamics: share of each player in an infinite population over time.

    Args:
        result: Results of a tournament.
        start: Initial shares, shape ``(players,)``; equal shares if ``None``.
        time: Length of the simulation, in units of the replicator equation. Default: 50.
    """
    path = replicator_dynamics(result.payoffs, start, time=time)
    names, order = _ranked(result)
    figure, axes = new_figure(5.5, 3.0)
    when = np.linspace(0, time, len(path))
    for k, (name, look) in zip(order, looks(names).items(), strict=True):
        axes.plot(when, path[:, k], label=name, markevery=len(path) // 8 or 1, markersize=3.5, **look)
    axes.set(xlabel="time", ylabel="share of the population", ylim=(-0.02, 1.02), title="Replicator dynamics")
    axes.legend(loc="upper left", bbox_to_anchor=(1, 1))
    return as_svg(figure)


def _ranked(result: Tournament) -> tuple[list[str], list[int]]:
    names = [name for name, _ in result.ranking()]
    return names, [list(result.names).index(name) for name in names]


def _mean(table: NDArray[np.float64], axis: int) -> NDArray[np.float64]:
    known = ~np.isnan(table)
    return np.asarray(np.nansum(table, axis=axis) / np.maximum(known.sum(axis=axis), 1))


def _matrix(table: NDArray[np.float64], names: Sequence[str], title: str, label: str, **scale: Any) -> str:
    side = 0.36 * len(names)
    longest = 0.06 * max(map(len, names))

    def write(value: float) -> str:
        return f"{_CUT}+" if scale.get("high") == _CUT and value >= _CUT else f"{value:.2f}"

    width = min(max(side + longest + 1.6, 3.6), 12)
    lines = textwrap.wrap(title, int(_CHARACTERS_PER_INCH * width))
    figure, axes = new_figure(width, min(side * 0.72 + longest + 0.65 + 0.15 * len(lines), 10))
    heat_map(figure, axes, table, write, label=label, **scale)
    axes.set_xticks(range(len(names)), names, rotation=90)
    axes.set_yticks(range(len(names)), names)
    axes.set(xlabel="column player", ylabel="row player")
    figure.suptitle("\n".join(lines), fontsize=9, x=0.01, ha="left")
    return as_svg(figure)
