"""Figures of games experiments, as inline SVG: heat maps, bars, curves, matrices, evolution, payoff regions."""

from __future__ import annotations

import functools
import io
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ParamSpec

import numpy as np
from numpy.typing import ArrayLike, NDArray

from quintain.envs.games import FAMILIES, NormalFormGame
from quintain.errors import require
from quintain.evaluation.statistics import Interval
from quintain.experiments.games.dynamics import fixation_probability, replicator_dynamics
from quintain.experiments.games.match import Match
from quintain.experiments.games.solvers import folk_region, nash_equilibria
from quintain.experiments.games.standings import Tournament

__all__ = [
    "cooperation_over_time",
    "family_scores",
    "folk_region_plot",
    "invasion_matrix",
    "replicator_plot",
    "round_by_round",
    "tournament_matrix",
]

_MAP = "RdYlBu"
# Placeholder colours that occur nowhere else in a figure. In the SVG they become the page's CSS variables (light and
# dark theme), with a fixed colour as fallback for figures outside a page.
_INK, _PLAYERS = "#010203", [f"#0b0c{i:02x}" for i in range(7)]
_ALONE = ("#2f6db3", "#c8433f", "#1f8f63", "#b97a12", "#7f56b8", "#128a9c", "#a8507f")
_COLOURS = {_INK: "var(--muted, #60666d)"} | {s: f"var(--c{i}, {_ALONE[i]})" for i, s in enumerate(_PLAYERS)}
_MARKERS = "oDs^vP*X<>"
_P = ParamSpec("_P")


def _figure_of_page(draw: Callable[_P, str]) -> Callable[_P, str]:
    """Apply the page's font size and colours to a plotting function."""

    @functools.wraps(draw)
    def styled(*args: _P.args, **kwargs: _P.kwargs) -> str:
        require("matplotlib", "report", "figures")
        import matplotlib
        from cycler import cycler

        inks = ("text.color", "axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color")
        style: dict[Any, Any] = dict.fromkeys(inks, _INK) | {
            "font.size": 8,
            "axes.titlesize": 8,
            "font.family": "sans-serif",
        }
        style |= {"axes.prop_cycle": cycler(color=_PLAYERS), "svg.fonttype": "none", "svg.hashsalt": "quintain"}
        style |= {"axes.spines.top": False, "axes.spines.right": False, "legend.frameon": False, "legend.fontsize": 7}
        with matplotlib.rc_context(style):
            return draw(*args, **kwargs)

    return styled


@_figure_of_page
def round_by_round(matches: Sequence[Match], agent: str, title: str = "") -> str:
    """Heat map of one player's share of option 0: one row per opponent, one column per round.

    Args:
        matches: Matches of two players; those without ``agent`` are ignored.
        agent: Name of the player.
        title: Title of the figure; by default it names the player and the quantity.
    """
    rows: dict[str, list[NDArray[np.int64]]] = {}
    for match in matches:
        for seat, name in enumerate(match.scheduled.agents):
            if name == agent:
                rows.setdefault(match.scheduled.agents[1 - seat], []).append(match.moves[:, seat])
    shares = [_share_by_round(moves) for moves in rows.values()]
    width = max(len(row) for row in shares)
    table = np.array([np.pad(row, (0, width - len(row)), constant_values=np.nan) for row in shares])
    figure, axes = _figure(0.42 * width + 2.4, 0.32 * len(rows) + 1.1)
    image = axes.imshow(table, cmap=_MAP, vmin=0, vmax=1, aspect="auto")
    axes.set_yticks(range(len(rows)), list(rows))
    axes.set_xticks(range(width), [str(k + 1) for k in range(width)])
    axes.set_xlabel("round")
    axes.set_title(title or f"{agent}: share of option 0")
    figure.colorbar(image, ax=axes, label="share of option 0")
    return _svg(figure)


@_figure_of_page
def cooperation_over_time(matches: Sequence[Match], agents: Sequence[str]) -> str:
    """Share of option 0 in each round, over all matches of a player; one curve per player."""
    from matplotlib.ticker import MaxNLocator

    figure, axes = _figure(6.8, 2.8)
    for k, agent in enumerate(agents):
        moves = [m.moves[:, seat] for m in matches for seat, name in enumerate(m.scheduled.agents) if name == agent]
        if any(map(len, moves)):
            share = _share_by_round(moves)
            axes.plot(range(1, len(share) + 1), share, marker=_MARKERS[k % len(_MARKERS)], markersize=3.5, label=agent)
    axes.set(xlabel="round", ylabel="share of option 0", ylim=(-0.03, 1.03))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend(loc="upper left", bbox_to_anchor=(1, 1))
    return _svg(figure)


