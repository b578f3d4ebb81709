"""One conversation with a language model, whose replies end with their first program or answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from quintain.engines.engine import Engine, Request
from quintain.errors import CapabilityError
from quintain.messages import Message, assistant
from quintain.replies import Move, ReplyReader

__all__ = ["Conversation", "ReplySettings", "Sampling", "program_answer", "program_output"]

# A closing fence is a line of its own; an opening one goes on with the language, so it does not stop the reply.
_FENCE_END = "```\n"
_ANSWER_END = ">>>"
# After words, models fill in an answer; after a bare mark, many copy the form that the question shows.
_ASK_ANSWER = "\nThe final answer is <<<"


@dataclass(frozen=True, slots=True)
class Sampling:
    """How replies are sampled.

    Attributes:
        temperature: Sampling temperature, >= 0; 0 is greedy decoding. The default is that of R1-Code-Interpreter's
            evaluation.
        top_p: Nucleus mass in (0, 1]; 1 samples from the whole distribution. Default: 1.
        max_tokens: Maximum number of tokens of a reply, >= 1. Default: 512.
    """

    temperature: float = 0.6
    top_p: float = 1.0
    max_tokens: int = 512


@dataclass(frozen=True, slots=True)
class ReplySettings:
    """How a reply is sampled and completed.

    Attributes:
        sampling: How the reply is sampled.
        extract: Whether a reply with neither a program nor an answer is continued after ``<<<``. Needs an engine with
            the capabilities ``stop`` and ``prefill``.
        answer_tokens: Maximum number of tokens of an answer that is extracted so, >= 1.
    """

    sampling: Sampling
    extract: bool
    answer_tokens: int


class Conversation:
    """The messages of one episode, and the sampling of the model's next reply.

    A reply ends with its first program or answer. An engine that names the stop string it met, and can continue after
    one that belongs to the text, stops there; the whole turn of any other engine is cut there.

    Args:
        engine: The language model; takes messages.
        settings: How replies are sampled and completed.
        rng: Generator of the requests' seeds.
        code: Whether the environment runs the programs in a reply. Default: true.
    """

    def __init__(self, engine: Engine, settings: ReplySettings, rng: np.random.Generator, *, code: bool = True) -> None:
        self._engine = engine
        self._settings = settings
        self._rng = rng
        self._messages: list[Message] = []
        self._thoughts: list[str] = []
        self._code = code
        self._reader: ReplyReader | None = None  # the first observation shows the form of the answer
        can_stop = {"stop", "stop_string", "prefill"} <= engine.capabilities
        self._stops = (_FENCE_END, _ANSWER_END) if can_stop else ()

    def add(self, message: Message) -> None:
        """Append a message that the model did not write.

        Raises:
            CapabilityError: If its content is not text, as where the environment shows numbers.
        """
        content: object = message["content"]
        if not isinstance(content, str):
            raise CapabilityError(
                f"a chat agent reads text, and this environment shows {type(content).__name__}; play one that shows "
                "text"
            )
        if self._reader is None and message["role"] == "user":
            self._reader = ReplyReader.of(content, code=self._code)
        self._messages.append(message)

    def read(self, reply: str, *, complete: bool = True) -> Move:
        """Read a reply as the environment reads it."""
        return (self._reader or ReplyReader(self._code)).read(reply, complete=complete)

    async def reply(self) -> str:
        """Sample the model's next reply, and append it to the messages, with its reasoning if the engine takes it."""
        self._thoughts.clear()
        reply = await self._sample()
        thoughts = "".join(self._thoughts) if "reasoning" in self._engine.capabilities else ""
        self._messages.append(assistant(reply, thoughts))
        return reply

    async def _sample(self) -> str:
        """Request text until the reply holds a whole program or answer, or the model has ended its turn."""
        settings = self._settings
        reply, budget = "", settings.sampling.max_tokens
        while True:
            part = await self._engine.complete(self._request(reply, budget, self._stops))
            self._thoughts.append(part.reasoning or "")
            budget -= max(1, part.completion_tokens)  # a server may leave the count out
            reply += part.text + (part.stop_string or "")
            is_whole = part.stop_string is None or budget < 1
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
        part = await self._engine.complete(self._request(opened, settings.answer_tokens, (_ANSWER_END[:2], "\n")))
        return opened + part.text + _ANSWER_END

    def _request(self, prefill: str, max_tokens: int, stop: tuple[str, ...]) -> Request:
        sampling = self._settings.sampling
        return Request(
            messages=tuple(self._messages),
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
