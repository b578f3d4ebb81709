"""Agents that ask a language model for every action."""

from quintain.agents.language.chat import ALL_CODE, ALL_TEXT, CODE_INTERPRETER, AllCodeAgent, ChatAgent, Sampling

__all__ = ["ALL_CODE", "ALL_TEXT", "CODE_INTERPRETER", "AllCodeAgent", "ChatAgent", "Sampling"]
