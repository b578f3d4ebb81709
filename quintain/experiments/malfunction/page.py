"""The page of the experiment: leaderboard, breakdowns, and transcripts with the payload marked; one HTML file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from quintain.attacks.malfunction.registry import GUARDS, LANGUAGE_ATTACKS
from quintain.evaluation.html.frame import fill, scale
from quintain.evaluation.html.reproduce import reproduce
from quintain.experiments.malfunction.breakdown import DIMENSIONS, BreakdownRow, order_of
from quintain.experiments.malfunction.condition import UNGUARDED, Condition
from quintain.experiments.malfunction.table import MalfunctionTable, percent
from quintain.experiments.malfunction.transcripts import Transcript, choose, transcript_of

__all__ = ["render"]


def render(table: MalfunctionTable) -> str:
    """Return the page as text.

    Raises:
        MissingDependencyError: Without the ``report`` extra.
    """
    config = table.manifest.get("config", {})
    rows = table.leaderboard()
    return fill(
        "malfunction.html",
        package="quintain.experiments.malfunction",
        styles=("malfunction.css",),
        table=table,
        rows=rows,
        config=config,
        plan=config.get("agent", {}),
        manifest=table.manifest,
        reproduce=reproduce(table.manifest, sum(len(row.episodes) for row in table.rows)),
        net_scale=scale([row.rates.net for row in rows if row.rates.net is not None]),
        percent=percent,
        breakdowns=[_breakdown(table, agent, guard) for agent in table.agents for guard in table.guards(agent)],
        transcripts=[(row.condition, found) for row in rows if (found := _transcripts(table, row.condition))],
        threats=_threats(config.get("agent", {})),
        guards=_guards(table),
        unguarded=UNGUARDED,
        details=_details(table.manifest),
    )


def _breakdown(table: MalfunctionTable, agent: str, guard: str) -> dict[str, Any]:
    """Return for each dimension the names of the conditions, and per group the failure of each."""
    conditions = [r.condition for r in table.rows if (r.condition.agent, r.condition.guard) == (agent, guard)]
    parts = {}
    for dimension in DIMENSIONS:
        columns = {one: table.breakdown.of(one, dimension) for one in conditions}
        columns = {one: groups for one, groups in columns.items() if groups}
        names = [row.group for row in table.breakdown.rows if row.dimension == dimension]
        groups = sorted({name for name in names if any(name in each for each in columns.values())}, key=order_of)
        lines = [(group, [_cell(each.get(group)) for each in columns.values()]) for group in groups]
        if lines:
            parts[dimension] = {"columns": [one.label for one in columns], "lines": lines}
    return {"agent": agent, "guard": guard, "parts": parts}


def _cell(row: BreakdownRow | None) -> dict[str, str]:
    if row is None:
        return {"text": "-", "title": ""}
    shown = row.failure if row.net is None else row.net
    title = f"failure {percent(row.failure)} of {row.failure.n} episodes"
    return {"text": percent(shown), "title": title}


def _transcripts(table: MalfunctionTable, condition: Condition) -> list[Transcript]:
    row, clean = table.of(condition), table.of(condition.clean())
    if condition.is_clean or row is None:
        return []
    pairs = choose(row.episodes, () if clean is None else clean.episodes)
    return [transcript_of(attacked, before) for attacked, before in pairs]


def _threats(plan: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return type, method, source and further arguments of each attack."""
    found = []
    for name, options in plan.get("attacks", {}).items():
        known = name in LANGUAGE_ATTACKS
        facts = LANGUAGE_ATTACKS.facts(name) if known else None
        about = {"type": facts.type, "method": facts.method, "source": facts.source} if facts else {}
        shown = ", ".join(f"{key}={value}" for key, value in options.items()) or "-"
        found.append({"name": name, "type": "", "method": "", "source": ""} | about | {"options": shown})
    return found


def _guards(table: MalfunctionTable) -> list[dict[str, str]]:
    """Return what each single guard of the run is made against."""
    names = [name for agent in table.agents for guard in table.guards(agent) for name in guard.split("+")]
    known = [name for name in dict.fromkeys(names) if name in GUARDS]
    return [{"name": name, "stops": GUARDS.facts(name).stops, "source": GUARDS.facts(name).source} for name in known]


def _details(manifest: Mapping[str, Any]) -> dict[str, str]:
    parts = {"Configuration": manifest.get("config"), "Versions": manifest.get("versions")}
    return {name: json.dumps(part, indent=2, ensure_ascii=False) for name, part in parts.items() if part}
