"""The report page of a robustness run: leaderboard, degradation curves, what can be reached, clips; one HTML file."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from quintain.evaluation.html.curves import COLOURS, Curve, curves
from quintain.evaluation.html.frame import fill, markup, scale
from quintain.evaluation.html.reproduce import reproduce
from quintain.evaluation.statistics import Interval
from quintain.experiments.robustness.clips import Clip
from quintain.experiments.robustness.table import RobustnessRow, RobustnessTable

__all__ = ["render"]

_GREY = COLOURS - 1


def render(
    table: RobustnessTable, clips: Sequence[Clip] = (), videos: Path | None = None, *, has_trained: bool = False
) -> str:
    """Return the page as text.

    Raises:
        MissingDependencyError: Without the ``report`` extra.
    """
    config = table.manifest.get("config", {}).get("agent", {})
    colours = _colours(table.attacks)
    rows = table.leaderboard()
    return fill(
        "robustness.html",
        package="quintain.experiments.robustness",
        styles=("robustness.css",),
        script="robustness.js",
        table=table,
        config=config,
        manifest=table.manifest,
        reproduce=reproduce(table.manifest, sum(len(row.episodes) + row.errors for row in table.rows)),
        rows=rows,
        loss_scale=scale([row.loss for row in rows if row.attack != "clean"]),
        strongest={id(row) for row in _strongest(table)},
        colours=colours,
        id=id,
        judged={name: any(getattr(row, name).n for row in rows) for name in ("success", "attacker_success")},
        sections=[_section(table, policy, colours, config, clips, videos) for policy in table.policies],
        threats=_threats(config, colours),
        has_trained=has_trained,
        details=_details(table.manifest, config),
    )


def _colours(attacks: Sequence[str]) -> dict[str, int]:
    """Give every attack a colour; random noise, the control, is grey."""
    others = [attack for attack in attacks if attack != "random"]
    return {"random": _GREY} | {attack: i % _GREY for i, attack in enumerate(others)}


def _section(
    table: RobustnessTable,
    policy: str,
    colours: Mapping[str, int],
    config: Mapping[str, Any],
    clips: Sequence[Clip],
    videos: Path | None,
) -> dict[str, Any]:
    """Collect the contents of one policy's section."""
    clean, unit = table.clean(policy), _unit(config)
    reach = [one for one in table.reachability if one.policy == policy]
    plots = []
    for name, label, is_rate in (
        ("reward", "Policy's return", False),
        ("success", "Policy's success", True),
        ("attacker_success", "Attacker's success", True),
    ):
        if getattr(clean, name).n:
            lines = [_curve(table, policy, attack, name, colours[attack]) for attack in table.attacks]
            plots.append(markup(curves(lines, unit, label, rate=is_rate)))
    if reach:
        line = Curve("reachable", 6, [one.epsilon for one in reach], [one.share for one in reach])
        plots.append(markup(curves([line], unit, "States in which the intention can be reached", rate=True)))
    worst = [row for row in table.rows if row.policy == policy and row.attack != "clean"]
    largest = max((row.epsilon for row in worst), default=0.0)
    at_largest = [row for row in worst if row.epsilon == largest]
    return {
        "policy": policy,
        "clean": clean,
        "largest": largest,
        "costliest": max(at_largest, key=lambda r: r.loss.estimate, default=None),
        "steered": max((r for r in worst if r.attacker_success.n), key=_steering, default=None),
        "reach": reach,
        "plots": plots,
        "clips": [_film(clip, videos) for clip in clips if clip.policy == policy],
    }


def _steering(row: RobustnessRow) -> tuple[float, float]:
    return row.attacker_success.estimate, -row.epsilon


def _curve(table: RobustnessTable, policy: str, attack: str, name: str, colour: int) -> Curve:
    """Return an attack's degradation curve; it begins with the clean run, at a budget of 0."""
    rows = table.of(policy, attack)
    if not rows or rows[0].epsilon > 0:
        rows = [table.clean(policy), *rows]
    values: list[Interval] = [getattr(row, name) for row in rows]
    points = [point for row in rows if len(row.repetitions) > 1 for point in _points(row, name)]
    return Curve(attack, colour, [row.epsilon for row in rows], values, points)


def _points(row: RobustnessRow, name: str) -> list[tuple[float, float]]:
    """Return the mean of each repetition."""
    means = []
    for episodes in row.repetitions.values():
        known = [float(value) for e in episodes if (value := getattr(e, name)) is not None]
        means += [(row.epsilon, sum(known) / len(known))] if known else []
    return means


def _strongest(table: RobustnessTable) -> list[RobustnessRow]:
    """Return, for every policy and budget, the attack that costs the policy most."""
    best: dict[tuple[str, float], RobustnessRow] = {}
    for row in table.rows:
        key = row.policy, row.epsilon
        if row.attack != "clean" and (key not in best or row.loss.estimate > best[key].loss.estimate):
            best[key] = row
    return list(best.values())


def _film(clip: Clip, videos: Path | None) -> dict[str, Any]:
    files = {"animation": "", "poster": ""}
    for kind, name in (("animation", clip.file), ("poster", clip.poster)):
        path = videos / name if videos is not None and name else None
        if path is not None and path.is_file():
            files[kind] = "data:image/webp;base64," + base64.b64encode(path.read_bytes()).decode()
    return {"clip": clip, "panels": list(zip(clip.captions, clip.outcomes, strict=False)), **files}


def _unit(config: Mapping[str, Any]) -> str:
    norm = {"linf": "l_inf", "l2": "l2"}.get(str(config.get("norm")), "")
    return f"epsilon ({norm}, {config.get('space', 'raw')} observations)"


def _threats(config: Mapping[str, Any], colours: Mapping[str, int]) -> list[dict[str, Any]]:
    """Return each attack's access to the policy and its number of training steps."""
    train_at = config.get("train_at")
    return [
        {
            **attack,
            "colour": colours.get(attack["name"], 0),
            "training": f"{attack['training_steps']:,} steps, "
            + (f"at epsilon {train_at:g}, then scaled" if train_at is not None else "for each budget and seed")
            if "training_steps" in attack
            else "none",
        }
        for attack in config.get("attacks", ())
    ]


def _details(manifest: Mapping[str, Any], config: Mapping[str, Any]) -> dict[str, str]:
    parts = {
        "Configuration": config,
        "Versions": manifest.get("versions"),
        "Platform": manifest.get("platform"),
    }
    return {name: json.dumps(part, indent=2, ensure_ascii=False) for name, part in parts.items() if part}
