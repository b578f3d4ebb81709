"""FOBAR: combine a vote over sampled answers with backward verification of each; and self-verification, its rival.

Sources: Jiang et al. 2024, arXiv 2308.07758; Weng et al. 2023, arXiv 2212.09561 (self-verification).
"""

from __future__ import annotations

import string
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Unpack

from quintain.agents.reasoning.agent import OPTIONS, ReasoningOptions, SelfFeedbackAgent
from quintain.agents.reasoning.backward import (
    Mean,
    backward_messages,
    backward_probabilities,
    combined,
    declarative_prompt,
    statement_messages,
)
from quintain.agents.reasoning.candidate import Candidate
from quintain.agents.reasoning.feedback import Outcome, Signal, SignalKind
from quintain.agents.reasoning.masking import mask_numbers, predicted_number
from quintain.agents.reasoning.turn import Turn
from quintain.agents.reasoning.votes import first_of, tally, winner
from quintain.arguments import check_number
from quintain.engines.engine import Engine
from quintain.engines.request import EngineCapability
from quintain.errors import UnknownNameError
from quintain.messages import Message

__all__ = ["BackwardVerification", "FobarAgent", "SelfVerificationAgent"]

_STATEMENT_TOKENS = 128


@dataclass(frozen=True)
class BackwardVerification:
    """Count for each candidate answer how often the model recovers a masked number of the question from it.

    Skipped if there is one distinct answer at most, if the question has no number, or if the budget has not one chain
    for each question left: the vote then stands.

    Attributes:
        chains: Number of chains for each candidate and masked number, >= 1. Default: 8.
        min_votes: Candidates with fewer votes are not verified. Default: 1, which keeps all.
        declarative: Whether question and answer are rewritten as a statement first, as self-verification does.
            Default: false.
        kind: Kind of the signal, for the record. Default: ``"scalar"``.
        needs: Capabilities that the engine must have. Default: none.
    """

    chains: int = 8
    min_votes: int = 1
    declarative: bool = False
    kind: SignalKind = "scalar"
    needs: frozenset[EngineCapability] = frozenset()

    async def __call__(self, turn: Turn, candidates: Sequence[Candidate]) -> Signal:
        """Verify the distinct answers; the facts hold the hits of each."""
        votes = tally([candidate.answer for candidate in candidates])
        kept = [answer for answer, count in votes.items() if count >= self.min_votes]
        facts: dict[str, Any] = {"answers": len(votes), "numbers": len(mask_numbers(turn.observation))}
        if len(votes) < 2 or not kept or not facts["numbers"]:
            reason = "one answer" if len(votes) < 2 else "no number" if kept else "too few votes"
            return Signal(self.kind, facts=facts | {"skipped": reason})
        questions = await self._questions(turn, kept)
        pairs = [(answer, masked) for answer, each in questions.items() for masked in each]
        chains = turn.ledger.each(self.chains, len(pairs), turn.settings.sampling.max_tokens) if pairs else 0
        if not chains:
            return Signal(self.kind, facts=facts | {"skipped": "budget" if pairs else "no number"})
        replies = await turn.ask([messages for _, (messages, _) in pairs], n=chains)
        hits = dict.fromkeys(kept, 0)
        for (answer, (_, value)), found in zip(pairs, replies, strict=True):
            hits[answer] += sum(predicted_number(reply.text) == value for reply in found)
        return Signal(self.kind, facts=facts | {"chains": chains, "hits": hits})

    async def _questions(self, turn: Turn, answers: Sequence[str]) -> dict[str, list[tuple[Sequence[Message], str]]]:
        """Return for each answer its backward questions, with the masked value of each."""
        shown = {answer: _shown(answer, turn.info) for answer in answers}
        if not self.declarative:
            masked = mask_numbers(turn.observation)
            return {
                answer: [(backward_messages(text, shown[answer]), value) for text, value in masked]
                for answer in answers
            }
        prompts = [declarative_prompt(turn.observation, shown[answer]) for answer in answers]
        replies = await turn.ask(prompts, temperature=0, max_tokens=_STATEMENT_TOKENS)
        known = {value for _, value in mask_numbers(turn.observation)}
        return {
            answer: [
                (statement_messages(text), value)
                for text, value in (mask_numbers(found[0].text) if found else ())
                if value in known  # a condition of the question, not its conclusion
            ]
            for answer, found in zip(answers, replies, strict=True)
        }


