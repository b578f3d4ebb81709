"""One conversation with a language model: its messages, and the sampling of the next reply."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from quintain.agents.language.history import HistoryLimits
from quintain.agents.language.sampling import Sampling
from quintain.engines.engine import Engine, Reply, Request
from quintain.errors import CapabilityError
from quintain.messages import Message, assistant
from quintain.replies import Move, ReplyReader, split_reasoning

__all__ = ["Conversation", "ReplySettings", "program_answer", "program_output"]

# A closing fence is a line of its own; an opening one goes on with the language, so it does not stop the reply.
_FENCE_END = "```\n"
_ANSWER_END = ">>>"
# After words, models fill in an answer; after a bare mark, many copy the form that the question shows.
_ASK_ANSWER = "\nThe final answer is <<<"
# Tokens that a character of English text takes, until a request of the conversation shows it.
_TOKENS_PER_CHARACTER = 0.25


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


class Conversation:
    """The messages of one episode, and the sampling of the model's next reply.

    Where the environment reads replies (:class:`~quintain.envs.protocols.ReadsReplies`), a reply ends with its first
    program or answer: an engine that names the stop string it met, and can continue after one that belongs to the text,
    stops there; the whole turn of any other engine is cut there. For any other environment a reply is what the model
    wrote after its reasoning, whole.

    Args:
        engine: The language model; takes messages.
        settings: How replies are sampled and completed.
        rng: Generator of the requests' seeds.
        cut: Whether a reply ends with its first program or answer. Default: true.
        code: Whether the environment runs the programs in a reply. Default: true.
        opening: Messages before the first observation: system prompt and few-shot examples.
    """

    def __init__(
        self,
        engine: Engine,
        settings: ReplySettings,
        rng: np.random.Generator,
        *,
        cut: bool = True,
        code: bool = True,
        opening: Sequence[Message] = (),
    ) -> None:
        self._engine = engine
        self._settings = settings
        self._rng = rng
        self._messages = list(opening)
        self._fixed = 0  # number of leading messages that are always shown; known with the first observation
        self._shown: Sequence[Message] = ()
        self._tokens_per_character = _TOKENS_PER_CHARACTER
        self._thoughts: list[str] = []
        self._cut = cut
        self._code = code
        self._reader: ReplyReader | None = None  # the first observation shows the form of the answer
        can_stop = cut and {"stop", "stop_string", "prefill"} <= engine.capabilities
        self._stops = (_FENCE_END, _ANSWER_END) if can_stop else ()

    def add(self, message: Message) -> None:
        """Append a message that the model did not write.

        Raises:
            CapabilityError: If its content is not text, as where the environment shows numbers.
        """
        content: object = message["content"]
        if not isinstance(content, str):
            raise CapabilityError(
                f"a chat agent reads text, but the observations of this environment are {type(content).__name__}; "
                "choose a text environment"
            )
        self._messages.append(message)
        if self._reader is None and message["role"] == "user":
            self._reader = ReplyReader.of(content, code=self._code)
            self._fixed = len(self._messages)

    def read(self, reply: str, *, complete: bool = True) -> Move:
        """Read a reply as the environment reads it."""
        return (self._reader or ReplyReader(self._code)).read(reply, complete=complete)

    async def reply(self) -> str:
        """Sample the model's next reply, and append it to the messages, with its reasoning if the engine takes it."""
        self._thoughts.clear()
        self._shown = self._settings.history.shown(self._messages, self._fixed, self._tokens_per_character)
        reply = await (self._sample() if self._cut else self._sample_whole())
        thoughts = "".join(self._thoughts) if "reasoning" in self._engine.capabilities else ""
        self._messages.append(assistant(reply, thoughts))
        return reply

    async def _sample_whole(self) -> str:
        """Request one turn of the model; return what stands outside its reasoning."""
        part = await self._ask("", self._settings.sampling.max_tokens, tuple(self._settings.sampling.stop))
        thoughts, text = split_reasoning(part.text)
        self._thoughts.append(thoughts)
        return text

    async def _sample(self) -> str:
        """Request text until the reply holds a whole program or answer, or the model has ended its turn."""
        settings = self._settings
        ends = tuple(stop for stop in settings.sampling.stop if stop not in self._stops)
        reply, budget = "", settings.sampling.max_tokens
        while True:
            part = await self._ask(reply, budget, self._stops + ends)
            budget -= max(1, part.completion_tokens)  # a server may leave the count out
            reply += part.text + ("" if part.stop_string in ends else part.stop_string or "")
            is_whole = part.stop_string is None or part.stop_string in ends or budget < 1
            move = self.read(reply, complete=is_whole)
            if move.end >= 0:
                return reply[: move.end]
            if is_whole:  # otherwise the stop string belonged to the text: continue
                break
        if move.is_open_program:
            # A model that ends its turn has finished its program; one that was cut off has not.
            return reply + move.missing if part.finish_reason == "stop" and part.stop_string is None else reply
        if not settings.extract:
            return reply
        # Reasoning that was cut off is closed first: an answer within it does not count.
        opened = reply.rstrip() + (f"\n{move.missing}" if move.missing else "") + _ASK_ANSWER
        # Models often forget the third closing mark, so two of them end the answer.
        part = await self._ask(opened, settings.answer_tokens, (_ANSWER_END[:2], "\n"))
        return opened + part.text + _ANSWER_END

    async def _ask(self, prefill: str, max_tokens: int, stop: tuple[str, ...]) -> Reply:
        """Request a reply, keep its reasoning, and learn how many tokens a character of the messages takes."""
        reply = await self._engine.complete(self._request(prefill, max_tokens, stop))
        self._thoughts.append(reply.reasoning or "")
        characters = sum(len(message["content"]) for message in self._shown) + len(prefill)
        if reply.prompt_tokens and characters:
            self._tokens_per_character = reply.prompt_tokens / characters
        return reply

    def _request(self, prefill: str, max_tokens: int, stop: tuple[str, ...]) -> Request:
        sampling = self._settings.sampling
        return Request(
            messages=tuple(self._shown),
            max_tokens=max_tokens,
            temperature=sampling.temperature,
            top_p=sampling.top_p,
            stop=stop,
            seed=int(self._rng.integers(2**53)),
            prefill=prefill,
        )


def program_output(observation: str, info: Mapping[str, Any]) -> str:
    """Return what a program printed to standard output.

    Args:
        observation: The observation after the program, returned as a whole if ``info`` does not have the output.
        info: The ``info`` of that step, whose entry ``execution`` has the program's output separately.
    """
    execution = info.get("execution")
    return observation if execution is None else str(execution["stdout"])


def program_answer(output: str) -> str:
    r"""Return the action that submits a program's result: the last marked answer of its output, or else its last line.

    Example:
        >>> program_answer("trying...\n42\n")
        '<<<42>>>'
    """
    answer, start = None, output.find("<<<")
    while start >= 0 and (end := output.find(">>>", start + 3)) >= 0:
        answer, start = output[start + 3 : end], output.find("<<<", end + 3)
    if answer is None:
        answer = next(reversed(output.strip().splitlines()), "")
    return f"<<<{answer}>>>"
