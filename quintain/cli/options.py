"""Reading ``--env-arg k=json`` and its like."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import typer

__all__ = ["check_resumed", "json_or_word", "pairs"]

_WORD = re.compile(r"[A-Za-z_./~][^\s\"'{}\[\],]*")
_ALMOST_JSON = {"True": "true", "False": "false", "None": "null", "NaN": "", "Infinity": ""}


def json_or_word(text: str, option: str) -> Any:
    """Read a value: JSON, or a bare word, which spares the quotes that a shell would eat.

    Args:
        text: What the user wrote.
        option: Name of the option, for the message.

    Raises:
        typer.BadParameter: If it is neither.

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
    """Read ``k=json`` options into a mapping.

    Raises:
        typer.BadParameter: If one of them is not of this form, or a key is given twice.
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


def check_resumed(out: Path | None, *, resume: bool, retry_errors: bool = False) -> None:
    """See whether the options that continue a run are complete.

    Raises:
        typer.BadParameter: If it is not said which run, or that one is continued.
    """
    if resume and out is None:
        raise typer.BadParameter("say which run to continue: --out runs/...", param_hint="--resume")
    if retry_errors and not resume:
        raise typer.BadParameter("it continues a run: give --resume as well", param_hint="--retry-errors")


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is not a finite number")
