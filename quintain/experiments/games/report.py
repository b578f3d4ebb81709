"""HTML report of a games experiment: position-bias audit, scores, figures, and every match, in one file."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from quintain.envs.games import FAMILIES
from quintain.evaluation.html.frame import fill, markup
from quintain.evaluation.html.reproduce import reproduce
from quintain.evaluation.report import Report
from quintain.evaluation.significance import TTest, holm
from quintain.evaluation.statistics import Interval
from quintain.experiments.games import figures
from quintain.experiments.games import tournament_figures as charts
from quintain.experiments.games.audit import BiasDecomposition, PositionBias, audit_position_bias
from quintain.experiments.games.match import Match, ScheduledMatch
from quintain.experiments.games.metrics import summarise, worst_case
from quintain.experiments.games.scores import PUBLISHED, score_by_family
from quintain.experiments.games.standings import CELLS, Tournament
from quintain.files import write_atomically

__all__ = ["audit_lines", "games_page", "missing_lines", "write_games_report"]

Groups = Sequence[str] | Mapping[str, Collection[str]]


def audit_lines(matches: Sequence[Match], agents: Groups, failed: Sequence[ScheduledMatch] = ()) -> list[str]:
    """Return the position-bias audit as text, one line per language model. Show it before any result about behaviour.

    Args:
        matches: Finished matches; seats of players not listed are ignored.
        agents: Names of players, or a mapping of group name to players that are audited together, such as players
            that differ only in the order in which options are named.
        failed: Matches that failed for infrastructure reasons; the lines then state the worst case as well.
    """
    lines = []
    for name, audit in _audits(matches, agents, failed):
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
    tests: Mapping[str, TTest] | None = None,
    audited: Mapping[str, Collection[str]] | None = None,
    decompositions: Mapping[str, BiasDecomposition] | None = None,
    failed: Sequence[ScheduledMatch] = (),
) -> Path:
    """Write the page of :func:`games_page` to a file.

    Args:
        path: File to write; missing folders are created.
        matches: Finished matches, each shown move by move.
        agents: Names of the players in the tables and figures, in this order.
        title: Heading of the page.
        result: Results of a tournament, whose ranking and matrices are added.
        comparisons: Paired differences between players, by their captions.
        tests: t tests of these differences, by the same captions.
        audited: Groups of players to audit together; ``None`` audits each player of ``agents`` separately.
        decompositions: Results of :func:`~quintain.experiments.games.audit.discrimination_test`, by player.
        failed: Matches that failed for infrastructure reasons; tables then show the worst case as well.

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
        tests=tests,
        audited=audited,
        decompositions=decompositions,
        failed=failed,
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
    tests: Mapping[str, TTest] | None = None,
    audited: Mapping[str, Collection[str]] | None = None,
    decompositions: Mapping[str, BiasDecomposition] | None = None,
    failed: Sequence[ScheduledMatch] = (),
    run: Report | None = None,
) -> str:
    """Return the report as one self-contained HTML page, without scripts or external files. Model output is escaped.

    Args:
        matches: Finished matches, each shown move by move.
        agents: Names of the players in the tables and figures, in this order.
        title: Heading of the page.
        result: Results of a tournament, whose ranking and matrices are added.
        comparisons: Paired differences between players, by their captions.
        tests: t tests of these differences, by the same captions.
        audited: Groups of players to audit together, as for :func:`audit_lines`; ``None`` audits each player of
            ``agents`` separately.
        decompositions: Results of :func:`~quintain.experiments.games.audit.discrimination_test`, by player.
        failed: Matches that failed for infrastructure reasons; tables then show the worst case as well.
        run: The run whose matches these are; the page then says how it can be reproduced.

    Raises:
        MissingDependencyError: Without the ``report`` extra.
    """
    named = list(dict.fromkeys(m.scheduled.game for m in matches if not m.game.family))
    if result is not None:  # tables and figures have one order
        ranked = [name for name, _ in result.ranking()]
        agents = [*(name for name in ranked if name in agents), *(name for name in agents if name not in ranked)]
    return fill(
        "games.html",
        package="quintain.experiments.games",
        styles=("games.css",),
        title=title,
        reproduce=None if run is None else reproduce(run.manifest, len(run.episodes)),
        games=len({m.scheduled.game for m in matches}),
        players=len(agents),
        audits=_audits(matches, audited or agents, failed),
        decompositions=dict(decompositions or {}),
        notes=missing_lines(matches, failed),
        tables=[_metrics(game, matches, failed, agents) for game in named],
        families=_families(matches, failed, agents),
        comparisons=_comparisons(comparisons or {}, tests or {}),
        curve=markup(figures.cooperation_over_time(matches, agents)) if matches else None,
        heat_maps=[markup(plot) for game in named for plot in _heat_maps(game, matches, agents)],
        tournament=None if result is None else _tournament(result),
        matches=len(matches),
        pairs=_by_pair(matches),
    )


