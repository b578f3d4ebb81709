"""Agents that ask a language model for every action."""

from quintain.agents.language.chat import AllCodeAgent, ChatAgent, make_chat_agent
from quintain.agents.language.conversation import Sampling
from quintain.agents.language.prompts import ALL_CODE, ALL_TEXT, CODE_INTERPRETER

__all__ = ["ALL_CODE", "ALL_TEXT", "CODE_INTERPRETER", "AllCodeAgent", "ChatAgent", "Sampling", "make_chat_agent"]
