"""Date understanding: work out a date from another (Big-Bench-Hard)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, ClassVar

import numpy as np

from quintain.envs.code_reason.bbh._choices import ChoiceTask
from quintain.envs.text.draws import choose, randint, shuffled
from quintain.envs.text.task import expect

__all__ = ["DateUnderstanding"]

_CONTEXTS = (
    ("Today is {0}.", 0),
    ("Yesterday was {0}.", 1),
    ("Tomorrow is {0}.", -1),
    ("The day before yesterday was {0}.", 2),
    ("The concert is on {0}, which is in exactly three weeks.", -21),
    ("Ana met her friend on {0}, which was ten days ago.", 10),
)
_MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
)
_QUESTIONS = (("{0} days ago", -1), ("{0} days from today", 1), ("{0} weeks ago", -7), ("{0} weeks from today", 7))


@dataclass(frozen=True)
class DateUnderstanding(ChoiceTask):
    """A sentence fixes today's date; which of six dates is some days or weeks away?

    Attributes:
        max_count: Maximum number of days or weeks away, in [2, 500]. Default: 12.
    """

    LEVELS: ClassVar = {"easy": {"max_count": 3}, "hard": {"max_count": 200}}

    max_count: int = 12

    def __post_init__(self) -> None:
        """Check the parameters."""
        expect(2 <= self.max_count <= 500, "max_count in [2, 500]")

    def draw(self, rng: np.random.Generator) -> dict[str, Any]:
        """Draw a date between 1930 and 2060, and wrong dates near the right one."""
        day = date(1930, 1, 1) + timedelta(days=randint(rng, 0, 47_000))
        data: dict[str, Any] = {
            "date": day.isoformat(),
            "context": randint(rng, 0, len(_CONTEXTS) - 1),
            "question": randint(rng, 0, len(_QUESTIONS) - 1),
            "count": randint(rng, 2, self.max_count),
        }
        right = _answer(data)
        wrong: list[date] = []
        while len(wrong) < 5:
            other = right + timedelta(days=choose(rng, (-1, 1, 2, -2, 7, -7, 10, -10, 30, -31, 365, -365, 3652)))
            if other not in wrong:
                wrong.append(other)
        data["options"] = shuffled(rng, [_format(d) for d in (right, *wrong)])
        return data

    def question(self, data: Mapping[str, Any]) -> str:
        """Tell the date and ask for another."""
        day = date.fromisoformat(data["date"])
        context = _CONTEXTS[data["context"]][0].format(f"{_MONTHS[day.month - 1]} {day.day}, {day.year}")
        when = _QUESTIONS[data["question"]][0].format(data["count"])
        return f"{context} What is the date {when} in MM/DD/YYYY?"

    def right(self, data: Mapping[str, Any]) -> str:
        """Count days."""
        return _format(_answer(data))


def _answer(data: Mapping[str, Any]) -> date:
    today = date.fromisoformat(data["date"]) + timedelta(days=_CONTEXTS[data["context"]][1])
    return today + timedelta(days=data["count"] * _QUESTIONS[data["question"]][1])


def _format(day: date) -> str:
    return f"{day.month:02}/{day.day:02}/{day.year}"
