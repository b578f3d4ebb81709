"""Chat policies: the observation is what the user says, the reply is the action.

The three styles are the baselines of R1-Code-Interpreter (Chen et al. 2025, arXiv 2505.21668): words only, one program,
and the multi-turn interpreter. Prompts are our own.
"""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from quintain.agents.agent import Actor, Seat
from quintain.engines.engine import Engine, Request
from quintain.errors import CapabilityError, ConfigurationError
from quintain.messages import Message, assistant, system, user

__all__ = [
    "ALL_CODE",
    "ALL_TEXT",
    "CODE_INTERPRETER",
    "AllCodeAgent",
    "ChatAgent",
    "ChatConversation",
    "Sampling",
    "program_answer",
]

# Each prompt holds one worked example: without it, small models copy a form such as <<<number>>> as it stands.
_QUESTION = "What is 2 + 3 * 4?\nWrite the integer as <<<number>>>."
ALL_TEXT = f"""\
You solve problems by reasoning in words. Do not write code. Work step by step, then give the final answer between
<<< and >>>, in the form that the question asks for. For example, when the question is

{_QUESTION}

your reply could be

3 * 4 = 12 and 2 + 12 = 14, so the answer is <<<14>>>."""
ALL_CODE = f"""\
You solve every problem by writing one complete Python program. Think briefly, then write the program in a block that
starts with ```python and ends with ```. The program must compute the answer and print it between <<< and >>>, in the
form that the question asks for. For example, when the question is

{_QUESTION}

your reply could be

```python
result = 2 + 3 * 4
print(f"<<<{{result}}>>>")
```"""
CODE_INTERPRETER = f"""\
You solve problems with words, with Python, or with both. When exact computation, search or many cases are involved,
write a short Python program in a block that starts with ```python and ends with ```, and wait for its output. Check
the result, then give the final answer between <<< and >>>, in the form that the question asks for. For example, when
the question is

{_QUESTION}

your first reply could be

```python
print(2 + 3 * 4)
```

and when its output, 14, comes back, your second reply could be

The program printed 14, so the answer is <<<14>>>."""

