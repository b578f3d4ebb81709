"""What a reply in free text gives as its answer."""

from __future__ import annotations

import re

from quintain.notation import readings
from quintain.replies import FORMS, placeholders_in, read_reply, split_reasoning

__all__ = ["final_answer", "matches", "normalised", "spoken"]

#: A line that gives the answer: "Answer: 42", "**Final answer:** 42", "ANSWER: B".
_LINE = re.compile(r"^[ \t>*_#-]*(?:the\s+)?(?:final\s+)?answer(?:\s+is)?[*_]*\s*:[*_]*[ \t]*(\S[^\n]*)$", re.I | re.M)


def spoken(reply: str) -> str:
    """Return a reply without its reasoning (``<think>...</think>`` and the like)."""
    return split_reasoning(reply).text.strip()


def final_answer(reply: str, question: str = "") -> tuple[str, bool]:
    r"""Find the answer that a reply gives, and whether it is marked.

    It is what stands between ``<<<`` and ``>>>`` or in ``\boxed{}``; else the last line that begins with ``Answer:``;
    else the whole reply, which is then not marked. Reasoning does not count.

    Args:
        reply: What the model wrote.
        question: The observation; forms such as ``<<<number>>>`` that it shows are no answers.

    Example:
        >>> final_answer("7 * 6 = 42.\nAnswer: 42")
        ('42', True)
        >>> final_answer("Paris")
        ('Paris', False)
    """
    move = read_reply(reply, code=False, placeholders=placeholders_in(question) | FORMS)
    if move.kind == "answer":
        return move.text.strip(), True
    text = spoken(reply)
    lines = _LINE.findall(text)
    return (lines[-1].strip(), True) if lines else (text, False)


def normalised(text: str, *, ignore_case: bool) -> str:
    """Collapse white space, and fold case if ``ignore_case``."""
    text = " ".join(text.split())
    return text.casefold() if ignore_case else text


def matches(answer: str, right: str, *, ignore_case: bool) -> bool:
    """Return whether two answers are equal in any harmless notation, such as ``**Paris**.`` and ``Paris``."""
    wanted = {normalised(reading, ignore_case=ignore_case) for reading in readings(right)}
    return any(normalised(reading, ignore_case=ignore_case) in wanted for reading in readings(answer))
