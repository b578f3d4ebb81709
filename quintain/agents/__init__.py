"""Who acts: the agent contract and every kind of agent."""

from quintain.agents.agent import Action, Actor, Agent, Seat
from quintain.agents.registry import agent_names, as_agent, make_agent, register_agent

__all__ = ["Action", "Actor", "Agent", "Seat", "agent_names", "as_agent", "make_agent", "register_agent"]
