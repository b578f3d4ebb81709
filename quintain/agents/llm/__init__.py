"""Agents that ask a language model, and the engines that serve one."""

from quintain.agents.llm.engine import Engine, Reply, Request

__all__ = ["Engine", "Reply", "Request"]
