"""The budget of one decision: how many replies may be sampled for it, and how many tokens generated."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from quintain.arguments import check_number
from quintain.engines.engine import Reply

__all__ = ["Budget", "Grant", "Ledger"]


@dataclass(frozen=True, slots=True)
class Budget:
    """Limits of one decision. Methods that ask for more get less, and never exceed them.

    Attributes:
        calls: Maximum number of sampled replies, >= 1; a request for ``n`` replies counts ``n`` times. The continuation
            of a reply, such as the extraction of its answer, is no call of its own. Default: no limit.
        tokens: Maximum number of generated tokens, >= 1. Default: no limit.

    Raises:
        ConfigurationError: If a limit is below 1.
    """

    calls: int | None = None
    tokens: int | None = None

    def __post_init__(self) -> None:
        """Check the limits."""
        for name, value in (("budget_calls", self.calls), ("budget_tokens", self.tokens)):
            if value is not None:
                check_number(name, value, low=1, integer=True, hint="a method needs one reply to act at all")


class Grant(NamedTuple):
    """What may be requested now.

    Attributes:
        replies: Number of replies; 0 once the budget is spent.
        max_tokens: Maximum number of tokens of each.
    """

    replies: int
    max_tokens: int


class Ledger:
    """What a decision has spent of its budget.

    Args:
        budget: Limits on replies and tokens of one decision.

    Attributes:
        calls: Number of replies sampled.
        tokens: Number of tokens generated.
    """

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self.calls = 0
        self.tokens = 0

    def grant(self, replies: int, max_tokens: int) -> Grant:
        """Say how many of ``replies`` replies may be requested at once, so that even the longest fit.

        Under a limit on tokens these may be few; ask again once they have been charged. The last reply may be granted
        fewer tokens than it asks for.

        Args:
            replies: Number of replies wanted, >= 0.
            max_tokens: Maximum number of tokens of each, >= 1.
        """
        if self._budget.calls is not None:
            replies = min(replies, self._budget.calls - self.calls)
        if self._budget.tokens is not None:
            left = self._budget.tokens - self.tokens
            max_tokens = min(max_tokens, left)
            replies = min(replies, left // max_tokens) if max_tokens > 0 else 0
        return Grant(max(replies, 0), max_tokens)

    def each(self, replies: int, questions: int, max_tokens: int) -> int:
        """Return how many of ``replies`` replies to each of several questions fit, so that all get equally many.

        Args:
            replies: Number wanted for each question, >= 1.
            questions: Number of questions, >= 1.
            max_tokens: Maximum number of tokens of a reply, all of which are reserved.
        """
        if self._budget.calls is not None:
            replies = min(replies, (self._budget.calls - self.calls) // questions)
        if self._budget.tokens is not None:
            replies = min(replies, (self._budget.tokens - self.tokens) // (questions * max_tokens))
        return max(replies, 0)

    def share(self, max_tokens: int, among: int) -> int:
        """Return how many of ``max_tokens`` tokens each of ``among`` continuations may take at once; 0 for none."""
        if self._budget.tokens is None:
            return max_tokens
        return max(0, min(max_tokens, (self._budget.tokens - self.tokens) // among))

    def charge(self, replies: Iterable[Reply], *, continued: bool = False) -> None:
        """Count replies.

        Args:
            replies: What the engine returned.
            continued: Whether they continue replies that were counted already. Default: false.
        """
        for reply in replies:
            self.calls += not continued
            self.tokens += reply.completion_tokens
