"""One decision of an agent that samples several candidates: the context in which samplers, scorers and updates work."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from quintain.agents.language.completion import ReplySettings
from quintain.agents.reasoning.budget import Ledger
from quintain.engines.engine import Engine, Reply, Request
from quintain.engines.request import ContrastLayers
from quintain.messages import Message, user
from quintain.replies import ReplyReader

__all__ = ["Turn"]


@dataclass(slots=True)
class Turn:
    """What is known while one action is chosen.

    Attributes:
        engine: The language model that samples candidates.
        messages: The conversation that candidates answer; its last message is the observation.
        observation: Text of the observation to which the action replies.
        info: The environment's ``info`` that came with it.
        read: Returns the answer that the environment reads from a reply, equal for equal answers; ``None`` for none.
        reader: Finds the marked answer of a reply, with which the reply ends.
        settings: How candidates are sampled.
        ledger: What the decision has spent.
        rng: Generator of the requests' seeds.
        solution: Returns a right action; only for oracles.
        contrast_layers: Layers of a contrast from which candidates are drawn; ``None`` for none.
        facts: JSON-able facts that methods add to the record of the decision.
        memory: What evaluation and update of one method keep from round to round.
    """

    engine: Engine
    messages: tuple[Message, ...]
    observation: str
    info: dict[str, Any]
    read: Callable[[str], str | None]
    reader: ReplyReader
    settings: ReplySettings
    ledger: Ledger
    rng: np.random.Generator
    solution: Callable[[], Any] | None = None
    contrast_layers: ContrastLayers | None = None
    facts: dict[str, Any] = field(default_factory=dict)
    memory: dict[str, Any] = field(default_factory=dict)

    def seed(self) -> int:
        """Draw the seed of a request."""
        return int(self.rng.integers(2**53))

    async def ask(
        self,
        prompts: Sequence[str | Sequence[Message]],
        *,
        n: int = 1,
        temperature: float | None = None,
        max_tokens: int | None = None,
        choices: tuple[str, ...] | None = None,
        prefill: str = "",
        engine: Engine | None = None,
    ) -> list[list[Reply]]:
        """Request replies to several questions of a method in one batch, within the budget.

        Args:
            prompts: The questions: texts, each a user message of its own, or whole conversations.
            n: Number of replies to each, >= 1. Default: 1.
            temperature: Sampling temperature. Default: that of the candidates.
            max_tokens: Maximum number of tokens of a reply. Default: that of the candidates.
            choices: Constrained choice. Default: none.
            prefill: Beginning of the replies. Default: none.
            engine: Another model than the agent's. Default: the agent's.

        Returns:
            For each question, in order, its replies: ``n``, or fewer (of the last questions none) where the budget
            ends.
        """
        sampling = self.settings.sampling
        found: list[list[Reply]] = [[] for _ in prompts]
        wanted = [k for k in range(len(prompts)) for _ in range(n)]
        while wanted:
            grant = self.ledger.grant(len(wanted), max_tokens or sampling.max_tokens)
            if not grant.replies:
                break
            now, wanted = wanted[: grant.replies], wanted[grant.replies :]
            counts = Counter(now)
            batches = await (engine or self.engine).generate(
                [
                    Request(
                        messages=(user(prompt),) if isinstance(prompt := prompts[k], str) else tuple(prompt),
                        n=count,
                        max_tokens=grant.max_tokens,
                        temperature=sampling.temperature if temperature is None else temperature,
                        top_p=sampling.top_p,
                        choices=choices,
                        prefill=prefill,
                        seed=self.seed(),
                    )
                    for k, count in counts.items()
                ]
            )
            for k, replies in zip(counts, batches, strict=True):
                self.ledger.charge(replies)
                found[k].extend(replies)
        return found
