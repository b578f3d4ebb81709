"""``quintain list``: everything that is found by name, from the registries."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Iterator
from typing import Annotated, Any

import typer

from quintain.cli.console import console, literal, print_json
from quintain.errors import UnknownNameError
from quintain.registry import Registry, load_attribute

__all__ = ["REGISTRIES", "list_entries", "registry_of"]

#: Plural of the kind -> where its registry is. Environments are listed from Gymnasium's and PettingZoo's registries.
REGISTRIES: dict[str, str] = {
    "agents": "quintain.agents.registry:AGENTS",
    "attacks": "quintain.attacks.registry:ATTACKS",
    "defences": "quintain.attacks.defences.registry:DEFENCES",
    "engines": "quintain.engines.registry:ENGINES",
    "executors": "quintain.evaluation.executors.executor:EXECUTORS",
    "experiments": "quintain.experiments.kinds:EXPERIMENTS",
    "games": "quintain.envs.games.canonical:GAMES",
    "guards": "quintain.attacks.malfunction.registry:GUARDS",
    "language-attacks": "quintain.attacks.malfunction.registry:LANGUAGE_ATTACKS",
    "methods": "quintain.agents.reasoning.methods:METHODS",
    "rewards": "quintain.rewards.registry:REWARDS",
    "sandbox-backends": "quintain.sandbox.backend:BACKENDS",
    "scorers": "quintain.envs.question_answering.scorers:SCORERS",
    "shapings": "quintain.rewards.shaping.registry:SHAPINGS",
    "strategies": "quintain.agents.games:STRATEGIES",
    "tasks": "quintain.envs.code_reason.registry:TASKS",
    "trainers": "quintain.training.registry:TRAINERS",
    "verifiers": "quintain.rewards.verification.registry:VERIFIERS",
}
_MAX_SHOWN = 6
#: Facts that name code are for programs, not for a table.
_TARGET = re.compile(r"[\w.]+:\w+$")


def registry_of(kind: str) -> Registry[Any, Any]:
    """Return the registry of a kind.

    Args:
        kind: A key of :data:`REGISTRIES`.

    Raises:
        UnknownNameError: If there is no such kind.
    """
    if kind not in REGISTRIES:
        raise UnknownNameError("kind", kind, (*REGISTRIES, "environments"))
    found = load_attribute(REGISTRIES[kind])
    assert isinstance(found, Registry)
    return found


def list_entries(
    kind: Annotated[str | None, typer.Argument(help="A kind, such as attacks; all kinds if left out.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print as JSON and nothing else.")] = False,
) -> None:
    """List everything that can be used by name: agents, engines, games, attacks, trainers, experiments and more.

    Other packages add entries through entry points; name your own objects as module:name.

    Examples:
        quintain list
        quintain list attacks
    """
    kinds = [kind] if kind else [*REGISTRIES, "environments"]
    rows = {name: list(_rows(name)) for name in kinds}
    if as_json:
        print_json(rows)
    elif kind:
        _print_kind(kind, rows[kind])
    else:
        _print_kinds(rows)


def _rows(kind: str) -> Iterator[dict[str, Any]]:
    """Yield the entries of a kind as plain data: the name, and the facts of the registry."""
    if kind == "environments":
        yield from ({"name": name} for name in _environments())
        return
    registry = registry_of(kind)
    facts = {name: dataclasses.asdict(registry.facts(name)) for name in registry}
    structured = {key for row in facts.values() for key, value in row.items() if not _is_plain(value)}
    for name, row in facts.items():
        yield {"name": name} | {key: _finite(value) for key, value in row.items() if key not in structured}


def _is_plain(value: Any) -> bool:
    return isinstance(value, (str, int, float, bool, tuple, list, type(None)))


def _finite(value: Any) -> Any:
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def _environments() -> list[str]:
    import gymnasium as gym
    import pettingzoo

    registries = (gym.registry, pettingzoo.parallel_registry, pettingzoo.aec_registry)
    specs = (item for registry in registries for item in registry.items())
    return sorted({name for name, spec in specs if str(spec.entry_point).startswith("quintain.")})


def _print_kind(kind: str, rows: list[dict[str, Any]]) -> None:
    from quintain.cli.tables import simple_table

    flags = [key for key in (rows[0] if rows else {}) if any(isinstance(row[key], bool) for row in rows)]
    others = [key for key in (rows[0] if rows else {}) if key not in ("name", *flags)]
    columns = [key for key in others if _is_worth_a_column([row[key] for row in rows])]
    heading = [column.replace("_", " ") for column in columns]
    table = simple_table("", "name", *heading, *([""] if flags else []))
    for column in table.columns:
        column.justify = "left"
    for row in rows:
        set_flags = ", ".join(flag.replace("_", " ") for flag in flags if row[flag])
        cells = [literal(_shown(row[column])) for column in columns]
        table.add_row(literal(row["name"], "bold"), *cells, *([literal(set_flags, "dim")] if flags else []))
    screen = console()
    screen.print(literal(f"{len(rows)} {kind}", "bold"))
    screen.print(table)


def _is_worth_a_column(values: list[Any]) -> bool:
    return any(values) and not any(_TARGET.match(str(value)) for value in values)


def _print_kinds(rows: dict[str, list[dict[str, Any]]]) -> None:
    from quintain.cli.tables import simple_table

    table = simple_table("", "kind", "entries", "")
    table.columns[2].justify = "left"
    for kind, entries in rows.items():
        names = [entry["name"] for entry in entries]
        more = ", ..." if len(names) > _MAX_SHOWN else ""
        table.add_row(literal(kind, "bold"), str(len(names)), literal(", ".join(names[:_MAX_SHOWN]) + more, "dim"))
    console().print(table)
    console().print("\nquintain list KIND shows what is known of each entry.", style="dim")


def _shown(value: Any) -> str:
    if isinstance(value, (tuple, list)):
        return ", ".join(map(str, value)) or "-"
    return str(value) if value else "-"
