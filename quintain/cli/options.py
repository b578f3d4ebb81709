"""Options that several commands share, and reading of values such as ``--env-arg k=json``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

__all__ = [
    "Concurrency",
    "Confidence",
    "Continuation",
    "EnvArguments",
    "Executor",
    "JsonOutput",
    "MaxSteps",
    "Noise",
    "Out",
    "ResetOptions",
    "Resume",
    "RetryErrors",
    "Seed",
    "SeedBits",
    "Workers",
    "check_confidence",
    "check_resumed",
    "pairs",
    "read_value",
]

_RUN, _OUTPUT = "Run", "Output"

Concurrency = Annotated[
    int, typer.Option(min=1, metavar="N", help="Maximum number of live episodes.", rich_help_panel=_RUN)
]
Confidence = Annotated[
    float, typer.Option(metavar="P", help="Confidence level of the intervals.", rich_help_panel=_OUTPUT)
]
Continuation = Annotated[float | None, typer.Option(min=0, max=1, help="Probability that another round follows.")]
EnvArguments = Annotated[
    list[str] | None,
    typer.Option(
        "--env-arg",
        metavar="K=VALUE",
        help="Environment argument: JSON, text, or @FILE. Repeatable.",
        rich_help_panel="Environment",
    ),
]
JsonOutput = Annotated[bool, typer.Option("--json", help="Print only the result, as JSON.", rich_help_panel=_OUTPUT)]
MaxSteps = Annotated[
    int | None,
    typer.Option(
        min=0, metavar="N", help="Cap on steps, 100,000 unless given; 0: none.",
        rich_help_panel=_RUN,
    ),
]  # fmt: skip
Noise = Annotated[
    float, typer.Option(min=0, max=1, help="Probability that another move than the chosen one is executed.")
]
Out = Annotated[
    Path | None,
    typer.Option(
        "--out", "-o", metavar="FOLDER", help="Run folder. Default: a new one in runs/.", rich_help_panel=_OUTPUT
    ),
]
ResetOptions = Annotated[
    list[str] | None,
    typer.Option(
        "--reset-option", metavar="K=VALUE", help="Entry of the options of reset. Repeatable.",
        rich_help_panel="Environment",
    ),
]  # fmt: skip
Resume = Annotated[bool, typer.Option("--resume", help="Continue the run in --out.", rich_help_panel=_RUN)]
RetryErrors = Annotated[
    bool,
    typer.Option(
        "--retry-errors", help="With --resume: repeat episodes with errors.",
        rich_help_panel=_RUN,
    ),
]  # fmt: skip
Executor = Annotated[str, typer.Option(metavar="NAME", help="inline or process.", rich_help_panel=_RUN)]
Workers = Annotated[int, typer.Option(min=1, metavar="N", help="Processes of that executor.", rich_help_panel=_RUN)]
Seed = Annotated[int, typer.Option(min=0, metavar="N", help="Root seed of the episodes.", rich_help_panel=_RUN)]

SeedBits = Annotated[
    int | None,
    typer.Option(
        metavar="N", help="Bits of the seeds: 31 (default) or 53.", rich_help_panel=_RUN,
    ),
]  # fmt: skip

#: Python's constants: their JSON spelling, or an empty string where JSON has none.
_ALMOST_JSON = {"True": "true", "False": "false", "None": "null", "NaN": "", "Infinity": ""}


def read_value(text: str, option: str) -> Any:
    """Read a value: JSON where it is JSON, ``@FILE`` for the content of a file, and else the text itself.

    A text that begins like JSON (with a brace, a bracket or a quotation mark) must be JSON, so that a slip in it is not
    taken for a string; a text with an ``@`` at its start is written as a JSON string: ``"@name"``.

    Args:
        text: The value as given on the command line. A file whose name ends in ``.json`` is read as JSON, one in
            ``.jsonl`` as a list of its lines, and any other as text.
        option: Name of the option, for error messages.

    Raises:
        typer.BadParameter: If the text begins like JSON and is none, or the file cannot be read.

    Example:
        >>> read_value("[1, 2]", "--env-arg"), read_value("You are an expert.", "--agent-arg")
        ([1, 2], 'You are an expert.')
    """
    if text in _ALMOST_JSON:
        remedy = f"write {_ALMOST_JSON[text]}" if _ALMOST_JSON[text] else "it must be a finite number"
        raise typer.BadParameter(f"{text!r} is not JSON; {remedy}", param_hint=option)
    if text.startswith("@") and len(text) > 1:
        return _read_file(Path(text[1:]), option)
    try:
        return json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        if not text.lstrip().startswith(("{", "[", '"')):
            return text
        raise typer.BadParameter(
            f"{text[:200]!r} is not JSON ({error}); quote it for the shell, as in '{{\"n\": 5}}'", param_hint=option
        ) from error


def _read_file(path: Path, option: str) -> Any:
    try:
        content = path.read_text(encoding="utf-8")
        if path.suffix == ".json":
            return json.loads(content, parse_constant=_refuse)
        if path.suffix == ".jsonl":
            return [json.loads(line, parse_constant=_refuse) for line in content.split("\n") if line.strip()]
    except (OSError, ValueError, RecursionError) as error:
        raise typer.BadParameter(f"cannot read {str(path)!r}: {error}", param_hint=option) from error
    return content


def pairs(values: Sequence[str] | None, option: str) -> dict[str, Any]:
    """Parse ``K=VALUE`` options into a mapping; see :func:`read_value`.

    Raises:
        typer.BadParameter: If a value is not of this form, or a key is repeated.
    """
    found: dict[str, Any] = {}
    for text in values or ():
        key, equals, value = text.partition("=")
        if not equals or not key.isidentifier():
            raise typer.BadParameter(f"expected NAME=VALUE, got {text!r}", param_hint=option)
        if key in found:
            raise typer.BadParameter(f"{key!r} is given twice", param_hint=option)
        found[key] = read_value(value, f"{option} {key}")
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
