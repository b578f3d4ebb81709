"""The chat agent: each observation is a user message, each reply of the language model an action."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from gymnasium import spaces

from quintain.agents.agent import Actor, Seat
from quintain.agents.language.completion import ReplySettings
from quintain.agents.language.conversation import Conversation
from quintain.agents.language.few_shot import FewShot, few_shot_messages, read_text
from quintain.agents.language.history import HistoryLimits
from quintain.agents.language.sampling import Sampling
from quintain.arguments import check_bool, check_number
from quintain.engines import make_engine
from quintain.engines.engine import Engine
from quintain.engines.replay import ReplayEngine
from quintain.errors import CapabilityError
from quintain.messages import Message, system, user

__all__ = ["ChatActor", "ChatAgent"]


class ChatAgent:
    """Plays any text environment in a chat with a language model.

    Each observation is a user message, and the model's reply is the action: all of it but its reasoning, which is a
    part of it only where the environment reads it (:class:`~quintain.envs.protocols.ReadsReasoning`). Where the
    environment reads replies for programs and answers (:class:`~quintain.envs.protocols.ReadsReplies`, as
    ``CodeReason-v0`` does), a reply ends with the first of these; nowhere else is a reply cut.

    Args:
        engine: The language model, which takes messages; or its name, as
            :func:`~quintain.engines.registry.make_engine` takes it.
        prompt: System prompt: a text, or a ``pathlib.Path`` of a text file; empty for none. ``None``, the default,
            takes that of the class, which is empty here.
        temperature: Sampling temperature, >= 0; 0 is greedy decoding. Default: 0.6.
        top_p: Nucleus mass in (0, 1]; 1 samples from the whole distribution. Default: 1.
        max_tokens: Maximum number of tokens of a reply, >= 1. Default: 512.
        stop: Strings that end a reply, which does not include them. Default: none.
        few_shot: Worked examples, shown between the system prompt and the first observation: a list of messages, or
            the path of a JSONL file; see :func:`~quintain.agents.language.few_shot.few_shot_messages`. Default: none.
        history_turns: Maximum number of past turns, >= 1, that the model is shown besides the first observation; see
            :class:`~quintain.agents.language.history.HistoryLimits`. Default: all.
        history_tokens: Maximum number of tokens of the messages that the model is shown, >= 1; an estimate. Default:
            no limit.
        extract: Where the environment reads replies: whether one with neither a program nor an answer is continued
            after ``<<<``. Small models rarely close with the marker on their own; without this their answers are parse
            errors. ``None``: where the engine can, which takes the capabilities ``stop`` and ``prefill``.
        answer_tokens: Maximum number of tokens of an answer that is extracted so, >= 1. Default: 64.

    Attributes:
        env_settings: Arguments of the environment that the agent requires, such as ``{"code": False}`` for one that
            answers in words; see :class:`~quintain.agents.agent.RequiresSettings`.

    Raises:
        ConfigurationError: If a setting is out of range, or a file cannot be read.
        CapabilityError: If the engine takes no messages, cannot stop at strings, or cannot continue a reply although
            ``extract`` is ``True``.

    Example:
        >>> agent = ChatAgent(
        ...     "scripted:cooperate",
        ...     "You play a game.",
        ...     temperature=0,
        ...     few_shot=[{"role": "user", "content": "First round."}, {"role": "assistant", "content": "cooperate"}],
        ... )
    """

    env_settings: Mapping[str, Any] = {}
    _default_prompt = ""
    _default_extract: bool | None = None

    def __init__(
        self,
        engine: Engine | str,
        prompt: str | os.PathLike[str] | None = None,
        *,
        temperature: float = 0.6,
        top_p: float = 1.0,
        max_tokens: int = 512,
        stop: str | Sequence[str] = (),
        few_shot: FewShot = (),
        history_turns: int | None = None,
        history_tokens: int | None = None,
        extract: bool | None = None,
        answer_tokens: int = 64,
    ) -> None:
        check_number("answer_tokens", answer_tokens, low=1, integer=True)
        sampling = Sampling(temperature, top_p, max_tokens, stop)
        history = HistoryLimits(history_turns, history_tokens)
        self.prompt = self._default_prompt if prompt is None else read_text("prompt", prompt)
        self.few_shot = few_shot_messages(few_shot)
        if extract is not None:
            check_bool("extract", extract)
        extract = self._default_extract if extract is None else extract
        self.engine = make_engine(engine)
        self.engine.require({"chat", "stop"} if sampling.stop else {"chat"})
        can_continue = {"stop", "prefill"} <= self.engine.capabilities
        if extract and not can_continue:
            raise CapabilityError(
                f"engine {self.engine.name!r} cannot finish a reply that was begun for it, as extracting an unmarked "
                "answer needs; leave extract out to count such replies as they are"
            )
        self.settings = ReplySettings(sampling, can_continue if extract is None else extract, answer_tokens, history)

    def begin(self, seat: Seat) -> Actor:
        """Return an actor with an empty conversation."""
        return ChatActor(self, seat)

    def check_seat(self, seat: Seat) -> None:
        """Check that the environment takes text, and runs programs if, and only if, the agent requires it.

        Raises:
            CapabilityError: If not. A replay plays whatever was recorded.
        """
        if not isinstance(seat.action_space, spaces.Text):
            raise CapabilityError(
                f"a chat agent reads text and writes text, and {seat.env_id} takes actions of {seat.action_space}; "
                "play an environment whose spaces are text"
            )
        code = self.env_settings.get("code", seat.runs_code)
        if None not in (code, seat.runs_code) and code != seat.runs_code and not isinstance(self.engine, ReplayEngine):
            raise CapabilityError(
                f"the agent {'writes programs' if code else 'answers in words'}, and {seat.env_id} "
                f"{'runs' if seat.runs_code else 'runs no'} programs; make the environment with code={code}"
            )

    def conversation(self, seat: Seat, rng: np.random.Generator) -> Conversation:
        """Return a conversation before its first observation; replies are read as the environment reads them."""
        code = self.env_settings.get("code", True) if seat.runs_code is None else seat.runs_code
        opening: list[Message] = [system(self.prompt)] if self.prompt else []
        return Conversation(
            self.engine,
            self.settings,
            rng,
            cut=seat.runs_code is not None or "code" in self.env_settings,
            code=code,
            opening=[*opening, *self.few_shot],
            with_reasoning=seat.reads_reasoning,
        )

    def describe(self) -> dict[str, Any]:
        """Return JSON-able settings, for the run's manifest."""
        return {
            "agent": type(self).__name__,
            "prompt": self.prompt,
            "sampling": dataclasses.asdict(self.settings.sampling),
            "extract": self.settings.extract,
            "engine": self.engine.describe(),
            **({"few_shot": list(self.few_shot)} if self.few_shot else {}),
            **({"history": limits} if any((limits := dataclasses.asdict(self.settings.history)).values()) else {}),
        }


class ChatActor:
    """Plays one seat of one episode in a conversation.

    Args:
        agent: The agent that plays.
        seat: The seat that it takes.
    """

    def __init__(self, agent: ChatAgent, seat: Seat) -> None:
        self.conversation = agent.conversation(seat, seat.generator())

    async def act(self, observation: str, info: dict[str, Any]) -> str:
        """Show the model the observation, and return its reply."""
        self.conversation.add(user(observation))
        return await self.conversation.reply()