@dataclass(frozen=True)
class _Row:
    """One table row: texts and intervals. Rows with ``published`` are shown in grey."""

    cells: Sequence[str | Interval]
    published: bool = False


def _comparisons(found: Mapping[str, Interval], tests: Mapping[str, TTest]) -> dict[str, Any] | None:
    """Lay out paired differences, each with its p-value after Holm's correction for all of them."""
    adjusted = dict(zip(found, holm([interval.p_value for interval in found.values()]), strict=True))
    rows = [
        _Row([name, i, str(i.n), "–" if i.p_value != i.p_value else f"{adjusted[name]:.2g}", str(tests.get(name, "–")),
              i.remarks])
        for name, i in found.items()
    ]  # fmt: skip
    head = ["comparison", "difference", "pairs", f"p (Holm, of {len(found)})", "t test", ""]
    return {"head": head, "rows": rows} if rows else None


def _audits(
    matches: Sequence[Match], agents: Groups, failed: Sequence[ScheduledMatch]
) -> list[tuple[str, PositionBias]]:
    groups = agents if isinstance(agents, Mapping) else {agent: [agent] for agent in agents}
    found = ((name, audit_position_bias(matches, members, failed=failed)) for name, members in groups.items())
    return [(name, audit) for name, audit in found if audit is not None]


def missing_lines(matches: Sequence[Match], failed: Sequence[ScheduledMatch]) -> list[str]:
    """Return sentences on failed and truncated matches, and on how the tables count them; empty if there are none."""
    lines = []
    if failed:
        lines.append(
            f"{len(failed)} of {len(matches) + len(failed)} matches failed and are left out. Worst "
            "case: each of them counted as bad as can be."
        )
    if cut := sum(bool(match.cut_off) for match in matches):
        lines.append(
            f"{cut} of {len(matches)} matches were cut off because a model's context window was full; they count with "
            "the rounds that were played."
        )
    return lines


def _metrics(
    game: str, matches: Sequence[Match], failed: Sequence[ScheduledMatch], agents: Sequence[str]
) -> dict[str, Any]:
    here = [match for match in matches if match.scheduled.game == game]
    lost = [match for match in failed if match.game == game]
    summaries = {agent: summary for agent in agents if (summary := summarise(here, agent))}
    names = list(dict.fromkeys(name for summary in summaries.values() for name in summary))
    rows = []
    for agent, by in summaries.items():
        rows.append(_Row([agent, *(by.get(name, "") for name in names)]))
        if any(agent in match.agents for match in lost):
            worst = worst_case(here, lost, agent)
            rows.append(_Row([f"{agent}, worst case", *(worst.get(name, "") for name in names)]))
    return _without_copies({"caption": game, "head": ["player", *names], "rows": rows})


def _without_copies(table: dict[str, Any]) -> dict[str, Any]:
    """Join columns that hold the same in every row, such as defection and preferred option in a dilemma."""
    columns: dict[tuple[str, ...], list[int]] = {}
    for k in range(len(table["head"])):
        columns.setdefault(tuple(str(row.cells[k]) for row in table["rows"]), []).append(k)
    kept = list(columns.values())
    head = [" = ".join(table["head"][k] for k in group) for group in kept]
    rows = [_Row([row.cells[group[0]] for group in kept], row.published) for row in table["rows"]]
    return {"caption": table["caption"], "head": head, "rows": rows}