# A closing fence is a line of its own; an opening one goes on with the language, so it does not stop the reply.
_FENCE_END = "```\n"
_ANSWER_END = ">>>"
_ENDS = re.compile(f"{_FENCE_END}|{_ANSWER_END}")
# After words, models fill in an answer; after a bare mark, many copy the form that the question shows.
_ASK_ANSWER = "\nThe final answer is <<<"
_PROGRAM = re.compile(r"```(?:python3?|py)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Sampling:
    """How replies are drawn.

    Attributes:
        temperature: >= 0; 0 is greedy. The paper tests at 0.6.
        top_p: Nucleus mass in (0, 1].
        max_tokens: Longest reply, in tokens, >= 1.
    """

    temperature: float = 0.6
    top_p: float = 1.0
    max_tokens: int = 512


class ChatAgent:
    """Talks to the environment in a chat: each observation is a user message, each reply an action.

    A reply ends with its first program or answer. An engine that names the stop string it met, and can go on after one
    that stood for something else, stops there; any other writes its whole turn, which is cut there.

    Args:
        engine: The language model.
        prompt: System prompt; empty for none.
        sampling: How replies are drawn.
        extract: When a reply has neither a program nor an answer, have the model finish it after ``<<<``. Small models
            rarely close with the marker on their own; without this their answers are parse errors. ``None``: where the
            engine can, which takes the capabilities ``stop`` and ``prefill``.
        answer_tokens: Longest answer that is extracted so, in tokens.

    Raises:
        CapabilityError: If the engine takes no messages, or cannot finish a reply and ``extract`` was asked for.
    """

    def __init__(
        self,
        engine: Engine,
        prompt: str = "",
        sampling: Sampling | None = None,
        *,
        extract: bool | None = None,
        answer_tokens: int = 64,
    ) -> None:
        self.engine = engine
        self.prompt = prompt
        self.sampling = sampling or Sampling()
        self.answer_tokens = answer_tokens
        self.stops = (_FENCE_END, _ANSWER_END) if {"stop", "stop_string", "prefill"} <= engine.capabilities else ()
        engine.require({"chat"})
        finishes = {"stop", "prefill"} <= engine.capabilities
        self.extract = finishes if extract is None else extract
        if extract and not finishes:
            raise CapabilityError(
                f"engine {engine.name!r} cannot finish a reply that was begun for it, as extracting an unmarked answer "
                "needs; leave extract out to count such replies as they are"
            )

    def begin(self, seat: Seat) -> Actor:
        """Open a fresh conversation."""
        return _ChatActor(self, seat)

    def describe(self) -> dict[str, Any]:
        """Return JSON-able settings for the run's record."""
        return {
            "agent": type(self).__name__,
            "prompt": self.prompt,
            "sampling": dataclasses.asdict(self.sampling),
            "extract": self.extract,
            "engine": self.engine.describe(),
        }


class ChatConversation:
    """One conversation with the task model: what was said, and how its next reply is drawn.

    Args:
        agent: Whose engine and settings are used.
        rng: Where the seeds of the requests come from.
    """

    def __init__(self, agent: ChatAgent, rng: np.random.Generator) -> None:
        self._agent = agent
        self._rng = rng
        self._messages: list[Message] = []

    def say(self, message: Message) -> None:
        """Add a message that the model did not write.

        Raises:
            CapabilityError: If it is not text, as where the environment shows numbers.
        """
        said: object = message["content"]
        if not isinstance(said, str):
            raise CapabilityError(
                f"a chat agent reads text, and this environment shows {type(said).__name__}; play one that shows text"
            )
        self._messages.append(message)

    async def reply(self) -> str:
        """Have the model reply, and add what it says to the conversation."""
        reply = await self._draw()
        self._messages.append(assistant(reply))
        return reply

    async def _draw(self) -> str:
        """Ask until the reply holds a whole program or a whole answer, or the model has ended its turn."""
        agent = self._agent
        reply, budget = "", agent.sampling.max_tokens
        while True:
            part = await agent.engine.complete(self._request(reply, budget, agent.stops))
            budget -= part.completion_tokens
            reply += part.text + (part.stop_string or "")
            end = _end_of_move(reply if agent.stops else f"{reply}\n")  # a whole turn ends its last line
            if end is not None:
                return reply[:end]
            if part.stop_string is None or budget < 1:  # otherwise the stop string stood for something else: go on
                break
        if _PROGRAM.search(reply):  # a model that ends its turn has finished its program; one that was cut off has not
            return reply + "\n```" if part.finish_reason == "stop" and part.stop_string is None else reply
        if not agent.extract:
            return reply
        opened = reply.rstrip() + _ASK_ANSWER
        # Models often forget the third closing mark, so two of them end the answer.
        part = await agent.engine.complete(self._request(opened, agent.answer_tokens, (_ANSWER_END[:2], "\n")))
        return opened + part.text + _ANSWER_END

    def _request(self, prefill: str, max_tokens: int, stop: tuple[str, ...]) -> Request:
        sampling = self._agent.sampling
        return Request(
            messages=tuple(self._messages),
            max_tokens=max_tokens,
            temperature=sampling.temperature,
            top_p=sampling.top_p,
            stop=stop,
            seed=int(self._rng.integers(2**53)),
            prefill=prefill,
        )


class _ChatActor:
    def __init__(self, agent: ChatAgent, seat: Seat) -> None:
        self._chat = ChatConversation(agent, seat.generator())
        if agent.prompt:
            self._chat.say(system(agent.prompt))

    async def act(self, observation: str, info: dict[str, Any]) -> str:
        self._chat.say(user(observation))
        return await self._chat.reply()


class AllCodeAgent(ChatAgent):
    """Writes one program and submits what it prints: the ``all-code`` baseline."""

    def begin(self, seat: Seat) -> Actor:
        """Open a fresh conversation."""
        return _AllCodeActor(self, seat)


class _AllCodeActor(_ChatActor):
    def __init__(self, agent: ChatAgent, seat: Seat) -> None:
        super().__init__(agent, seat)
        self._ran = False

    async def act(self, observation: str, info: dict[str, Any]) -> str:
        if self._ran:
            return program_answer(observation)
        self._ran = True
        return await super().act(observation, info)


def program_answer(output: str) -> str:
    """Submit the last marked answer of a program's output, or else its last line."""
    answer, start = None, output.find("<<<")
    while start >= 0 and (end := output.find(">>>", start + 3)) >= 0:
        answer, start = output[start + 3 : end], output.find("<<<", end + 3)
    if answer is None:
        answer = next(reversed(output.strip().splitlines()), "")
    return f"<<<{answer}>>>"


def _end_of_move(reply: str) -> int | None:
    """Return where the first whole program or whole answer of a reply ends, if it has one."""
    program = _PROGRAM.search(reply)
    opened = reply.find("<<<")
    for end in _ENDS.finditer(reply):
        if program is not None and program.end() <= end.start():
            if end[0] == _FENCE_END:
                return end.end()
        elif end[0] == _ANSWER_END and 0 <= opened <= end.start() - 3:
            return end.end()
    return None


def make_chat_agent(
    style: str,
    engine: Engine,
    *,
    temperature: float = 0.6,
    top_p: float = 1.0,
    max_tokens: int = 512,
    prompt: str | None = None,
    extract: bool | None = None,
    answer_tokens: int = 64,
) -> ChatAgent:
    """Make one of the three baselines.

    Args:
        style: ``"all-text"``, ``"all-code"`` or ``"code-interpreter"``.
        engine: The language model.
        temperature: See :class:`Sampling`.
        top_p: See :class:`Sampling`.
        max_tokens: See :class:`Sampling`.
        prompt: System prompt; by default the style's.
        extract: See :class:`ChatAgent`; ``"all-code"`` extracts nothing by default.
        answer_tokens: See :class:`ChatAgent`.
    """
    kinds = {
        "all-text": (ChatAgent, ALL_TEXT),
        "all-code": (AllCodeAgent, ALL_CODE),
        "code-interpreter": (ChatAgent, CODE_INTERPRETER),
    }
    if style not in kinds:
        raise ConfigurationError(f"style must be one of {sorted(kinds)}, got {style!r}")
    kind, own_prompt = kinds[style]
    sampling = Sampling(temperature, top_p, max_tokens)
    if style == "all-code" and extract is None:
        extract = False
    return kind(
        engine, own_prompt if prompt is None else prompt, sampling, extract=extract, answer_tokens=answer_tokens
    )


make_all_text = partial(make_chat_agent, "all-text")
make_all_code = partial(make_chat_agent, "all-code")
make_code_interpreter = partial(make_chat_agent, "code-interpreter")
