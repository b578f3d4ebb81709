"""Terminal output. Text from models, environments and files is printed literally: no markup, no control sequences."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import typer

from quintain.terminal import message_console

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

__all__ = ["console", "fail", "literal", "print_json", "say"]


def console(*, stderr: bool = False) -> Console:
    """Return a console on the standard output, for results, or on the error stream, for messages."""
    if stderr:
        return message_console()
    from rich.console import Console

    return Console(highlight=False, emoji=False)


def literal(text: object, style: str = "") -> Text:
    """Make untrusted text safe to print: no markup, no control sequences, no reordering."""
    from rich.text import Text

    from quintain.evaluation.visible import visible

    return Text(visible(str(text)), style=style)


def say(message: str, style: str = "") -> None:
    """Print a message to the error stream."""
    console(stderr=True).print(literal(message, style), soft_wrap=True)


def fail(message: str) -> None:
    """Print an error message."""
    console(stderr=True).print(literal("error: ", "bold red") + literal(message), soft_wrap=True)


def print_json(data: Any) -> None:
    """Print data as JSON to the standard output, and nothing else."""
    typer.echo(json.dumps(data, indent=2, allow_nan=False))
