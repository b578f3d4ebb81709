"""Policies: what proposes the next action of a trajectory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from quintain.agents.search.swe.nodes import Attempt
from quintain.agents.search.swe.prompts import policy_messages
from quintain.engines.engine import Engine, Request

__all__ = ["ModelPolicy", "Policy", "Proposal"]


class Proposal(NamedTuple):
    """A proposed action.

    Attributes:
        action: The reply.
        tokens: Number of tokens that it took. Default: 0.
    """

    action: str
    tokens: int = 0


class Policy(Protocol):
    """Proposes actions; equal arguments give equal actions."""

    async def __call__(
        self, issue: str, attempts: Sequence[Attempt], hint: str, tools: Sequence[str], seed: int
    ) -> Proposal:
        """Propose the next action.

        Args:
            issue: The first observation.
            attempts: The trajectory so far.
            hint: Hindsight feedback; empty for none.
            tools: The tools that are allowed now; empty for all.
            seed: Seed of the proposal.
        """
        ...


@dataclass(frozen=True)
class ModelPolicy:
    """A language model in a conversation.

    Attributes:
        engine: The model.
        temperature: Sampling temperature, >= 0. Default: 0.2 (paper; 0.7 in its later code).
        max_tokens: Maximum number of tokens of a reply, >= 1. Default: 1000.
    """

    engine: Engine
    temperature: float = 0.2
    max_tokens: int = 1000

    async def __call__(
        self, issue: str, attempts: Sequence[Attempt], hint: str, tools: Sequence[str], seed: int
    ) -> Proposal:
        """Ask the model."""
        messages = policy_messages(issue, attempts, hint, tools)
        request = Request(messages=messages, max_tokens=self.max_tokens, temperature=self.temperature, seed=seed)
        reply = await self.engine.complete(request)
        return Proposal(reply.text, reply.completion_tokens)
