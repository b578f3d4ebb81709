r"""Harmless notation around answers: Markdown, LaTeX, quotes, invisible characters, and what Python prints.

A verifier tries these readings of an answer in turn (see :meth:`~quintain.envs.text.task.Task.score`), so that no
family's ``parse`` has to know them. Each reading keeps what the answer says: nothing is evaluated, and no digit, letter
or sign is added or removed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

__all__ = ["plain_notation", "readings", "unquote"]

#: Maximum number of wrappers around an answer; deeper ones are left as they are.
_MAX_WRAPPERS = 8

_INVISIBLE = dict.fromkeys(map(ord, "\u200b\u200e\u200f\u2060\ufeff\u00ad"))
_PLAIN = {
    **_INVISIBLE,
    **dict.fromkeys([0xA0, *range(0x2000, 0x200B), 0x202F, 0x205F, 0x3000], " "),
    **dict.fromkeys(map(ord, "“”„‟«»″"), '"'),
    **dict.fromkeys(map(ord, "‘’‚‛′ʼ"), "'"),
    **dict.fromkeys(map(ord, "−﹣－‐‑"), "-"),
}  # fmt: skip
_JOINERS = "\u200c\u200d"
# Thin and unbreakable spaces between groups of three digits (SI brochure, section 5.4.4).
_DIGIT_SPACE = re.compile(r"(?<=[0-9])[\u2009\u202f\u00a0](?=[0-9]{3}(?![0-9]))")
_DASH_SIGN = re.compile(r"(?:^|(?<=[(\[{,:=+*/ ]))–(?=[0-9A-Za-z])")

_WRAPPERS = tuple(
    re.compile(pattern, re.DOTALL | re.IGNORECASE)
    for pattern in (
        r"(?:`{3,}|~{3,})[^\n`]*\n(?P<inner>.*?)\n?[ \t]*(?:`{3,}|~{3,})",
        r"(?P<mark>`+)(?P<inner>[^`]+)(?P=mark)",
        r"(?P<mark>\*{1,3}|_{1,3})(?P<inner>[^*_\s](?:.*[^*_\s])?|[^*_\s].*?)(?P=mark)",
        r"(?P<mark>\${1,2})(?P<inner>[^$]+)(?P=mark)",
        r"\\\((?P<inner>.+)\\\)",
        r"\\\[(?P<inner>.+)\\\]",
        r"<(?P<mark>answer|b|strong|i|em|code|p|pre|tt|span)>(?P<inner>.+)</(?P=mark)>",
        r"(?P<mark>[\"'])(?P<inner>.+)(?P=mark)",
    )
)
_STOPS = (".", ",", ";", "。")
_COMMANDS = r"(?:boxed|fbox|text|textbf|textit|texttt|textrm|mathrm|mathbf|mathit|mathsf|mathtt|operatorname|mbox|emph)"
_COMMAND = re.compile(rf"\\{_COMMANDS}\s*\{{")
_INNER_COMMAND = re.compile(rf"\\{_COMMANDS}\s*\{{([^{{}}]*)\}}")
_BOLD = re.compile(r"(\*\*|__|`)([^*_`\n]+)\1")

_ENVIRONMENT = re.compile(r"\\(?:begin|end)\{[a-z]*(?:matrix|array|tabular|aligned|cases)\*?\}(?:\{[lcr| ]*\})?")
_FRACTION = re.compile(
    r"(?P<before>[0-9])?\\[dtc]?frac\s*(?:\{(?P<a>[^{}]*)\}\s*\{(?P<b>[^{}]*)\}|(?P<c>[0-9])\s*(?P<d>[0-9]))"
)
_LATEX = tuple(
    (re.compile(pattern), plain)
    for pattern, plain in (
        (r"(?<=[0-9])\{,\}(?=[0-9]{3})", ","),
        (r"(?<=[0-9])\\[,;:! ](?=[0-9]{3}(?![0-9]))", ""),
        (r"\\(?:left|right|displaystyle|bigl?|bigr|Bigl?|Bigr|limits)(?![A-Za-z])\s*", ""),
        (r"\\(?:cdot|times|ast)(?![A-Za-z])", "*"),
        (r"\\div(?![A-Za-z])", "/"),
        (r"\^\s*(?:\{\s*\\circ\s*\}|\\circ(?![A-Za-z]))|\\degree(?![A-Za-z])", "°"),
        (r"\\(?:land|wedge)(?![A-Za-z])", "∧"),
        (r"\\(?:lor|vee)(?![A-Za-z])", "∨"),
        (r"\\(?:lnot|neg)(?![A-Za-z])", "¬"),
        (r"\\(?:to|rightarrow|Rightarrow|implies)(?![A-Za-z])", "->"),
        (r"\^\{([^{}]*)\}", r"^\1"),
        (r"\\(?:[,;:! ]|quad(?![A-Za-z])|qquad(?![A-Za-z]))", " "),
        (r"\\([{}_%$#&])", r"\1"),
    )
)  # fmt: skip
_PYTHON = tuple(
    (re.compile(pattern, re.DOTALL), plain)
    for pattern, plain in (
        (r"\b(?:np|numpy)\.(?:u?int|float|complex|str|bool)[0-9]*_?\(([^()]*)\)", r"\1"),
        (r"\bFraction\((-?[0-9]+),\s*([0-9]+)\)", r"\1/\2"),
        (r"\bDecimal\((['\"]?)([^()'\"]*)\1\)", r"\2"),
        (r"^(?:np\.|numpy\.)?(?:array|matrix|Matrix|list|tuple|set|deque)\((.*?)(?:,\s*dtype=[^()]*)?\)$", r"\1"),
    )
)


def readings(text: str) -> Iterator[str]:
    r"""Yield the readings of an answer, each once: as it is, and then with less and less around it.

    Example:
        >>> "5" in readings(r"**\boxed{5}**.")
        True
        >>> list(readings("5"))
        ['5']
    """
    seen: set[str] = set()
    current = text
    for _ in range(_MAX_WRAPPERS):
        current = unquote(current.strip())
        if current not in seen:
            seen.add(current)
            yield current  # most answers need no other reading
        for reading in (plain := _plain_characters(current), _plain_notation(plain)):
            if reading not in seen:
                seen.add(reading)
                yield reading
        inner = _unwrapped(plain)
        if inner is None:
            return
        current = inner


def plain_notation(text: str) -> str:
    r"""Write a whole text without LaTeX commands and typographic characters, wrappers and all.

    Example:
        >>> plain_notation(r"so $\frac{1}{2} \cdot 6 − 1$")
        'so $1/2 * 6 - 1$'
    """
    return _plain_notation(_plain_characters(text))


def unquote(text: str) -> str:
    """Strip one pair of matching quotes or backticks around the whole text."""
    if len(text) >= 2 and text[0] == text[-1] and text[0] in "\"'`" and text[0] not in text[1:-1]:
        return text[1:-1].strip()
    return text


def _plain_characters(text: str) -> str:
    """Write spaces, quotes and minus signs as ASCII does, and drop invisible characters."""
    if text.isascii():
        return text
    text = _DIGIT_SPACE.sub("", text).translate(_PLAIN).strip(_JOINERS + " \t\r\n")
    return unquote(_DASH_SIGN.sub("-", text))


def _unwrapped(text: str) -> str | None:
    """Take the outermost wrapper off; ``None`` if there is none."""
    if (command := _COMMAND.match(text)) and text.endswith("}"):
        depth = 1
        for i in range(command.end(), len(text)):
            depth += {"{": 1, "}": -1}.get(text[i], 0)
            if depth == 0:
                if i == len(text) - 1:
                    return text[command.end() : i]
                break
    if text.endswith(_STOPS) and not text.endswith("...") and (inner := text[:-1].rstrip()):
        return inner
    for wrapper in _WRAPPERS:
        if match := wrapper.fullmatch(text):
            return match["inner"]
    return None


def _plain_notation(text: str) -> str:
    """Write LaTeX and what Python prints as plain text."""
    if "**" in text or "__" in text or "`" in text:
        text = _BOLD.sub(r"\2", text)
    if "\\" in text or "{" in text:
        if _ENVIRONMENT.search(text):
            text = _ENVIRONMENT.sub("", text).replace("&", " ").replace("\\\\", "\n").strip()
        for _ in range(_MAX_WRAPPERS):
            simpler = _FRACTION.sub(_slashed, _INNER_COMMAND.sub(r"\1", text))
            if simpler == text:
                break
            text = simpler
        for pattern, plain in _LATEX:
            text = pattern.sub(plain, text)
    if "(" in text:
        for pattern, plain in _PYTHON:
            text = pattern.sub(plain, text)
    return text.strip()


def _slashed(fraction: re.Match[str]) -> str:
    """Write a fraction as ``p/q``; behind a digit it is a mixed number, and stays apart from it."""
    parts = [part.strip() for part in (fraction["a"] or fraction["c"] or "", fraction["b"] or fraction["d"] or "")]
    top = parts[0] if re.fullmatch(r"-?[0-9A-Za-z.,^*]+", parts[0]) else f"({parts[0]})"
    bottom = parts[1] if re.fullmatch(r"[0-9A-Za-z.,]+", parts[1]) else f"({parts[1]})"
    return f"{fraction['before']} {top}/{bottom}" if fraction["before"] else f"{top}/{bottom}"
