"""One conversation with a language model: its messages, and the sampling of the next reply."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from quintain.agents.language.completion import Completion, ReplySettings, reply_stops
from quintain.engines.engine import Engine, Reply, Request
from quintain.errors import CapabilityError
from quintain.messages import Message, assistant
from quintain.replies import Move, ReplyReader, split_reasoning

__all__ = ["Conversation", "program_answer", "program_output"]

# Tokens that a character of English text takes, until a request of the conversation shows it.
TOKENS_PER_CHARACTER = 0.25


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
        with_reasoning: Whether a reply that is not cut has its reasoning, too, between ``<think>`` and ``</think>``.
            Default: false.
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
        with_reasoning: bool = False,
    ) -> None:
        self._engine = engine
        self._settings = settings
        self._rng = rng
        self._messages = list(opening)
        self._fixed = 0  # number of leading messages that are always shown; known with the first observation
        self._shown: Sequence[Message] = ()
        self._tokens_per_character = TOKENS_PER_CHARACTER
        self._thoughts: list[str] = []
        self._cut = cut
        self._code = code
        self._with_reasoning = with_reasoning
        self._reader: ReplyReader | None = None  # the first observation shows the form of the answer
        self._stops = reply_stops(engine.capabilities) if cut else ()

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
        """Request one turn of the model; return what stands outside its reasoning, or all of it."""
        part = await self._ask("", self._settings.sampling.max_tokens, tuple(self._settings.sampling.stop))
        if self._with_reasoning:
            return f"<think>{part.reasoning}</think>\n{part.text}" if part.reasoning else part.text
        thoughts, text = split_reasoning(part.text)
        self._thoughts.append(thoughts)
        return text

    async def _sample(self) -> str:
        """Request text until the reply holds a whole program or answer, or the model has ended its turn."""
        completion = Completion(self._settings, self.read, self._stops)
        while not completion.finished:
            ask = completion.ask
            completion.add(await self._ask(ask.prefill, ask.max_tokens, ask.stop))
        return completion.text

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
