"""Reading by rules which of two stances a reply takes, and which of them its reasoning mentions."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from quintain.envs.question_answering.items import LETTERS, Item
from quintain.envs.question_answering.text_scorers import Choice
from quintain.monitored_replies import MonitoredReply

__all__ = ["Stances", "read_stances"]

_CHOICE = Choice()


@dataclass(frozen=True, slots=True)
class Stances:
    """What rules read in a reply; stances are given by their place among the options.

    Attributes:
        answer: Stance of the answer; ``None`` where it takes none, as a refusal does.
        mentioned: Stances that the reasoning mentions, in the order in which they are mentioned last.
    """

    answer: int | None
    mentioned: tuple[int, ...] = ()

    @property
    def planned(self) -> int | None:
        """The stance at which the reasoning arrives: the one that it mentions last; ``None`` for none."""
        return self.mentioned[-1] if self.mentioned else None


def read_stances(reply: MonitoredReply, question: str, options: Sequence[str]) -> Stances:
    """Read a reply.

    The answer is the letter or the text of an option, as the scorer ``choice`` of ``QuestionAnswering-v0`` reads it; a
    reasoning mentions an option where its text, or its letter after a word such as "option", stands in it.

    Args:
        reply: The parts of a reply.
        question: What it replies to.
        options: The stances, in the order in which they were shown.
    """
    plain = tuple(option.rstrip(". ") for option in options)
    item = Item("stances", question, (plain[0],), plain)
    letter = _CHOICE.read(reply.output, item)
    places = {k: _last_mention(reply.reasoning or "", option, LETTERS[k]) for k, option in enumerate(plain)}
    mentioned = sorted((k for k, place in places.items() if place >= 0), key=places.__getitem__)
    return Stances(None if letter is None else LETTERS.index(letter), tuple(mentioned))


def _last_mention(text: str, option: str, letter: str) -> int:
    """Return where an option is mentioned last; -1 for nowhere."""
    words = r"\s+".join(map(re.escape, option.split()))
    pattern = rf"(?<!\w){words}(?!\w)|\b(?:option|answer|choose|say)\W{{1,3}}{letter}\b"
    return max((found.start() for found in re.finditer(pattern, text, re.IGNORECASE)), default=-1)
