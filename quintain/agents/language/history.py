"""Limits on how much of a conversation the model is shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from quintain.arguments import check_number
from quintain.messages import Message

__all__ = ["HistoryLimits"]


@dataclass(frozen=True, slots=True)
class HistoryLimits:
    """How much of a conversation the model is shown.

    System prompt, few-shot examples and the first observation are always shown, and so are the last reply and what
    followed it. In between the oldest turns are left out first. A turn is one reply and the observation after it.

    Attributes:
        turns: Maximum number of turns after the first observation, >= 1; ``None`` for no limit.
        tokens: Maximum number of tokens of all messages, >= 1; ``None`` for no limit. Earlier requests of the episode
            show how many tokens a character takes, so the limit is kept to within that estimate.

    Raises:
        ConfigurationError: If a limit is out of range.
    """

    turns: int | None = None
    tokens: int | None = None

    def __post_init__(self) -> None:
        for name, limit in (("history_turns", self.turns), ("history_tokens", self.tokens)):
            if limit is not None:
                check_number(name, limit, low=1, integer=True)

    def shown(self, messages: Sequence[Message], fixed: int, tokens_per_character: float) -> list[Message]:
        """Return the messages that the model is shown.

        Args:
            messages: The whole conversation, oldest message first.
            fixed: Number of leading messages that are always shown.
            tokens_per_character: Estimate of the tokens that a character takes, > 0.
        """
        later = messages[fixed:]
        starts = [k for k, message in enumerate(later) if message["role"] == "assistant"]
        first = 0
        if self.turns is not None:
            first = max(0, len(starts) - self.turns)
        if self.tokens is not None:
            sizes = [len(message["content"]) for message in messages]
            room = self.tokens / tokens_per_character - sum(sizes[:fixed])
            while first < len(starts) - 1 and sum(sizes[fixed + starts[first] :]) > room:
                first += 1
        return [*messages[:fixed], *(later[starts[first] :] if first else later)]
