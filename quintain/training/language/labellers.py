"""Scripted labellers: feedback on a model's own answer, and the answer refined by it, for lessons in self-feedback."""

from __future__ import annotations

import re
from typing import NamedTuple

__all__ = ["Labelled", "label_sum"]

_LINE = re.compile(r"(\d{1,6})\+(\d{1,6})=(\d{1,6})")


class Labelled(NamedTuple):
    """What a labeller writes.

    Attributes:
        feedback: An assessment of the answer, with a verdict in its last line.
        refined: The answer refined by it; the answer itself where it is correct.
    """

    feedback: str
    refined: str


def label_sum(question: str, answer: str) -> Labelled:
    r"""Judge the partial sums of an answer to ``mini_sum``, and correct them from the first error on.

    The feedback adds every partial sum again; the refined answer keeps the lines before the first error.

    Example:
        >>> label_sum("7+6+2=", "7+6=12\n12+2=14\n<<<14>>>").feedback
        '7+6=13 no\nverdict: incorrect'
        >>> label_sum("7+6+2=", "7+6=13\n13+2=15\n<<<15>>>").feedback
        '7+6=13 yes\n13+2=15 yes\nverdict: correct'
    """
    first, *terms = (int(number) for number in re.findall(r"\d+", question.split("=")[0]))
    lines = answer.split("\n")
    total, refined, checked, correct = first, [], [], True
    for place, term in enumerate(terms):
        wanted = f"{total}+{term}={total + term}"
        shown = lines[place] if place < len(lines) else ""
        if correct:
            match = _LINE.fullmatch(shown)
            correct = match is not None and shown == wanted
            checked.append(f"{wanted} {'yes' if correct else 'no'}")
        refined.append(wanted)
        total += term
    refined.append(f"<<<{total}>>>")
    if correct and lines[len(terms) :] != refined[-1:]:
        correct = False
        checked.append(f"{refined[-1]} no")
    verdict = f"verdict: {'correct' if correct else 'incorrect'}"
    return Labelled("\n".join([*checked, verdict]), "\n".join(refined))
