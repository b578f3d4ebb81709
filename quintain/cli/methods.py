"""``quintain methods``: the methods that think longer at test time, as two tables of declared facts."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

import typer

from quintain.cli.console import console, literal, print_json

__all__ = ["markdown_tables", "methods"]

_WORK = ("method", "line", "layer", "signal", "models", "training", "narrow", "self-evaluate", "self-update", "calls")
_WAYS = ("way", "signal", "access", "methods")


def _facts() -> dict[str, Any]:
    from quintain.agents.reasoning.methods import METHODS

    return {name: METHODS.facts(name) for name in METHODS}


def _work() -> list[list[str]]:
    """Return a row for each method, by line of work."""
    from quintain.agents.reasoning.methods import LINES

    found = sorted(_facts().items(), key=lambda item: LINES.index(item[1].line))
    rows = []
    for name, f in found:
        scope = "narrow" if f.narrow else "oracle" if f.oracle else "generalised"
        training = "yes" if f.training else "no"
        rows.append([name, f.line, f.layer, f.signal, str(f.models), training, scope, f.evaluate, f.update, f.calls])
    return rows


def _ways() -> list[list[str]]:
    """Return a row for each way to obtain a signal and each access that methods take to it."""
    from quintain.agents.reasoning.methods import WAYS

    rows: dict[tuple[str, str, str], list[str]] = {}
    for way in WAYS:
        for name, f in _facts().items():
            if f.way == way:
                rows.setdefault((way, f.signal, f.access), []).append(name)
    return [[*key, ", ".join(names)] for key, names in rows.items()]


def markdown_tables() -> str:
    """Return both tables in Markdown, as the documentation shows them."""
    parts = []
    for columns, rows in ((_WORK, _work()), (_WAYS, _ways())):
        lines = [columns, ["---"] * len(columns), *rows]
        parts.append("\n".join(f"| {' | '.join(line)} |" for line in lines))
    return "\n\n".join(parts) + "\n"


def methods(
    as_json: Annotated[bool, typer.Option("--json", help="Print as JSON and nothing else.")] = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print as Markdown tables, for a document.")] = False,
) -> None:
    """List the methods that spend more at test time: what they evaluate, how they update, what they need and cost.

    The tables are those of Liang et al. 2024 (arXiv 2407.14507): lines of work with signal, kind of self-feedback
    (in the narrow sense one model evaluates and answers) and the replies that a decision samples at most;
    then ways to obtain a signal.

    Examples:
        quintain methods
        quintain eval CodeReason-v0 -a borda --agent-arg n=16 --agent-arg p=0.3
    """
    if as_json:
        print_json({name: asdict(facts) for name, facts in _facts().items()})
        return
    if markdown:
        typer.echo(markdown_tables(), nl=False)
        return

    from quintain.cli.tables import simple_table

    screen = console()
    line = ""
    for row in _work():
        of = dict(zip(_WORK, row, strict=True))
        if of["line"] != line:
            line = of["line"]
            screen.print(literal(f"\n{line.capitalize()}", "bold"))
        screen.print(literal(f"  {of['method']:28}{of['signal']:13}{of['narrow']:13}{of['calls']}"), soft_wrap=True)
        screen.print(literal(f"      {of['self-evaluate']} -> {of['self-update']}", "dim"), soft_wrap=True)
    screen.print()
    table = simple_table("", *_WAYS)
    for column in table.columns[1:]:
        column.justify = "left"
    for row in _ways():
        table.add_row(*map(literal, row))
    screen.print(table)
    screen.print()
    notes = "All act on whole responses and train nothing. Options: quintain agents; agents of the same names play."
    screen.print(literal(notes, "dim"))
