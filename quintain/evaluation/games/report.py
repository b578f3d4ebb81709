"""One self-contained page about a games experiment: the audit first, then scores, figures, and every match."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from html import escape
from pathlib import Path

from quintain.envs.games import FAMILIES
from quintain.evaluation.games import figures
from quintain.evaluation.games.matches import Match
from quintain.evaluation.games.metrics import audit_position_bias, summarise
from quintain.evaluation.games.sweep import PUBLISHED, score_by_family
from quintain.evaluation.games.tournament import Tournament
from quintain.evaluation.html.text import visible
from quintain.evaluation.statistics import Interval

__all__ = ["audit_lines", "write_games_report"]

_STYLE = """
body{font:15px/1.5 system-ui,sans-serif;max-width:64rem;margin:2rem auto;padding:0 1rem;color:#222;background:#fff}
table{border-collapse:collapse;margin:.6rem 0}td,th{padding:.15rem .7rem;border-bottom:1px solid #ddd;text-align:right}
td:first-child,th:first-child{text-align:left}svg{max-width:100%;height:auto}code{white-space:pre-wrap}
.moves td{font-family:monospace;padding:.05rem .3rem}.warn{background:#fff3cd;padding:.4rem .8rem;border-radius:.3rem}
"""


def audit_lines(matches: Sequence[Match], agents: Sequence[str] | Mapping[str, Collection[str]]) -> list[str]:
    """The position-bias audit as text, one line per language model; to be shown before anything about behaviour.

    Args:
        matches: Any matches.
        agents: Names of players, or groups of them under a name: those that differ in the order of names alone are
            audited together.
    """
    groups = agents if isinstance(agents, Mapping) else {agent: [agent] for agent in agents}
    lines = []
    for agent, members in groups.items():
        audit = audit_position_bias(matches, members)
        if audit is not None:
            labels = ", ".join(f"{label} {interval.estimate:.0%}" for label, interval in audit.labels.items())
            lines.append(
                f"{agent}: first-named option {audit.first_named} of {audit.first_named.n}; labels {labels or 'none'}; "
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
) -> Path:
    """Write the page. Text from models is escaped; the page holds no script and loads nothing.

    Args:
        path: Where to.
        matches: Everything that was played.
        agents: The players studied, in order.
        title: Heading.
        result: A tournament, whose matrices are added.
        comparisons: Named paired differences.
        audited: Groups of players to audit together, as for :func:`audit_lines`; each on its own if left out.

    Returns:
        The path.

    Raises:
        MissingDependencyError: Without matplotlib.
    """
    parts = [f"<h1>{_text(title)}</h1>", *_audit(matches, audited or agents)]
    if matches:
        parts += ["<h2>Metrics</h2>", *_metrics(matches, agents), *_families(matches, agents)]
        parts += _comparisons(comparisons or {})
        parts += ["<h2>Cooperation over time</h2>", figures.cooperation_over_time(matches, agents)]
        parts += ["<h2>Round by round</h2>", *_heat_maps(matches, agents)]
    if result is not None:
        parts += _tournament(result)
    parts += ["<h2>Every match</h2>", *(_one(match) for match in matches)]
    policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
    page = (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" '
        f'content="{policy}"><title>{_text(title)}</title><style>{_STYLE}</style>\n' + "\n".join(parts) + "</html>\n"
    )
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(page, encoding="utf-8")
    return target


def _text(value: object) -> str:
    return escape(visible(str(value)))


def _table(head: Sequence[object], rows: Sequence[Sequence[object]]) -> str:
    lines = ["<tr>" + "".join(f"<th>{_text(cell)}</th>" for cell in head) + "</tr>"]
    lines += ["<tr>" + "".join(f"<td>{_text(cell)}</td>" for cell in row) + "</tr>" for row in rows]
    return f"<table>{''.join(lines)}</table>"


def _audit(matches: Sequence[Match], agents: Sequence[str] | Mapping[str, Collection[str]]) -> list[str]:
    lines = audit_lines(matches, agents)
    if not lines:
        return []
    return ["<h2>First of all: position bias</h2>", *(f'<p class="warn">{_text(line)}</p>' for line in lines)]


def _metrics(matches: Sequence[Match], agents: Sequence[str]) -> list[str]:
    parts = []
    for game in dict.fromkeys(match.fixture.game for match in matches if not match.game.family):
        here = [match for match in matches if match.fixture.game == game]
        summaries = {agent: summarise(here, agent) for agent in agents}
        names = list(dict.fromkeys(name for summary in summaries.values() for name in summary))
        rows = [[agent, *(summary.get(name, "") for name in names)] for agent, summary in summaries.items() if summary]
        parts += [f"<h3>{_text(game)}</h3>", _table(["player", *names], rows)]
    return parts


def _families(matches: Sequence[Match], agents: Sequence[str]) -> list[str]:
    ordinal = [match for match in matches if match.game.family]
    if not ordinal:
        return []
    scores = {agent: found for agent in agents if (found := score_by_family(ordinal, agent))}
    letters = [*FAMILIES, "all"]
    rows: list[list[object]] = [[agent, *(by.get(letter, "") for letter in letters)] for agent, by in scores.items()]
    rows += [[f"{m} (published)", *(by.get(letter, "") for letter in letters)] for m, by in PUBLISHED.items()]
    head = ["normalised score", *(FAMILIES.get(letter, letter) for letter in letters)]
    return ["<h2>Ordinal games by family</h2>", _table(head, rows), figures.family_scores(scores, PUBLISHED)]


def _comparisons(comparisons: Mapping[str, Interval]) -> list[str]:
    if not comparisons:
        return []
    rows = [[name, interval, interval.n, interval.note] for name, interval in comparisons.items()]
    return ["<h2>Paired differences</h2>", _table(["comparison", "difference", "pairs", ""], rows)]


def _heat_maps(matches: Sequence[Match], agents: Sequence[str]) -> list[str]:
    parts = []
    for game in dict.fromkeys(match.fixture.game for match in matches if not match.game.family):
        for agent in agents:
            here = [m for m in matches if m.fixture.game == game and agent in m.fixture.agents and m.game.players == 2]
            if here:
                parts.append(figures.round_by_round(here, agent, f"{agent} in {game}"))
    return parts


def _tournament(result: Tournament) -> list[str]:
    rows = [[place, name, interval] for place, (name, interval) in enumerate(result.ranking(), start=1)]
    return [
        "<h2>Tournament</h2>",
        f"<p>{result.matches:,} matches of {result.rounds} rounds.</p>",
        _table(["place", "player", "mean payoff per round"], rows),
        figures.tournament_matrix(result),
        "<h2>Evolution</h2>",
        figures.replicator_plot(result),
        figures.invasion_matrix(result),
    ]


def _one(match: Match) -> str:
    rows = []
    for seat, name in enumerate(match.fixture.agents):
        options = match.game.options[seat]
        cells = "".join(f"<td>{'–' if move < 0 else _text(options[move])}</td>" for move in match.moves[:, seat])
        rows.append(f"<tr><td>{_text(name)}</td>{cells}<td>{match.payoffs[:, seat].sum():g}</td></tr>")
    said = [
        f"round {choice['round']}, {choice['kind']}: {choice['label']}"
        for trace in match.traces
        for choice in trace
        if choice["option"] < 0
    ]
    illegal = f"<p>Illegal output: <code>{_text('; '.join(said))}</code></p>" if said else ""
    head = f"{match.fixture.game}: {' – '.join(match.fixture.agents)} (repetition {match.fixture.repetition})"
    body = f'<table class="moves">{"".join(rows)}</table>{illegal}'
    return f"<details><summary>{_text(head)}</summary>{body}</details>"
