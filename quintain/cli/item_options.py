"""Options that choose the items of a run, and how often each is answered."""

from __future__ import annotations

import re
from typing import Annotated

import typer

__all__ = ["Items", "Limit", "Repeats", "parse_items"]

_RUN = "Run"
_RANGE = re.compile(r"(\d+)-(\d+)")

Repeats = Annotated[
    int,
    typer.Option(min=1, metavar="K", help="Answers per item, for pass@k and maj@k.", rich_help_panel=_RUN),
]
Limit = Annotated[int | None, typer.Option(min=1, metavar="N", help="Play at most N items.", rich_help_panel=_RUN)]
Items = Annotated[
    str | None,
    typer.Option(metavar="LIST", help="Play only these items, as in 3,10-19.", rich_help_panel=_RUN),
]


def parse_items(text: str | None) -> list[int | str] | None:
    """Read numbers, ranges such as 10-19, and ids.

    Example:
        >>> parse_items("3,10-12,letters/test/7")
        [3, 10, 11, 12, 'letters/test/7']

    Raises:
        typer.BadParameter: If there is nothing, or a range ends before it begins.
    """
    if text is None:
        return None
    found: list[int | str] = []
    for word in filter(None, map(str.strip, text.split(","))):
        if span := _RANGE.fullmatch(word):
            first, last = map(int, span.groups())
            if last < first:
                raise typer.BadParameter(f"the range {word!r} ends before it begins", param_hint="--items")
            found += range(first, last + 1)
        else:
            found.append(int(word) if word.isdigit() else word)
    if not found:
        raise typer.BadParameter("name at least one item", param_hint="--items")
    return found
