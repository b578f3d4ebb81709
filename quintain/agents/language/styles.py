"""The three baselines of R1-Code-Interpreter: words only, one program, and the multi-turn interpreter.

Source: Chen et al. 2025, arXiv 2505.21668. Prompts are our own. Each requires of the environment what its prompt says:
that programs are run, or that they are not.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from quintain.agents.agent import Actor, Seat
from quintain.agents.language.chat import ChatActor, ChatAgent
from quintain.agents.language.conversation import program_answer, program_output
from quintain.agents.language.prompts import ALL_CODE, ALL_TEXT, CODE_INTERPRETER

__all__ = ["AllCodeAgent", "AllTextAgent", "CodeInterpreterAgent"]


class AllTextAgent(ChatAgent):
    """Reasons in words, and writes no programs."""

    env_settings: Mapping[str, Any] = {"code": False}
    _default_prompt = ALL_TEXT


class CodeInterpreterAgent(ChatAgent):
    """Writes words and programs in turn, and reads what its programs print."""

    env_settings: Mapping[str, Any] = {"code": True}
    _default_prompt = CODE_INTERPRETER


class AllCodeAgent(ChatAgent):
    """Writes one program, and submits what it prints to standard output."""

    env_settings: Mapping[str, Any] = {"code": True}
    _default_prompt = ALL_CODE
    _default_extract = False  # the answer is the program's output

    def begin(self, seat: Seat) -> Actor:
        """Return an actor with an empty conversation."""
        return _AllCodeActor(self, seat)


class _AllCodeActor(ChatActor):
    def __init__(self, agent: ChatAgent, seat: Seat) -> None:
        super().__init__(agent, seat)
        self._program_sent = False

    async def act(self, observation: str, info: dict[str, Any]) -> str:
        if self._program_sent:  # the observation is the program's output
            return program_answer(program_output(observation, info))
        reply = await super().act(observation, info)
        self._program_sent = self.conversation.read(reply).kind == "code"
        return reply
