"""Multi-agent debate: several copies of the model answer, read each other's answers, and answer again.

Source: Du et al. 2023, arXiv 2305.14325. The wording is our own. The result is the majority of the last round.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Unpack

from quintain.agents.reasoning.agent import OPTIONS, ReasoningOptions, SelfFeedbackAgent
from quintain.agents.reasoning.candidate import Candidate
from quintain.agents.reasoning.feedback import Outcome, Signal, SignalKind
from quintain.agents.reasoning.sampler import sample
from quintain.agents.reasoning.turn import Turn
from quintain.agents.reasoning.votes import first_of, tally, winner
from quintain.arguments import check_number
from quintain.engines.engine import Engine
from quintain.engines.request import EngineCapability
from quintain.messages import Message, assistant, user

__all__ = ["MultiAgentDebateAgent"]

_OTHERS = """\
These are the solutions of other agents to the problem:

{solutions}

Use them as additional information, and give your updated solution. Give the final answer in the same form as before."""


@dataclass(frozen=True)
class Messages:
    """Self-Evaluate by negotiation: for each agent, the message that shows it the answers of the others."""

    kind: SignalKind = "text"
    needs: frozenset[EngineCapability] = frozenset()

    async def __call__(self, turn: Turn, candidates: Sequence[Candidate]) -> Signal:
        """Write the messages; the model is not asked."""
        texts = []
        for k in range(len(candidates)):
            others = [candidate.text for number, candidate in enumerate(candidates) if number != k]
            solutions = "\n\n".join(f"Agent {number}:\n{text}" for number, text in enumerate(others, start=1))
            texts.append(_OTHERS.format(solutions=solutions))
        return Signal(self.kind, texts=tuple(texts))


@dataclass(frozen=True)
class AnswerAgain:
    """Self-Update: every agent continues its own conversation; the majority of the new answers is chosen."""

    async def __call__(self, turn: Turn, candidates: Sequence[Candidate], signal: Signal) -> Outcome:
        """Sample one reply for each agent; where the budget does not reach for all of them, the debate ends."""
        if len(candidates) < 2 or not turn.ledger.each(1, len(candidates), turn.settings.sampling.max_tokens):
            return _majority(candidates, finished=True)
        histories: list[list[Message]] = turn.memory.setdefault("histories", [list(turn.messages) for _ in candidates])
        for history, candidate, text in zip(histories, candidates, signal.texts, strict=True):
            history += [assistant(candidate.text), user(text)]
        new = await sample(turn, 1, histories)
        return _majority([candidate for (candidate,) in new], finished=False)


def _majority(candidates: Sequence[Candidate], *, finished: bool) -> Outcome:
    answers = [candidate.answer for candidate in candidates]
    votes = tally(answers)
    return Outcome(candidates, first_of(answers, winner(votes)), votes, finished)


class MultiAgentDebateAgent(SelfFeedbackAgent):
    """Multi-agent debate: ``agents`` copies of the model answer, and ``rounds`` times read each other and answer again.

    A decision samples agents * (1 + rounds) replies. At equal budget its rival is self-consistency with that many.

    Args:
        engine: The language model, or its name.
        agents: Number of agents, >= 2. Default: 3 (paper).
        rounds: Number of rounds after the first answers, >= 1. Default: 1 (paper: 2 rounds in all).
        options: See :class:`~quintain.agents.reasoning.agent.SelfFeedbackAgent`.
    """

    keywords = OPTIONS

    def __init__(
        self, engine: Engine | str, agents: int = 3, rounds: int = 1, **options: Unpack[ReasoningOptions]
    ) -> None:
        check_number("agents", agents, low=2, integer=True)
        super().__init__(engine, evaluate=Messages(), update=AnswerAgain(), n=agents, rounds=rounds, **options)
