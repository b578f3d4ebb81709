"""Escapes for control characters in the text of models."""

from __future__ import annotations

import re

__all__ = ["visible"]

#: Characters that control a terminal or browser or are invisible: C0 and C1 controls except tab and newline, marks that
#: reorder or hide text, line separators, surrogates, tags, and the byte order mark.
_CONTROLS = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\U000e0000-\U000e007f]"
)


def visible(text: str) -> str:
    r"""Replace control characters and invisible characters by visible escapes.

    Example:
        >>> print(visible("red \x1b[31mor\u202e not"))
        red \x1b[31mor\u202e not
    """
    return _CONTROLS.sub(_escape, text)


def _escape(match: re.Match[str]) -> str:
    code = ord(match[0])
    if code <= 0xFF:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
