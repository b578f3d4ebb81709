"""Split a solution into steps without changing a character of it."""

from __future__ import annotations

import re

__all__ = ["split_steps"]

# A step ends with its line, or with a sentence: a full stop, and then a capital letter or a sign of a new statement.
_END = re.compile(r"\n+|(?<=[.!?;])[ \t]+(?=[A-Z(\\$<])")
# A number that opens a list, initials and abbreviations.
_OPEN = re.compile(r"(?:^\s*[0-9]{1,3}|(?:^|\s)(?:[A-Z]|Mr|Mrs|Dr|vs|No|approx|e\.g|i\.e))\.$")


def split_steps(text: str) -> list[str]:
    r"""Split a solution at line breaks and ends of sentences; joined, the steps are the text again.

    Args:
        text: The solution.

    Returns:
        At least one step; none is blank unless the whole text is. White space between two steps belongs to the first.

    Example:
        >>> split_steps("She has 3 + 4 = 7. Half of them is 3.5.\n\nDone")
        ['She has 3 + 4 = 7. ', 'Half of them is 3.5.\n\n', 'Done']
    """
    steps, start = [], 0
    for end in _END.finditer(text):
        piece = text[start : end.end()]
        goes_on = "\n" not in end[0] and _OPEN.search(text[start : end.start()])
        if piece.strip() and not goes_on:
            steps.append(piece)
            start = end.end()
    rest = text[start:]
    if steps and not rest.strip():
        steps[-1] += rest
    else:
        steps.append(rest)
    return steps
