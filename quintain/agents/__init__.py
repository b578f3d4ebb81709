"""Who acts: the agent contract and every kind of agent."""

from quintain.agents.agent import Action, Actor, Agent, Seat

__all__ = ["Action", "Actor", "Agent", "Seat"]
