"""Stop strings: where a reply ends."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["cut_at_stop"]


def cut_at_stop(text: str, stop: Sequence[str]) -> tuple[str, str | None]:
    r"""Cut ``text`` before the stop string that starts first.

    Of two that start at the same position the longer one counts.

    Args:
        text: The text generated so far.
        stop: Stop strings, none of them empty.

    Returns:
        The text before the stop string, and that string; or the whole text and ``None``.

    Example:
        >>> cut_at_stop("4\nNext question", ("Next", "\n"))
        ('4', '\n')
    """
    found = [(at, -len(s), s) for s in stop if (at := text.find(s)) >= 0]
    if not found:
        return text, None
    at, _, string = min(found)
    return text[:at], string
