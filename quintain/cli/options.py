"""Options that several commands share, and parsing of values such as ``--env-arg k=json``."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

__all__ = [
    "Concurrency",
    "Confidence",
    "EnvArguments",
    "Executor",
    "JsonOutput",
    "MaxSteps",
    "Out",
    "ResetOptions",
    "Resume",
    "RetryErrors",
    "Seed",
    "SeedBits",
    "Workers",
    "check_confidence",
    "check_resumed",
    "json_or_word",
    "pairs",
]

_RUN, _OUTPUT = "Run", "Output"

Concurrency = Annotated[int, typer.Option(min=1, help="Maximum number of live episodes.", rich_help_panel=_RUN)]
Confidence = Annotated[
    float, typer.Option(help="Nominal coverage of the intervals, in (0, 1).", rich_help_panel=_OUTPUT)
]
EnvArguments = Annotated[
    list[str] | None,
    typer.Option(
        "--env-arg", metavar="K=JSON", help="An argument of the environment. Repeatable.", rich_help_panel="Environment"
    ),
]
JsonOutput = Annotated[
    bool, typer.Option("--json", help="Print the result as JSON and nothing else.", rich_help_panel=_OUTPUT)
]
MaxSteps = Annotated[
    int | None,
    typer.Option(
        min=0, help="Truncate an episode that has not ended after this many steps. Default: 100,000; 0: no cap.",
        rich_help_panel=_RUN,
    ),
]  # fmt: skip
Out = Annotated[
    Path | None,
    typer.Option("--out", "-o", help="Run folder. Default: a new one under runs/.", rich_help_panel=_OUTPUT),
]
ResetOptions = Annotated[
    list[str] | None,
    typer.Option(
        "--reset-option", metavar="K=JSON", help="An entry of the options of the environment's reset. Repeatable.",
        rich_help_panel="Environment",
    ),
]  # fmt: skip
Resume = Annotated[bool, typer.Option("--resume", help="Continue the run in --out.", rich_help_panel=_RUN)]
RetryErrors = Annotated[
    bool,
    typer.Option(
        "--retry-errors", help="With --resume: repeat the episodes that failed for infrastructure reasons.",
        rich_help_panel=_RUN,
    ),
]  # fmt: skip
Executor = Annotated[
    str, typer.Option(help="inline (this process) or process (worker processes).", rich_help_panel=_RUN)
]
Workers = Annotated[
    int, typer.Option(min=1, help="Number of worker processes of the process executor.", rich_help_panel=_RUN)
]
Seed = Annotated[int, typer.Option(min=0, help="Root seed; equal seeds give equal episodes.", rich_help_panel=_RUN)]

SeedBits = Annotated[
    int | None,
    typer.Option(
        help="Bits of the episodes' seeds: 31, or 53 as in runs of version 0.1.0. Default: those of the continued or "
        "replayed run, else 31.", rich_help_panel=_RUN,
    ),
]  # fmt: skip

_WORD = re.compile(r"[A-Za-z_./~][^\s\"'{}\[\],]*")
#: Python's constants: their JSON spelling, or an empty string where JSON has none.
_ALMOST_JSON = {"True": "true", "False": "false", "None": "null", "NaN": "", "Infinity": ""}


def json_or_word(text: str, option: str) -> Any:
    """Parse a value: JSON, or a bare word, which is read as a string so that it needs no quotes in the shell.

    Args:
        text: The value as given on the command line.
        option: Name of the option, for error messages.

    Raises:
        typer.BadParameter: If the text is neither.

    Example:
        >>> json_or_word("[1, 2]", "--env-arg"), json_or_word("runs/first", "--agent-arg")
        ([1, 2], 'runs/first')
    """
    if text in _ALMOST_JSON:
        remedy = f"write {_ALMOST_JSON[text]}" if _ALMOST_JSON[text] else "it must be a finite number"
        raise typer.BadParameter(f"{text!r} is not JSON; {remedy}", param_hint=option)
    try:
        return json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        if _WORD.fullmatch(text):
            return text
        raise typer.BadParameter(
            f"{text!r} is not JSON ({error}); quote it for the shell, as in '{{\"n\": 5}}'", param_hint=option
        ) from error


def pairs(values: Sequence[str] | None, option: str) -> dict[str, Any]:
    """Parse ``k=json`` options into a mapping.

    Raises:
        typer.BadParameter: If a value is not of this form, or a key is repeated.
    """
    found: dict[str, Any] = {}
    for text in values or ():
        key, equals, value = text.partition("=")
        if not equals or not key.isidentifier():
            raise typer.BadParameter(f"expected NAME=JSON, got {text!r}", param_hint=option)
        if key in found:
            raise typer.BadParameter(f"{key!r} is given twice", param_hint=option)
        found[key] = json_or_word(value, f"{option} {key}")
    return found


def check_confidence(value: float | None) -> None:
    """Check that a confidence level, if given, is in (0, 1).

    Raises:
        typer.BadParameter: If it is not.
    """
    if value is not None and not 0 < value < 1:
        raise typer.BadParameter(f"must be in (0, 1), got {value:g}", param_hint="--confidence")


def check_resumed(out: Path | None, *, resume: bool, retry_errors: bool = False) -> None:
    """Check that options that continue a run are given together with those that they need.

    Raises:
        typer.BadParameter: If ``--resume`` comes without ``--out``, or ``--retry-errors`` without ``--resume``.
    """
    if resume and out is None:
        raise typer.BadParameter("say which run to continue: --out runs/...", param_hint="--resume")
    if retry_errors and not resume:
        raise typer.BadParameter("it continues a run: give --resume as well", param_hint="--retry-errors")


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is not a finite number")
