"""``quintain check``."""

from __future__ import annotations

import re
from typing import Annotated

import typer

from quintain.cli.console import console, literal, print_json, say
from quintain.cli.options import pairs

__all__ = ["check"]

#: Gymnasium colours its warnings, also if the output is no terminal.
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def check(
    env: Annotated[str, typer.Argument(help="Id in Gymnasium's or PettingZoo's registry; module:Id-v0 for your own.")],
    env_arg: Annotated[
        list[str] | None, typer.Option(metavar="K=JSON", help="Any argument of the environment. Repeatable.")
    ] = None,
    skip: Annotated[list[str] | None, typer.Option(help="Name of a check to leave out. Repeatable.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the outcome as JSON and nothing else.")] = False,
) -> None:
    """Check an environment: Gymnasium's and PettingZoo's checks, and Quintain's for reproducibility.

    Exit code 1 if a check fails. Optional conventions that the environment does not follow are notes, not failures.

    Examples:
        quintain check CodeReason-v0 --env-arg tasks=letters
        quintain check mypackage.envs:MyEnv-v0
    """
    from quintain.envs.checker import check as run

    kwargs = pairs(env_arg, "--env-arg")
    if not as_json:
        say(f"checking {env} ...", "dim")
    found = run(env, kwargs, skip=tuple(skip or ()), raise_on_failure=False)
    if as_json:
        print_json(
            {"env": env, "ok": found.ok, "passed": found.passed, "failed": found.failed, "skipped": found.skipped,
             "notes": found.notes, "warnings": found.warnings}
        )  # fmt: skip
    else:
        out = console()
        groups: tuple[tuple[str, str, dict[str, str]], ...] = (
            ("pass", "green", dict.fromkeys(found.passed, "")),
            ("skip", "dim", found.skipped),
            ("note", "yellow", found.notes),
            ("FAIL", "bold red", found.failed),
        )
        for word, style, checks in groups:
            for name, why in checks.items():
                out.print(literal(f"{word}  ", style) + literal(f"{name}: {why}" if why else name), soft_wrap=True)
        for text in found.warnings:
            out.print(literal("warn  ", "yellow") + literal(_COLOUR.sub("", text)), soft_wrap=True)
        counts = f"{len(found.passed)} passed, {len(found.failed)} failed, {len(found.notes)} noted"
        out.print(f"{counts}, {len(found.skipped)} skipped", style="bold")
        for line in found.legend:
            out.print(literal(line, "dim"))
    if not found.ok:
        raise typer.Exit(1)
