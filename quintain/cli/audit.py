"""``quintain audit``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from quintain.cli.console import console, literal, print_json, say
from quintain.cli.options import EnvArguments, JsonOutput, pairs

__all__ = ["audit"]

_STYLES = {"pass": "green", "fault": "bold red", "note": "yellow", "skip": "dim"}


def audit(
    target: Annotated[
        str, typer.Argument(help="Id of an environment, URL of an OpenEnv server, or reasoning-gym:FAMILY.")
    ],
    env_arg: EnvArguments = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Folder for audit.html and audit.json.", show_default=False)
    ] = None,
    as_json: JsonOutput = False,
) -> None:
    """Audit an environment found elsewhere: does it keep its own contract?

    Seeds, independence of instances, endings, junk answers, its own solution, hostile actions, memory: one row each,
    with the severity and the shortest reproduction of every fault. Exit code 1 if there is a fault.

    Examples:
        quintain audit CartPole-v1
        quintain audit reasoning-gym:chain_sum -o audits/chain_sum
        quintain audit http://127.0.0.1:8000
    """
    from quintain.redaction import redact
    from quintain.serving.audit import audit as run
    from quintain.serving.audit import write_audit

    if not as_json:
        say(f"auditing {redact(target)} ...", "dim")
    report = run(target, pairs(env_arg, "--env-arg"))
    page = write_audit(report, out) if out is not None else None
    if as_json:
        print_json(report.as_dict())
    else:
        shown = console()
        for row in report.rows:
            severity = f" [{row.severity}]" if row.severity else ""
            text = f"{row.question}{severity}" + (f": {row.detail}" if row.detail else "")
            shown.print(literal(f"{row.verdict:5}  ", _STYLES[row.verdict]) + literal(text), soft_wrap=True)
        for row in report.faults:
            shown.print(literal(f"\n# {row.question}\n{row.reproduction}", "dim"), soft_wrap=True)
        counts = ", ".join(f"{number} {verdict}" for verdict, number in report.counts().items())
        shown.print(f"{counts}; {report.cpu_s:.1f} CPU seconds", style="bold")
        if page is not None:
            shown.print(literal(f"page: {page}"), soft_wrap=True)
    if not report.ok:
        raise typer.Exit(1)
