"""Parsing of replies: the first closed Python block or answer between markers, whichever comes first.

The protocol is that of R1-Code-Interpreter (Chen et al. 2025, arXiv 2505.21668): plain Markdown fences and a final
marker, no artificial tags. Generation would stop at the first closed block or the first answer, so what follows it
never counts.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

__all__ = ["Move", "read_reply"]

# A fence must open its own line; the block ends with a line that starts with the same fence.
_OPEN = re.compile(r"^[ \t]*```[ \t]*(?:python3?|py)[ \t]*\r?$", re.IGNORECASE | re.MULTILINE)
_CLOSE = re.compile(r"^[ \t]*```", re.MULTILINE)
# Any other fenced block hides answer markers just the same.
_ANY_FENCE = re.compile(r"^[ \t]*```[^\n`]*$", re.MULTILINE)
_BOXED = "\\boxed{"


@dataclass(frozen=True, slots=True)
class Move:
    """What a reply asks the environment to do.

    Attributes:
        kind: Run code, submit an answer, or nothing that the protocol knows.
        text: The program, the answer, or why the reply is malformed.
        ignored: Python blocks after the one that counts.
    """

    kind: Literal["code", "answer", "malformed"]
    text: str
    ignored: int = 0


def read_reply(reply: str, *, code: bool = True) -> Move:
    r"""Find the first closed Python block or the first answer outside any block, whichever comes first.

    An answer is ``<<<answer>>>`` or ``\boxed{answer}``. Markers inside a fenced block belong to the block. A block that
    never closes was cut off and is not run. With ``code=False`` Python blocks are passed over like any other block.

    Example:
        >>> read_reply("I think it is <<<42>>>.")
        Move(kind='answer', text='42', ignored=0)
        >>> read_reply("```python\nprint('<<<no>>>')\n```").kind
        'code'
    """
    position = 0
    while True:
        fence = _ANY_FENCE.search(reply, position)
        answer = _find_answer(reply[position : fence.start() if fence else len(reply)])
        if answer is not None:
            return Move("answer", answer)
        if fence is None:
            break
        close = _CLOSE.search(reply, fence.end())
        is_python = code and _OPEN.match(reply, fence.start()) is not None
        if close is None:
            if is_python:
                return Move("malformed", "the code block is not closed")
            # Not a block after all: markers after a stray fence still count.
            answer = _find_answer(reply[fence.end() :])
            return Move("malformed", _NOTHING) if answer is None else Move("answer", answer)
        if is_python:
            program = reply[fence.end() : close.start()].removeprefix("\n")
            return Move("code", program, ignored=len(_OPEN.findall(reply, close.end())))
        position = close.end()
    return Move("malformed", _NOTHING)


_NOTHING = "the reply has neither a Python block nor an answer between <<< and >>>"


def _find_answer(text: str) -> str | None:
    """Return the first marked answer in ``text``, without surrounding white space."""
    start = text.find("<<<")
    while start >= 0:
        end = text.find(">>>", start + 3)
        if end < 0:
            break
        # Further opening marks restart the answer; further closing marks belong to it ("<<<] >>>>" closes "] >").
        start = text.rfind("<<<", start, end)
        while text.startswith(">", end + 3):
            end += 1
        return text[start + 3 : end].strip()
    start = text.find(_BOXED)
    if start >= 0:
        depth = 1
        for i in range(start + len(_BOXED), len(text)):
            depth += {"{": 1, "}": -1}.get(text[i], 0)
            if depth == 0:
                return text[start + len(_BOXED) : i].strip()
    return None
