"""``quintain rescore``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from quintain.cli.console import console, literal, print_json, say
from quintain.cli.folders import clear_away
from quintain.cli.options import pairs
from quintain.errors import MissingDependencyError

if TYPE_CHECKING:
    from quintain.evaluation.report import Report
    from quintain.evaluation.rescore import Rescored

__all__ = ["rescore"]

_MOST_SHOWN = 20


def rescore(
    run: Annotated[Path, typer.Argument(help="A run folder.")],
    env_arg: Annotated[
        list[str] | None,
        typer.Option(
            "--env-arg", "-e", metavar="K=VALUE", help="Change an argument of the environment, such as scorer=exact."
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="FOLDER", help="Write the rescored run, with its page, to a new folder."),
    ] = None,
    csv: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write each episode's scores before and after to a CSV file.")
    ] = None,
    concurrency: Annotated[int, typer.Option(min=1, metavar="N", help="Maximum number of live episodes.")] = 16,
    as_json: Annotated[bool, typer.Option("--json", help="Print both results as JSON and nothing else.")] = False,
) -> None:
    """Score a stored run again, without its model.

    The recorded replies are given to the environment again: programs run again in the sandbox, and replies are scored
    again, by another scorer or a judge model if --env-arg names one. The stored run is not changed.

    Examples:
        quintain rescore runs/first
        quintain rescore runs/first -e scorer=contains --out runs/first-contains
        quintain rescore runs/first -e 'scorer={"name": "judge", "engine": "openai:M@http://host/v1"}'
    """
    from quintain.experiments.kinds import rescore_run

    is_new = out is not None and not out.exists()
    try:
        found = rescore_run(run, env_kwargs=pairs(env_arg, "--env-arg"), concurrency=concurrency, out=out)
    except Exception:
        if is_new and out is not None:
            clear_away(out)
        raise
    if csv is not None:
        found.to_csv(csv)
    if as_json:
        sides = {"before": found.before.to_dict(), "after": found.after.to_dict()}
        print_json(sides | {"changed": found.changed, "drifted": found.drifted})
    else:
        _print(found)
    if out is not None:
        _write_page(found.after)
    if found.after.episodes and not found.after.scored:
        say("every episode failed: there is no score", "bold red")
        raise typer.Exit(3)


def _write_page(report: Report) -> None:
    from quintain.evaluation.html import write_report

    try:
        say(f"report: {write_report(report)}")
    except (MissingDependencyError, OSError) as error:
        say(f"no report.html: {error}")


def _print(found: Rescored) -> None:
    from quintain.cli.tables import print_report

    out = console()
    print_report(out, found.after)
    out.print()
    out.print(f"{len(found.changed)} of {len(found.after.episodes)} episodes have another score than in the record")
    _print_changes(found)
    if found.drifted:
        say(
            f"{len(found.drifted)} episodes pose another question now ({_some(found.drifted)}), "
            "so their stored replies do not answer it",
            "bold yellow",
        )


def _print_changes(found: Rescored) -> None:
    before = {e.index: e for e in found.before.episodes}
    after = {e.index: e for e in found.after.episodes}
    for index in found.changed[:_MOST_SHOWN]:
        one, two = before[index], after[index]
        line = f"  episode {index}: {one.outcome} {one.reward:.3g} -> {two.outcome} {two.reward:.3g}"
        why = (two.error or {}).get("message") or two.info.get("detail") or ""
        console().print(literal(line) + literal(f"  {str(why)[:200]}", "dim"), soft_wrap=True)
    if len(found.changed) > _MOST_SHOWN:
        console().print(f"  and {len(found.changed) - _MOST_SHOWN} more", style="dim")


def _some(indices: list[int]) -> str:
    shown = ", ".join(map(str, indices[:_MOST_SHOWN]))
    return shown + (", ..." if len(indices) > _MOST_SHOWN else "")
