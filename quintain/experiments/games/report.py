"""One self-contained page about a games experiment: the audit first, then scores, figures, and every match."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from quintain.envs.games import FAMILIES
from quintain.evaluation.html.frame import fill, markup
from quintain.evaluation.statistics import Interval
from quintain.experiments.games import figures
from quintain.experiments.games.audit import BiasDecomposition, PositionBias, audit_position_bias
from quintain.experiments.games.match import Match
from quintain.experiments.games.metrics import summarise
from quintain.experiments.games.scores import PUBLISHED, score_by_family
from quintain.experiments.games.standings import Tournament
from quintain.files import write_atomically

__all__ = ["audit_lines", "games_page", "write_games_report"]

Groups = Sequence[str] | Mapping[str, Collection[str]]


def audit_lines(matches: Sequence[Match], agents: Groups) -> list[str]:
    """The position-bias audit as text, one line per language model; to be shown before anything about behaviour.

    Args:
        matches: Any matches.
        agents: Names of players, or groups of them under a name: those that differ in the order of names alone are
            audited together.
    """
    lines = []
    for name, audit in _audits(matches, agents):
        labels = ", ".join(f"{label} {interval.estimate:.0%}" for label, interval in audit.labels.items())
        lines.append(
            f"{name}: first-named option {audit.first_named} of {audit.first_named.n}; labels {labels or 'none'}; "
            f"illegal {audit.illegal}. {audit.verdict}"
        )
    return lines


def write_games_report(
    path: str | Path,
    matches: Sequence[Match],
    agents: Sequence[str],
    *,
    title: str = "Repeated games",
    result: Tournament | None = None,
    comparisons: Mapping[str, Interval] | None = None,
    audited: Mapping[str, Collection[str]] | None = None,
    decompositions: Mapping[str, BiasDecomposition] | None = None,
) -> Path:
    """Write the page of :func:`games_page` to a file.

    Args:
        path: The page's path; missing folders are created.
        matches: The matches.
        agents: Names of the players studied, in order.
        title: As for :func:`games_page`.
        result: As for :func:`games_page`.
        comparisons: As for :func:`games_page`.
        audited: As for :func:`games_page`.
        decompositions: As for :func:`games_page`.

    Returns:
        The path.

    Raises:
        MissingDependencyError: Without the ``report`` extra.
    """
    page = games_page(
        matches,
        agents,
        title=title,
        result=result,
        comparisons=comparisons,
        audited=audited,
        decompositions=decompositions,
    )
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(target, page)
    return target


def games_page(
    matches: Sequence[Match],
    agents: Sequence[str],
    *,
    title: str = "Repeated games",
    result: Tournament | None = None,
    comparisons: Mapping[str, Interval] | None = None,
    audited: Mapping[str, Collection[str]] | None = None,
    decompositions: Mapping[str, BiasDecomposition] | None = None,
) -> str:
    """Return the page as HTML. Text from models is escaped; the page holds no script and loads nothing.

    Args:
        matches: The matches.
        agents: Names of the players studied, in order.
        title: Heading of the page.
        result: Results of a tournament, whose matrices are added.
        comparisons: Paired differences, by their captions.
        audited: Groups of players to audit together, as for :func:`audit_lines`; ``None`` audits each on its own.
        decompositions: Results of :func:`~quintain.experiments.games.audit.discrimination_test`, by player.

    Raises:
        MissingDependencyError: Without the ``report`` extra.
    """
    named = list(dict.fromkeys(m.scheduled.game for m in matches if not m.game.family))
    return fill(
        "games.html",
        package="quintain.experiments.games",
        styles=("games.css",),
        title=title,
        games=len({m.scheduled.game for m in matches}),
        players=len(agents),
        audits=_audits(matches, audited or agents),
        decompositions=dict(decompositions or {}),
        tables=[_metrics(game, matches, agents) for game in named],
        families=_families(matches, agents),
        comparisons=[_Row([name, i, str(i.n), i.note]) for name, i in (comparisons or {}).items()],
        curve=markup(figures.cooperation_over_time(matches, agents)) if matches else None,
        heat_maps=[markup(plot) for game in named for plot in _heat_maps(game, matches, agents)],
        tournament=None if result is None else _tournament(result),
        matches=[_one(match) for match in matches],
    )


@dataclass(frozen=True)
class _Row:
    """One row of a table: texts and intervals; published figures are shown in grey."""

    cells: Sequence[str | Interval]
    published: bool = False


def _audits(matches: Sequence[Match], agents: Groups) -> list[tuple[str, PositionBias]]:
    groups = agents if isinstance(agents, Mapping) else {agent: [agent] for agent in agents}
    found = ((name, audit_position_bias(matches, members)) for name, members in groups.items())
    return [(name, audit) for name, audit in found if audit is not None]


def _metrics(game: str, matches: Sequence[Match], agents: Sequence[str]) -> dict[str, Any]:
    here = [match for match in matches if match.scheduled.game == game]
    summaries = {agent: summary for agent in agents if (summary := summarise(here, agent))}
    names = list(dict.fromkeys(name for summary in summaries.values() for name in summary))
    rows = [_Row([agent, *(by.get(name, "") for name in names)]) for agent, by in summaries.items()]
    return {"caption": game, "head": ["player", *names], "rows": rows}


def _families(matches: Sequence[Match], agents: Sequence[str]) -> dict[str, Any] | None:
    ordinal = [match for match in matches if match.game.family]
    if not ordinal:
        return None
    scores = {agent: found for agent in agents if (found := score_by_family(ordinal, agent))}
    letters = [*FAMILIES, "all"]
    rows = [_Row([agent, *(by.get(letter, "") for letter in letters)]) for agent, by in scores.items()]
    for model, by_letter in PUBLISHED.items():
        known = [f"{by_letter[letter]:.3f}" if letter in by_letter else "" for letter in letters]
        rows.append(_Row([f"{model} (published)", *known], published=True))
    head = ["normalised score", *(FAMILIES.get(letter, letter) for letter in letters)]
    return {"head": head, "rows": rows, "plot": markup(figures.family_scores(scores, PUBLISHED))}


def _heat_maps(game: str, matches: Sequence[Match], agents: Sequence[str]) -> list[str]:
    plots = []
    for agent in agents:
        here = [m for m in matches if m.scheduled.game == game and agent in m.scheduled.agents and m.game.players == 2]
        if here:
            plots.append(figures.round_by_round(here, agent, f"{agent} in {game}"))
    return plots


def _tournament(result: Tournament) -> dict[str, Any]:
    ranked = enumerate(result.ranking(), start=1)
    plots = [figures.tournament_matrix(result), figures.replicator_plot(result), figures.invasion_matrix(result)]
    return {
        "matches": f"{result.matches:,}",
        "rounds": result.rounds,
        "rows": [_Row([name, str(place), interval]) for place, (name, interval) in ranked],
        "plots": [markup(plot) for plot in plots],
    }


def _one(match: Match) -> dict[str, Any]:
    seats = []
    for seat, name in enumerate(match.scheduled.agents):
        options = match.game.options[seat]
        moves = [
            ("illegal", "–") if move < 0 else ("option-0" if move == 0 else "", options[move])
            for move in match.moves[:, seat]
        ]
        seats.append({"name": name, "moves": moves, "total": f"{match.payoffs[:, seat].sum():g}"})
    said = [
        f"round {choice['round']}, {choice['kind']}: {choice['label']}"
        for trace in match.traces
        for choice in trace
        if choice["option"] < 0
    ]
    title = f"{match.scheduled.game}: {' – '.join(match.scheduled.agents)} (repetition {match.scheduled.repetition})"
    return {"title": title, "seats": seats, "illegal": "; ".join(said)}
