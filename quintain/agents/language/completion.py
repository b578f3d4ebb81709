"""One reply while it is sampled: what to request next, and the text so far.

A reply ends with its first program or answer. An engine that names the stop string it met is stopped there and asked
to go on where the string belonged to the text; a reply without program or answer is continued after ``<<<`` if wanted.
The text is a function of the parts alone, so that one caller samples one reply, and another many at once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass, field
from typing import NamedTuple

from quintain.agents.language.history import HistoryLimits
from quintain.agents.language.sampling import Sampling
from quintain.engines.engine import Reply
from quintain.replies import Move

__all__ = ["Ask", "Completion", "ReplySettings", "reply_stops"]

# A closing fence is a line of its own; an opening one goes on with the language, so it does not stop the reply.
_FENCE_END = "```\n"
_ANSWER_END = ">>>"
# After words, models fill in an answer; after a bare mark, many copy the form that the question shows.
_ASK_ANSWER = "\nThe final answer is <<<"


@dataclass(frozen=True, slots=True)
class ReplySettings:
    """How a reply is sampled and completed.

    Attributes:
        sampling: How the reply is sampled.
        extract: Whether a reply with neither a program nor an answer is continued after ``<<<``. Needs an engine with
            the capabilities ``stop`` and ``prefill``.
        answer_tokens: Maximum number of tokens of an answer that is extracted so, >= 1.
        history: How much of the conversation the model is shown. Default: all of it.
    """

    sampling: Sampling
    extract: bool
    answer_tokens: int
    history: HistoryLimits = field(default_factory=HistoryLimits)


def reply_stops(capabilities: Set[str]) -> tuple[str, ...]:
    """Return the strings that may end a program or an answer, if an engine can be asked to go on after one."""
    return (_FENCE_END, _ANSWER_END) if {"stop", "stop_string", "prefill"} <= capabilities else ()


class Ask(NamedTuple):
    """What to request next.

    Attributes:
        prefill: The text that the model continues.
        max_tokens: Maximum number of tokens, >= 1.
        stop: Strings that end it.
    """

    prefill: str
    max_tokens: int
    stop: tuple[str, ...]


class Completion:
    """A reply that is being sampled.

    Args:
        settings: How it is sampled and completed.
        read: Reads a reply as the environment does, with the keyword ``complete``.
        stops: The result of :func:`reply_stops`.

    Attributes:
        text: The reply so far.
        finished: Whether it is complete.
        extracts: Whether the next part is the answer to a reply that has none.
    """

    def __init__(self, settings: ReplySettings, read: Callable[..., Move], stops: Sequence[str]) -> None:
        self._settings = settings
        self._read = read
        self._stops = tuple(stops)
        self._ends = tuple(stop for stop in settings.sampling.stop if stop not in self._stops)
        self._budget = settings.sampling.max_tokens
        self._unmarked = ""
        self.text = ""
        self.finished = False
        self.extracts = False

    @property
    def ask(self) -> Ask:
        """What to request next."""
        if self.extracts:
            # Models often forget the third closing mark, so two of them end the answer.
            return Ask(self.text, self._settings.answer_tokens, (_ANSWER_END[:2], "\n"))
        return Ask(self.text, self._budget, self._stops + self._ends)

    def add(self, part: Reply) -> None:
        """Append what the model wrote in response to :attr:`ask`."""
        if self.extracts:
            self.text += part.text + _ANSWER_END
            self.finished = True
            return
        self._budget -= max(1, part.completion_tokens)  # a server may leave the count out
        self.text += part.text + ("" if part.stop_string in self._ends else part.stop_string or "")
        is_whole = part.stop_string is None or part.stop_string in self._ends or self._budget < 1
        move = self._read(self.text, complete=is_whole)
        if move.end >= 0:
            self.text = self.text[: move.end]
            self.finished = True
        elif is_whole:  # otherwise the stop string belonged to the text: continue
            self._end(move, part)

    def give_up(self) -> None:
        """Finish the reply as it is, without the part that :attr:`ask` describes."""
        if self.extracts:
            self.text = self._unmarked
        self.finished = True

    def _end(self, move: Move, part: Reply) -> None:
        """End a reply that has neither program nor answer, or begin to extract the answer."""
        if move.is_open_program:
            # A model that ends its turn has finished its program; one that was cut off has not.
            if part.finish_reason == "stop" and part.stop_string is None:
                self.text += move.missing
        elif self._settings.extract:
            # Reasoning that was cut off is closed first: an answer within it does not count.
            closed = f"\n{move.missing}" if move.missing else ""
            self._unmarked = self.text
            self.text = self.text.rstrip() + closed + _ASK_ANSWER
            self.extracts = True
            return
        self.finished = True
