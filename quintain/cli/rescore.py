"""``quintain rescore``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from quintain.cli.console import console, literal, print_json, say
from quintain.cli.options import pairs

if TYPE_CHECKING:
    from quintain.evaluation.rescore import Rescored

__all__ = ["rescore"]

_MOST_SHOWN = 20


def rescore(
    run: Annotated[Path, typer.Argument(help="A run folder.")],
    env_arg: Annotated[
        list[str] | None, typer.Option(metavar="K=JSON", help="Change an argument of the environment. Repeatable.")
    ] = None,
    concurrency: Annotated[int, typer.Option(min=1, help="Episodes that are live at once.")] = 16,
    as_json: Annotated[bool, typer.Option("--json", help="Print both results as JSON and nothing else.")] = False,
) -> None:
    """Score a stored run again, without the model.

    The recorded replies are played back into the environment as it is now: programs run again in the sandbox,
    verifiers judge again. The stored run is not changed.

    Examples:
        quintain rescore runs/first
    """
    from quintain.experiments.kinds import rescore_run

    found = rescore_run(run, env_kwargs=pairs(env_arg, "--env-arg"), concurrency=concurrency)
    if as_json:
        sides = {"before": found.before.to_dict(), "after": found.after.to_dict()}
        print_json(sides | {"changed": found.changed, "drifted": found.drifted})
    else:
        _print(found)
    if found.after.episodes and not found.after.scored:
        say("every episode failed: there is no score", "bold red")
        raise typer.Exit(3)


def _print(found: Rescored) -> None:
    from quintain.cli.tables import print_report

    out = console()
    print_report(out, found.after)
    out.print()
    out.print(f"{len(found.changed)} of {len(found.after.episodes)} episodes scored otherwise than in the record")
    _print_changes(found)
    if found.drifted:
        say(
            f"{len(found.drifted)} episodes posed another problem than today ({_some(found.drifted)}): "
            "the stored replies answer another question",
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
