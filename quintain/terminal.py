"""The terminal's error stream, shared by progress bars, messages and prompts, so that none writes over another."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["Display", "message_console", "shown", "stop_display"]


class Display(Protocol):
    """Something that redraws itself at the bottom of the terminal, such as a progress bar.

    Attributes:
        console: The console that it draws on. What others print on it appears above the display.
    """

    console: Console

    def stop_redrawing(self) -> None:
        """Leave the last state as ordinary lines, and from now on print lines instead of redrawing."""


_displays: list[Display] = []


@contextmanager
def shown(display: Display) -> Iterator[None]:
    """Let messages and prompts know of a display while the block runs.

    Args:
        display: The display, which draws on the error stream.
    """
    _displays.append(display)
    try:
        yield
    finally:
        _displays.remove(display)


def message_console() -> Console:
    """Return a console for messages on the error stream; a display that is shown stays below them."""
    if _displays:
        return _displays[-1].console
    from rich.console import Console

    return Console(stderr=True, highlight=False, emoji=False)


def stop_display() -> None:
    """Stop the redrawing of every display. Call it before a prompt: a redrawn line would cover what is typed."""
    for display in list(_displays):
        display.stop_redrawing()