def _families(
    matches: Sequence[Match], failed: Sequence[ScheduledMatch], agents: Sequence[str]
) -> dict[str, Any] | None:
    ordinal = [match for match in matches if match.game.family]
    if not ordinal:
        return None
    scores = {agent: found for agent in agents if (found := score_by_family(ordinal, agent))}
    played = {letter for by in scores.values() for letter in by}
    known = played | PUBLISHED["GPT-4"].keys()
    letters = [letter for letter in ("all", *FAMILIES) if letter in known]  # the headline first
    rows = []
    for agent, by in scores.items():
        rows.append(_Row([agent, *(by.get(letter, "") for letter in letters)]))
        if any(agent in match.agents for match in failed):
            worst = score_by_family(ordinal, agent, failed=failed)
            rows.append(_Row([f"{agent}, worst case", *(worst.get(letter, "") for letter in letters)]))
    for model, by_letter in PUBLISHED.items():
        shown = [f"{by_letter[letter]:.3f}" if letter in by_letter else "" for letter in letters]
        rows.append(_Row([f"{model} (published)", *shown], published=True))
    head = ["normalised score", *(FAMILIES.get(letter, letter) for letter in letters)]
    return {"head": head, "rows": rows, "plot": markup(figures.family_scores(scores, PUBLISHED))}


#: Up to this number of games, matches are listed by game.
_FEW_GAMES = 3


def _heat_maps(game: str, matches: Sequence[Match], agents: Sequence[str]) -> list[str]:
    plots = []
    for agent in agents:
        here = [m for m in matches if m.scheduled.game == game and agent in m.scheduled.agents and m.game.players == 2]
        if any(len(match.moves) for match in here):
            title = agent if len({m.scheduled.game for m in matches}) == 1 else f"{agent} ({game})"
            plots.append(figures.round_by_round(here, agent, title, agents))
    return plots


def _tournament(result: Tournament) -> dict[str, Any]:
    summary, places = result.to_rows(), dict(result.ranking())
    keys = [key for key in ("worst_case", "median", "wins", "cooperation", *CELLS) if key in summary[0]]
    rates = {"cooperation", *CELLS}
    rows = [
        _Row([row["player"], str(row["rank"]), places[row["player"]],
              *("–" if row[key] is None else f"{row[key]:.0%}" if key in rates else f"{row[key]:.3g}" for key in keys)])
        for row in summary
    ]  # fmt: skip
    plots = [charts.payoff_boxes(result), charts.tournament_matrix(result), charts.cooperation_matrix(result)]
    if result.cells.size:
        plots.insert(1, charts.outcome_bars(result))
    plots += [charts.replicator_plot(result), charts.invasion_matrix(result)]
    return {
        "matches": f"{result.matches:,}",
        "rounds": result.rounds,
        "head": ["player", "place", "mean payoff per round", *(key.replace("_", " ") for key in keys)],
        "rows": rows,
        "pairwise": _pairwise(result),
        "plots": [markup(plot) for plot in plots],
    }


def _pairwise(result: Tournament) -> dict[str, Any]:
    tests = result.pairwise()
    rows = [
        _Row([f"{test.first} – {test.second}", test.difference,
              "–" if math.isnan(test.p_holm) else f"{test.p_holm:.2g}", test.difference.note])
        for test in tests
    ]  # fmt: skip
    return {"head": ["players", "difference in payoff per round", f"p (Holm, of {len(tests)})", ""], "rows": rows}


def _by_pair(matches: Sequence[Match]) -> list[tuple[str, list[dict[str, Any]]]]:
    """Lay out the matches, grouped by players; of a few games also by game."""
    groups: dict[str, list[dict[str, Any]]] = {}
    games = {match.scheduled.game for match in matches}
    for match in matches:
        players, game = " – ".join(match.scheduled.agents), match.scheduled.game
        few = len(games) <= _FEW_GAMES
        found = _match_details(match)
        groups.setdefault(f"{game}: {players}" if few else players, []).append(
            found if few else found | {"title": f"{game}, {found['title']}"}
        )
    return list(groups.items())


def _match_details(match: Match) -> dict[str, Any]:
    seats = []
    for seat, name in enumerate(match.scheduled.agents):
        options = match.game.options[seat]
        moves = [
            ("illegal", "–") if move < 0 else ("option-0" if move == 0 else "", options[move])
            for move in match.moves[:, seat]
        ]
        seats.append({"name": name, "moves": moves, "total": f"{match.payoffs[:, seat].sum():g}"})
    illegal = [
        f"round {choice['round']}, {choice['kind']}: {choice['label']}"
        for trace in match.traces
        for choice in trace
        if choice["option"] < 0
    ]
    return {
        "title": f"repetition {match.scheduled.repetition}",
        "seats": seats,
        "illegal": "; ".join(illegal),
        "cut_off": match.cut_off,
    }