def _shown(answer: str, info: dict[str, Any]) -> str:
    """Return an answer as it is inserted into a question: of multiple choice, the text of the candidate's option."""
    choices = info.get("choices")
    number = string.ascii_uppercase.find(answer) if len(answer) == 1 else -1
    return str(choices[number]) if isinstance(choices, list) and 0 <= number < len(choices) else answer


@dataclass(frozen=True)
class ForwardBackward:
    """Take the answer with the highest combined probability.

    Attributes:
        alpha: Weight of the forward vote, in [0, 1]; 1 is self-consistency, 0 the backward signal alone.
        mean: ``"geometric"`` or ``"arithmetic"``.
    """

    alpha: float = 0.5
    mean: Mean = "geometric"

    async def __call__(self, turn: Turn, candidates: Sequence[Candidate], signal: Signal) -> Outcome:
        """Combine the vote with the hits of the signal; without hits of any kind the vote decides."""
        answers = [candidate.answer for candidate in candidates]
        votes = tally(answers)
        if "hits" not in signal.facts:
            return Outcome(candidates, first_of(answers, winner(votes)), votes)
        total = sum(votes.values())
        forward = {answer: count / total for answer, count in votes.items()}
        backward = backward_probabilities(signal.facts["hits"])
        result = combined(forward, backward, self.alpha, self.mean)
        chosen = winner(result)
        turn.facts["fobar"] = {
            "forward": forward,
            "backward": backward,
            "flipped": chosen != winner(votes),
            "forward_choice": winner(votes),
            "backward_choice": winner(backward),
        }
        return Outcome(candidates, first_of(answers, chosen), result)


class FobarAgent(SelfFeedbackAgent):
    """FOBAR: sample answers, hide each number of the question in turn, and see from which answer it is found again.

    The vote P_f and the backward probability P_b are combined as P_f^alpha P_b^(1-alpha). An answer is inserted as the
    candidate gives it; the right one is never used. A decision samples n + |answers| * |numbers| * chains replies.

    Args:
        engine: The language model, or its name.
        n: Number of forward chains (M_F), >= 1. Default: 10 (paper, chat models).
        chains: Number of backward chains (M_B) for each answer and number, >= 1. Default: 8 (paper).
        alpha: Weight of the vote, in [0, 1]. Default: 0.5 (paper).
        mean: ``"geometric"`` or ``"arithmetic"``. Default: ``"geometric"`` (paper).
        min_votes: Answers with fewer votes are not verified, >= 1. Default: 1, which keeps all.
        options: See :class:`~quintain.agents.reasoning.agent.SelfFeedbackAgent`; temperature 0.7 by default (paper).

    Raises:
        UnknownNameError: If there is no such mean.
    """

    keywords = OPTIONS

    def __init__(
        self,
        engine: Engine | str,
        n: int = 10,
        chains: int = 8,
        alpha: float = 0.5,
        mean: Mean = "geometric",
        min_votes: int = 1,
        **options: Unpack[ReasoningOptions],
    ) -> None:
        check_number("chains", chains, low=1, integer=True)
        check_number("min_votes", min_votes, low=1, integer=True)
        check_number("alpha", alpha, low=0, high=1)
        if mean not in ("geometric", "arithmetic"):
            raise UnknownNameError("mean", mean, ("geometric", "arithmetic"))
        options.setdefault("temperature", 0.7)
        super().__init__(
            engine,
            evaluate=BackwardVerification(chains, min_votes),
            update=ForwardBackward(alpha, mean),
            n=n,
            **options,
        )


class SelfVerificationAgent(SelfFeedbackAgent):
    """Self-verification: rewrite question and answer as a statement, and see whether its masked numbers are found.

    The answer with the most hits is taken.

    Args:
        engine: The language model, or its name.
        n: Number of forward chains, >= 1. Default: 10.
        chains: Number of backward chains for each answer and number, >= 1. Default: 8.
        options: See :class:`~quintain.agents.reasoning.agent.SelfFeedbackAgent`; temperature 0.7 by default.
    """

    keywords = OPTIONS

    def __init__(self, engine: Engine | str, n: int = 10, chains: int = 8, **options: Unpack[ReasoningOptions]) -> None:
        check_number("chains", chains, low=1, integer=True)
        options.setdefault("temperature", 0.7)
        super().__init__(
            engine,
            evaluate=BackwardVerification(chains, declarative=True),
            update=ForwardBackward(alpha=0),
            n=n,
            **options,
        )
