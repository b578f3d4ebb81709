"""Agents: the contract, the registry, and every kind of agent."""

from quintain.agents.adapt import AgentLike
from quintain.agents.agent import Action, Actor, Agent, Seat
from quintain.agents.language.chat import ChatAgent
from quintain.agents.registry import AGENTS, agent_names, as_agent, make_agent, register_agent

__all__ = [
    "AGENTS",
    "Action",
    "Actor",
    "Agent",
    "AgentLike",
    "ChatAgent",
    "Seat",
    "agent_names",
    "as_agent",
    "make_agent",
    "register_agent",
]
