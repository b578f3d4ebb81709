"""The one task that every framework plays: multiply two numbers, one question, one reply.

Each adapter writes it down in its framework's own terms; what is asked, what counts as right and who answers come from
here, so that the frameworks differ and the work does not.
"""

from __future__ import annotations

from typing import Protocol

__all__ = ["Draws", "Question", "is_right", "pose", "solve"]

Question = tuple[str, str]


class Draws(Protocol):
    """Whatever draws integers: a ``random.Random``, or the module ``random`` itself."""

    def randint(self, a: int, b: int) -> int:
        """Draw an integer in [a, b]."""


def pose(draws: Draws) -> Question:
    """Draw a question and its answer."""
    a, b = draws.randint(100, 999), draws.randint(100, 999)
    return f"What is {a} * {b}? Reply with the number alone.", str(a * b)


def is_right(reply: str, answer: str) -> bool:
    """Judge a reply."""
    return reply.strip() == answer


def solve(question: str) -> str:
    """Answer at once and rightly: an agent without latency."""
    _, _, a, _, b, *_ = question.split()
    return str(int(a) * int(b[:-1]))
