"""Figures of matches, as inline SVG: rounds, curves, scores by family, payoff regions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from quintain.envs.games import FAMILIES, NormalFormGame
from quintain.evaluation.statistics import Interval
from quintain.experiments.games.match import Match
from quintain.experiments.games.plotting import (
    INK,
    MARKERS,
    PAPER,
    PLAYERS,
    as_svg,
    heat_map,
    looks,
    new_figure,
    page_figure,
)
from quintain.experiments.games.solvers import folk_region, nash_equilibria

__all__ = [
    "cooperation_over_time",
    "family_scores",
    "first_option",
    "folk_region_plot",
    "round_by_round",
]

#: Up to this number of rounds, the horizontal axis names each of them.
_MAX_TICKS = 20


def first_option(matches: Sequence[Match]) -> str:
    """Return the name of option 0 where all matches agree on it, such as ``cooperate``; else ``the first option``."""
    names = {options[0] for match in matches for options in match.game.options}
    return names.pop() if len(names) == 1 and "option 1" not in names else "the first option"


@page_figure
def round_by_round(
    matches: Sequence[Match], agent: str, title: str = "", opponents: Sequence[str] | None = None
) -> str:
    """Heat map of one player's share of option 0: one row per opponent, one column per round.

    Args:
        matches: Matches of two players; those without ``agent`` are ignored.
        agent: Name of the player.
        title: Title of the figure; by default the name of the player.
        opponents: Order of the rows; others follow as they appear. Default: as they appear in ``matches``.
    """
    rows: dict[str, list[NDArray[np.int64]]] = {}
    for match in matches:
        for seat, name in enumerate(match.scheduled.agents):
            if name == agent:
                rows.setdefault(match.scheduled.agents[1 - seat], []).append(match.moves[:, seat])
    rows = {name: rows[name] for name in dict.fromkeys([*(opponents or ()), *rows]) if name in rows}
    shares = [_share_by_round(moves) for moves in rows.values()]
    width = max(len(row) for row in shares)
    table = np.array([np.pad(row, (0, width - len(row)), constant_values=np.nan) for row in shares])
    figure, axes = new_figure(min(0.34 * width + 2.6, 5.5), 0.24 * len(rows) + 1.0)
    share = f"share of {first_option(matches)}"
    heat_map(figure, axes, table, lambda value: f"{value:.0%}".removesuffix("%"), low=0, high=1, label=share)
    axes.set_yticks(range(len(rows)), list(rows))
    if width <= _MAX_TICKS:
        axes.set_xticks(range(width), [str(k + 1) for k in range(width)])
    else:
        marks = [0, *range(9, width, 10 if width <= 120 else width // 100 * 10)]
        axes.set_xticks(marks, [str(k + 1) for k in marks])
    axes.set(xlabel="round", ylabel="opponent", title=title or agent)
    return as_svg(figure)


@page_figure
def cooperation_over_time(matches: Sequence[Match], agents: Sequence[str]) -> str:
    """Share of option 0 in each round, over all matches of a player; one curve per player."""
    from matplotlib.ticker import MaxNLocator

    figure, axes = new_figure(7.2, 2.8)
    for agent, look in looks(agents).items():
        moves = [m.moves[:, seat] for m in matches for seat, name in enumerate(m.scheduled.agents) if name == agent]
        if any(map(len, moves)):
            share = _share_by_round(moves)
            every = len(share) // 20 + 1
            axes.plot(range(1, len(share) + 1), share, markersize=3.5, markevery=every, label=agent, **look)
    axes.set(xlabel="round", ylabel=f"share of {first_option(matches)}", ylim=(-0.03, 1.03))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend(loc="upper left", bbox_to_anchor=(1, 1))
    return as_svg(figure)


@page_figure
def family_scores(scores: Mapping[str, Mapping[str, Interval]], published: Mapping[str, Mapping[str, float]]) -> str:
    """Normalised score by family of games: bars with intervals for the measured players, markers for published scores.

    Args:
        scores: Player -> family -> interval, as :func:`~quintain.experiments.games.score_by_family` returns it.
        published: Model -> family -> published normalised score, in [0, 1].
    """
    letters = [c for c in ("all", *FAMILIES) if any(c in by_family for by_family in scores.values())]
    figure, axes = new_figure(7.6, 3.0)
    width = 0.8 / max(1, len(scores))
    style = looks(list(scores))
    for k, (agent, by_family) in enumerate(scores.items()):
        shown = [(x, by_family[letter]) for x, letter in enumerate(letters) if letter in by_family]
        places = [x - 0.4 + width * (k + 0.5) for x, _ in shown]
        heights = [interval.estimate for _, interval in shown]
        ends = np.nan_to_num([[i.estimate - i.low, i.high - i.estimate] for _, i in shown]).T
        axes.bar(
            places, heights, width, label=agent, color=style[agent]["color"], yerr=np.maximum(ends, 0),
            error_kw={"linewidth": 0.8, "ecolor": INK},
        )  # fmt: skip
    for k, (model, values) in enumerate(published.items()):
        shift = 0.7 * ((k + 0.5) / len(published) - 0.5)
        points = [(x + shift, values[letter]) for x, letter in enumerate(letters) if letter in values]
        if points:
            mark = {
                "marker": MARKERS[k % len(MARKERS)],
                "markerfacecolor": PAPER,
                "zorder": 5,  # before the bars
                "color": INK,
                "linestyle": "none",
            }
            axes.plot(*zip(*points, strict=True), markersize=4, label=f"{model} (published)", **mark)
    axes.set_xticks(range(len(letters)), [FAMILIES.get(letter, letter) for letter in letters], rotation=20, ha="right")
    axes.set(ylabel="normalised score", ylim=(0, 1.05))
    axes.legend(loc="upper left", bbox_to_anchor=(1, 1))
    return as_svg(figure)


@page_figure
def folk_region_plot(game: NormalFormGame, points: Mapping[str, tuple[float, float]] | None = None) -> str:
    """Folk-theorem region of a two-player game: feasible and individually rational payoffs, and Nash equilibria.

    Args:
        game: The stage game; it must have two players.
        points: Further payoff pairs to mark, by label.
    """
    region = folk_region(game)
    figure, axes = new_figure(4.2, 3.6)
    for corners, style in ((region.feasible, {"alpha": 0.15}), (region.sustainable, {"alpha": 0.4})):
        if len(corners):
            axes.fill(corners[:, 0], corners[:, 1], color=PLAYERS[0], **style)
    axes.plot(*region.minimax, "+", color=INK, label="minimax")
    for k, profile in enumerate(nash_equilibria(game)):
        axes.plot(*profile.payoffs(game), "*", color=PLAYERS[1], label="" if k else "Nash equilibrium")
    for name, point in (points or {}).items():
        axes.plot(*point, "o", markersize=4, label=name)
    axes.set(xlabel="payoff of player 0", ylabel="payoff of player 1", title=game.name)
    axes.legend()
    return as_svg(figure)


def _share_by_round(moves: Sequence[NDArray[np.int64]]) -> NDArray[np.float64]:
    """Share of option 0 in each round, among legal moves; NaN in rounds without any."""
    length = max(len(row) for row in moves)
    table = np.full((len(moves), length), -1)
    for k, row in enumerate(moves):
        table[k, : len(row)] = row
    legal = (table >= 0).sum(axis=0)
    with np.errstate(invalid="ignore"):
        share: NDArray[np.float64] = np.where(legal > 0, (table == 0).sum(axis=0) / np.maximum(legal, 1), np.nan)
    return share
