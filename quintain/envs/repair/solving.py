"""Commands that turn one state of a repository into another, for oracles and for the check of the verifier."""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping

__all__ = ["next_command"]


def next_command(files: Mapping[str, str], wanted: Mapping[str, str]) -> str:
    """Return a command that makes a file as it is wanted; ``finish`` where all are.

    Args:
        files: The present texts, by path.
        wanted: The wanted texts, by path. Further files stay.
    """
    for path, text in wanted.items():
        present = files.get(path)
        if present != text:
            command = None if present is None else _replacement(path, present, text)
            return json.dumps(command or {"tool": "create_file", "path": path, "text": text})
    return json.dumps({"tool": "finish"})


def _replacement(path: str, present: str, wanted: str) -> dict[str, str] | None:
    """Replace the first stretch of lines that differ, with as many lines around it as make it unique."""
    one, two = present.splitlines(keepends=True), wanted.splitlines(keepends=True)
    blocks = difflib.SequenceMatcher(None, one, two, autojunk=False).get_opcodes()
    _, low, high, other_low, other_high = next(block for block in blocks if block[0] != "equal")
    for margin in range(len(one) + 1):
        before = min(margin, low, other_low)
        after = min(margin, len(one) - high, len(two) - other_high)
        old = "".join(one[low - before : high + after])
        if one[low - before : low] != two[other_low - before : other_low]:
            return None
        if old and present.count(old) == 1:
            new = "".join([*two[other_low - before : other_high], *one[high : high + after]])
            return {"tool": "string_replace", "path": path, "old": old, "new": new}
    return None
