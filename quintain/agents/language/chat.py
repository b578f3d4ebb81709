"""Chat agents: each observation is a user message, each reply of the language model an action.

The three styles are the baselines of R1-Code-Interpreter (Chen et al. 2025, arXiv 2505.21668): words only, one program,
and the multi-turn interpreter. Prompts are our own.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from quintain.agents.agent import Actor, Seat
from quintain.agents.language.conversation import Conversation, ReplySettings, Sampling, program_answer, program_output
from quintain.agents.language.prompts import ALL_CODE, ALL_TEXT, CODE_INTERPRETER
from quintain.engines.engine import Engine
from quintain.engines.replay import ReplayEngine
from quintain.errors import CapabilityError, ConfigurationError
from quintain.messages import system, user

__all__ = ["AllCodeAgent", "ChatAgent", "make_all_code", "make_all_text", "make_chat_agent", "make_code_interpreter"]


class ChatAgent:
    """Plays text environments in a chat; see :class:`~quintain.agents.language.conversation.Conversation`.

    Args:
        engine: The language model; takes messages.
        prompt: System prompt; empty for none.
        sampling: How replies are sampled; by default :class:`Sampling` as it is.
        extract: Whether a reply with neither a program nor an answer is continued after ``<<<``. Small models rarely
            close with the marker on their own; without this their answers are parse errors. ``None``: where the engine
            can, which takes the capabilities ``stop`` and ``prefill``.
        answer_tokens: Maximum number of tokens of an answer that is extracted so, >= 1. Default: 64.
        env_settings: Arguments of the environment that the agent requires, such as ``{"code": False}`` for one that
            answers in words; see :class:`~quintain.agents.agent.RequiresSettings`. ``None`` takes those of the class.

    Raises:
        CapabilityError: If the engine takes no messages, or cannot continue a reply and ``extract`` is ``True``.
    """

    env_settings: Mapping[str, Any] = {}

    def __init__(
        self,
        engine: Engine,
        prompt: str = "",
        sampling: Sampling | None = None,
        *,
        extract: bool | None = None,
        answer_tokens: int = 64,
        env_settings: Mapping[str, Any] | None = None,
    ) -> None:
        engine.require({"chat"})
        can_continue = {"stop", "prefill"} <= engine.capabilities
        if extract and not can_continue:
            raise CapabilityError(
                f"engine {engine.name!r} cannot finish a reply that was begun for it, as extracting an unmarked answer "
                "needs; leave extract out to count such replies as they are"
            )
        self.engine = engine
        self.prompt = prompt
        if env_settings is not None:
            self.env_settings = env_settings
        self.settings = ReplySettings(
            sampling or Sampling(), extract=can_continue if extract is None else extract, answer_tokens=answer_tokens
        )

    def begin(self, seat: Seat) -> Actor:
        """Return an actor with an empty conversation."""
        return _ChatActor(self, seat)

    def check_seat(self, seat: Seat) -> None:
        """Check that the environment runs programs if, and only if, the agent requires it.

        Raises:
            CapabilityError: If not. A replay plays whatever was recorded.
        """
        code = self.env_settings.get("code", seat.runs_code)
        if None not in (code, seat.runs_code) and code != seat.runs_code and not isinstance(self.engine, ReplayEngine):
            raise CapabilityError(
                f"the agent {'writes programs' if code else 'answers in words'}, and {seat.env_id} "
                f"{'runs' if seat.runs_code else 'runs no'} programs; make the environment with code={code}"
            )

    def conversation(self, seat: Seat, rng: np.random.Generator) -> Conversation:
        """Return an empty conversation, whose replies are read as the environment of ``seat`` reads them."""
        code = self.env_settings.get("code", True) if seat.runs_code is None else seat.runs_code
        return Conversation(self.engine, self.settings, rng, code=code)

    def describe(self) -> dict[str, Any]:
        """Return JSON-able settings, for the run's manifest."""
        return {
            "agent": type(self).__name__,
            "prompt": self.prompt,
            "sampling": dataclasses.asdict(self.settings.sampling),
            "extract": self.settings.extract,
            "engine": self.engine.describe(),
        }


class _ChatActor:
    def __init__(self, agent: ChatAgent, seat: Seat) -> None:
        self._conversation = agent.conversation(seat, seat.generator())
        if agent.prompt:
            self._conversation.add(system(agent.prompt))

    async def act(self, observation: str, info: dict[str, Any]) -> str:
        self._conversation.add(user(observation))
        return await self._conversation.reply()


class AllCodeAgent(ChatAgent):
    """Writes one program, and submits what it prints to standard output."""

    env_settings: Mapping[str, Any] = {"code": True}

    def begin(self, seat: Seat) -> Actor:
        """Return an actor with an empty conversation."""
        return _AllCodeActor(self, seat)


class _AllCodeActor(_ChatActor):
    def __init__(self, agent: ChatAgent, seat: Seat) -> None:
        super().__init__(agent, seat)
        self._program_sent = False

    async def act(self, observation: str, info: dict[str, Any]) -> str:
        if self._program_sent:  # the observation is the program's output
            return program_answer(program_output(observation, info))
        reply = await super().act(observation, info)
        self._program_sent = self._conversation.read(reply).kind == "code"
        return reply


class _Style(NamedTuple):
    """One of the baselines.

    Attributes:
        agent_class: Class of the agent.
        prompt: System prompt, unless the caller gives another.
        extract: Its default for unmarked answers; see :class:`ChatAgent`.
        code: Whether it requires an environment that runs programs, or one that does not.
    """

    agent_class: type[ChatAgent]
    prompt: str
    extract: bool | None
    code: bool


_STYLES = {
    "all-text": _Style(ChatAgent, ALL_TEXT, None, code=False),
    "all-code": _Style(AllCodeAgent, ALL_CODE, False, code=True),  # the answer is the program's output
    "code-interpreter": _Style(ChatAgent, CODE_INTERPRETER, None, code=True),
}


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
        engine: The language model; takes messages.
        temperature: Sampling temperature, >= 0; the default is that of R1-Code-Interpreter's evaluation.
        top_p: Nucleus mass in (0, 1]. Default: 1.
        max_tokens: Maximum number of tokens of a reply, >= 1. Default: 512.
        prompt: System prompt in place of the style's.
        extract: Whether an unmarked answer is extracted; see :class:`ChatAgent`. By default ``"all-code"`` extracts
            none.
        answer_tokens: Maximum number of tokens of an extracted answer, >= 1. Default: 64.

    Raises:
        ConfigurationError: If there is no such style.
        CapabilityError: If the engine cannot play it; see :class:`ChatAgent`.
    """
    if style not in _STYLES:
        raise ConfigurationError(f"style must be one of {sorted(_STYLES)}, got {style!r}")
    chosen = _STYLES[style]
    return chosen.agent_class(
        engine,
        chosen.prompt if prompt is None else prompt,
        Sampling(temperature, top_p, max_tokens),
        extract=chosen.extract if extract is None else extract,
        answer_tokens=answer_tokens,
        env_settings={"code": chosen.code},
    )


# The baselines under names of their own, for the registry of agents.
make_all_text = partial(make_chat_agent, "all-text")
make_all_code = partial(make_chat_agent, "all-code")
make_code_interpreter = partial(make_chat_agent, "code-interpreter")