@_figure_of_page
def family_scores(scores: Mapping[str, Mapping[str, Interval]], published: Mapping[str, Mapping[str, float]]) -> str:
    """Normalised score by family of games: bars with intervals for the measured players, markers for published scores.

    Args:
        scores: Player -> family -> interval, as :func:`~quintain.experiments.games.score_by_family` returns it.
        published: Model -> family -> published normalised score, in [0, 1].
    """
    letters = [letter for letter in FAMILIES if any(letter in by_family for by_family in scores.values())]
    figure, axes = _figure(1.1 * len(letters) + 4.0, 3.0)
    width = 0.8 / max(1, len(scores))
    for k, (agent, by_family) in enumerate(scores.items()):
        shown = [(x, by_family[letter]) for x, letter in enumerate(letters) if letter in by_family]
        places = [x - 0.4 + width * (k + 0.5) for x, _ in shown]
        heights = [interval.estimate for _, interval in shown]
        ends = np.nan_to_num([[i.estimate - i.low, i.high - i.estimate] for _, i in shown]).T
        axes.bar(
            places, heights, width, label=agent, yerr=np.maximum(ends, 0), error_kw={"linewidth": 0.8, "ecolor": _INK}
        )
    for k, (model, values) in enumerate(published.items()):
        shift = 0.7 * ((k + 0.5) / len(published) - 0.5)
        points = [(x + shift, values[letter]) for x, letter in enumerate(letters) if letter in values]
        if points:
            mark = {
                "marker": _MARKERS[k % len(_MARKERS)],
                "markerfacecolor": "none",
                "color": _INK,
                "linestyle": "none",
            }
            axes.plot(*zip(*points, strict=True), markersize=4, label=f"{model} (published)", **mark)
    axes.set_xticks(range(len(letters)), [FAMILIES[letter] for letter in letters], rotation=20, ha="right")
    axes.set(ylabel="normalised score", ylim=(0, 1.05))
    axes.legend(loc="upper left", bbox_to_anchor=(1, 1))
    return _svg(figure)


@_figure_of_page
def tournament_matrix(result: Tournament) -> str:
    """Heat map of the row player's mean payoff per round against the column player, in the order of the ranking."""
    names = [name for name, _ in result.ranking()]
    order = [list(result.names).index(name) for name in names]
    return _matrix(result.payoffs[np.ix_(order, order)], names, "mean payoff per round", "viridis")


@_figure_of_page
def invasion_matrix(result: Tournament, size: int = 50, intensity: float = 1.0) -> str:
    """Heat map of fixation probabilities: a single row player invades a population of column players.

    Args:
        result: Results of a tournament.
        size: Number of individuals of the population. The probability is multiplied by it, so that 1 is neutral drift.
            Default: 50.
        intensity: Intensity of selection of the Moran process, >= 0. Default: 1.
    """
    rho = fixation_probability(result.payoffs, size, intensity=intensity) * size
    return _matrix(np.minimum(rho, 5), list(result.names), f"fixation probability x {size} (cut at 5)", "magma")


@_figure_of_page
def replicator_plot(result: Tournament, start: ArrayLike | None = None, time: float = 50.0) -> str:
    """Replicator dynamics: share of each player in an infinite population over time.

    Args:
        result: Results of a tournament.
        start: Initial shares, shape ``(players,)``; equal shares if ``None``.
        time: Length of the simulation, in units of the replicator equation. Default: 50.
    """
    path = replicator_dynamics(result.payoffs, start, time=time)
    figure, axes = _figure(5.2, 3.0)
    when = np.linspace(0, time, len(path))
    for k in np.argsort(-path[-1])[:10]:
        axes.plot(when, path[:, k], label=result.names[k])
    axes.set(xlabel="time", ylabel="share", ylim=(-0.02, 1.02))
    axes.legend()
    return _svg(figure)


@_figure_of_page
def folk_region_plot(game: NormalFormGame, points: Mapping[str, tuple[float, float]] | None = None) -> str:
    """Folk-theorem region of a two-player game: feasible and individually rational payoffs, and Nash equilibria.

    Args:
        game: The stage game; it must have two players.
        points: Further payoff pairs to mark, by label.
    """
    region = folk_region(game)
    figure, axes = _figure(4.2, 3.6)
    for corners, style in ((region.feasible, {"alpha": 0.15}), (region.sustainable, {"alpha": 0.4})):
        if len(corners):
            axes.fill(corners[:, 0], corners[:, 1], color=_PLAYERS[0], **style)
    axes.plot(*region.minimax, "+", color=_INK, label="minimax")
    for k, profile in enumerate(nash_equilibria(game)):
        axes.plot(*profile.payoffs(game), "*", color=_PLAYERS[1], label="" if k else "Nash equilibrium")
    for name, point in (points or {}).items():
        axes.plot(*point, "o", markersize=4, label=name)
    axes.set(xlabel="payoff of player 0", ylabel="payoff of player 1", title=game.name)
    axes.legend()
    return _svg(figure)


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


def _matrix(table: NDArray[np.float64], names: Sequence[str], label: str, colours: str) -> str:
    size = 0.3 * len(names) + 2.6
    figure, axes = _figure(size, size * 0.85)
    image = axes.imshow(table, cmap=colours)
    axes.set_xticks(range(len(names)), names, rotation=90)
    axes.set_yticks(range(len(names)), names)
    figure.colorbar(image, ax=axes, label=label, shrink=0.8)
    return _svg(figure)


def _figure(width: float, height: float) -> tuple[Any, Any]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.add_subplot()
    axes.tick_params(labelsize=7)
    return figure, axes


def _svg(figure: Any) -> str:
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
    text = buffer.getvalue()
    for placeholder, colour in _COLOURS.items():
        text = text.replace(placeholder, colour)
    return text[text.index("<svg") :]
