"""The ReAct agent: thoughts and tool calls in turn, in a chat with a language model."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from quintain.agents.agent import Actor, Seat
from quintain.agents.language.chat import ChatAgent
from quintain.agents.language.conversation import Conversation
from quintain.agents.language.few_shot import FewShot
from quintain.arguments import check_number
from quintain.engines.engine import Engine
from quintain.messages import Message, system, user

__all__ = ["ReactAgent", "opening_of"]

#: What the agent writes when its cap is reached.
GIVES_UP = "Final Answer: FAILED, the limit of {} actions is reached."


class ReactAgent(ChatAgent):
    """Thinks, calls a tool, reads the result, and so on (ReAct, Yao et al. 2023, arXiv 2210.03629).

    Plays ``ToolUse-v0`` and other text environments whose observations say how a tool is called. Where the environment
    gives its observation in parts (``info["parts"]``), rules are a system message, and so is what it remembers; results
    of tools are user messages that begin with ``Observation:``.

    Args:
        engine: The language model, which takes messages; or its name.
        prompt: System prompt before the rules of the environment: a text, or a ``pathlib.Path``. Default: none.
        max_calls: Maximum number of actions per episode, >= 1; then the agent gives up with a final answer. Default:
            30.
        temperature: Sampling temperature, >= 0. Default: 0, greedy decoding.
        top_p: Nucleus mass in (0, 1]. Default: 1.
        max_tokens: Maximum number of tokens of a reply, >= 1. Default: 256.
        stop: Strings that end a reply; by default the beginning of an observation, so that the model does not write
            results itself.
        few_shot: Worked examples; see :func:`~quintain.agents.language.few_shot.few_shot_messages`. Default: none.
        history_turns: Maximum number of past turns that the model is shown. Default: all.
        history_tokens: Maximum number of tokens of the messages; an estimate. Default: no limit.

    Raises:
        ConfigurationError: If a setting is out of range.
        CapabilityError: If the engine takes no messages, or cannot stop at strings.

    Example:
        >>> agent = ReactAgent("scripted:Final Answer: Done.", stop=())
    """

    def __init__(
        self,
        engine: Engine | str,
        prompt: str | os.PathLike[str] | None = None,
        *,
        max_calls: int = 30,
        temperature: float = 0.0,
        top_p: float = 1.0,
        max_tokens: int = 256,
        stop: str | Sequence[str] = ("\nObservation:",),
        few_shot: FewShot = (),
        history_turns: int | None = None,
        history_tokens: int | None = None,
    ) -> None:
        check_number("max_calls", max_calls, low=1, integer=True)
        super().__init__(
            engine, prompt, temperature=temperature, top_p=top_p, max_tokens=max_tokens, stop=stop, few_shot=few_shot,
            history_turns=history_turns, history_tokens=history_tokens, extract=False,
        )  # fmt: skip
        self.max_calls = max_calls

    def begin(self, seat: Seat) -> Actor:
        """Return an actor with an empty conversation."""
        return _ReactActor(self, seat)

    def describe(self) -> dict[str, Any]:
        """Return JSON-able settings, for the run's manifest."""
        return {**super().describe(), "max_calls": self.max_calls}


class _ReactActor:
    def __init__(self, agent: ReactAgent, seat: Seat) -> None:
        self._agent = agent
        self._rng = seat.generator()
        self._conversation: Conversation | None = None
        self._actions = 0

    async def act(self, observation: str, info: dict[str, Any]) -> str:
        agent = self._agent
        if self._conversation is None:
            rules, request = opening_of(observation, info, agent.prompt)
            opening: list[Message] = [system(rules)] if rules else []
            self._conversation = Conversation(
                agent.engine, agent.settings, self._rng, cut=False, code=False, opening=[*opening, *agent.few_shot]
            )
            self._conversation.add(user(request))
        else:
            self._conversation.add(user(f"Observation: {observation}"))
        self._actions += 1
        if self._actions > agent.max_calls:
            return GIVES_UP.format(agent.max_calls)
        return await self._conversation.reply()


def opening_of(observation: str, info: Mapping[str, Any], prompt: str = "") -> tuple[str, str]:
    """Split a first observation into system message and user message.

    Args:
        observation: Text of the observation with which the episode begins.
        info: Its info; ``"parts"``, if there, says which text comes from where.
        prompt: A text before the system message. Default: none.

    Returns:
        The system message, empty for none, and the user message.
    """
    parts = info.get("parts") or [["user", observation]]
    rules = [text for source, text in parts if source in ("system", "memory")]
    request = [text for source, text in parts if source not in ("system", "memory")]
    return "\n\n".join([*([prompt] if prompt else []), *rules]), "\n\n".join(request)
