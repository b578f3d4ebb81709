"""Time intervals: how long is it from one moment to another? Our own generator; reasoning-gym's reads the clock."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar

import numpy as np

from quintain.envs.text.draws import choose, randint
from quintain.envs.text.task import ExactTask, Malformed, expect

__all__ = ["TimeIntervals"]

_STORIES = (
    "A backup started on {0} and ended on {1}. How long did it take?",
    "A ship left the harbour on {0} and came back on {1}. How long was it away?",
    "How much time passes from {0} to {1}?",
)


@dataclass(frozen=True)
class TimeIntervals(ExactTask[int]):
    """Two moments in one time zone, to the second. The answer is in hours, minutes and seconds; hours may exceed 24.

    Attributes:
        max_days: Maximum interval, in days, in [1, 4000]. Default: 12.
    """

    LEVELS: ClassVar = {"easy": {"max_days": 1}, "hard": {"max_days": 400}}

    max_days: int = 12

    def __post_init__(self) -> None:
        """Check the parameters."""
        expect(1 <= self.max_days <= 4000, "max_days in [1, 4000]")

    def draw(self, rng: np.random.Generator) -> dict[str, Any]:
        """Draw the first moment and the distance."""
        start = datetime(1990, 1, 1) + timedelta(seconds=randint(rng, 0, 40 * 365 * 86_400))
        end = start + timedelta(seconds=randint(rng, 60, self.max_days * 86_400))
        return {"start": str(start), "end": str(end), "story": choose(rng, range(len(_STORIES)))}

    def ask(self, data: Mapping[str, Any]) -> str:
        """Tell the moments."""
        story = _STORIES[data["story"]].format(data["start"].replace(" ", " at "), data["end"].replace(" ", " at "))
        return f"{story}\nWrite hours, minutes and seconds as <<<HH:MM:SS>>>; the hours may be 24 or more."

    def find(self, data: Mapping[str, Any]) -> int:
        """Subtract; in seconds."""
        passed = datetime.fromisoformat(data["end"]) - datetime.fromisoformat(data["start"])
        return passed.days * 86_400 + passed.seconds

    def parse(self, text: str) -> int:
        """Read ``HH:MM:SS``."""
        match = re.fullmatch(r"([0-9]{1,6}):([0-5][0-9]):([0-5][0-9])", text)
        if match is None:
            raise Malformed("expected the form HH:MM:SS")
        hours, minutes, seconds = map(int, match.groups())
        return 3600 * hours + 60 * minutes + seconds

    def render(self, value: int) -> str:
        """Write ``HH:MM:SS``."""
        return f"{value // 3600:02}:{value // 60 % 60:02}:{value % 60:02}"
