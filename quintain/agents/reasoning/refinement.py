"""Methods that refine one response round by round: self-refine, RCI and progressive hints.

Sources: Madaan et al. 2023, arXiv 2303.17651 (self-refine); Kim et al. 2023, arXiv 2303.17491 (RCI); Zheng et al. 2023,
arXiv 2304.09797 (progressive-hint prompting). The wording of the prompts is our own. No stopping rule uses
a right answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Unpack

from quintain.agents.reasoning.agent import OPTIONS, ReasoningOptions, SelfFeedbackAgent
from quintain.agents.reasoning.candidate import Candidate
from quintain.agents.reasoning.evaluations import Agreement
from quintain.agents.reasoning.feedback import Outcome, Signal, SignalKind
from quintain.agents.reasoning.sampler import sample
from quintain.agents.reasoning.turn import Turn
from quintain.engines.engine import Engine
from quintain.engines.request import EngineCapability
from quintain.messages import Message, assistant, user

__all__ = ["Critique", "ProgressiveHintsAgent", "RCIAgent", "Refine", "SelfRefineAgent"]

_STOP = "NO CHANGES NEEDED"
_FEEDBACK = (
    "Check your solution step by step, and say what is wrong with it and how to correct it. If everything is right, "
    f"reply with {_STOP} and nothing else."
)
_REFINE = "Write the whole solution again with these corrections, and give the final answer in the same form as before."
_REVIEW = "Review your previous answer and find problems with it."
_IMPROVE = (
    "Based on the problems that you found, improve your answer. Give the final answer in the same form as before."
)
_HINT = "{question}\n\nHint: the answer is near to {answers}."


@dataclass(frozen=True)
class Critique:
    """Self-Evaluate in words: the model criticises its response, with the history of responses and critiques before it.

    Attributes:
        prompt: The user message that asks for it. Default: that of self-refine.
        kind: Kind of the signal, for the record. Default: ``"text"``.
        needs: Capabilities that the engine must have. Default: none.
    """

    prompt: str = _FEEDBACK
    kind: SignalKind = "text"
    needs: frozenset[EngineCapability] = frozenset()

    async def __call__(self, turn: Turn, candidates: Sequence[Candidate]) -> Signal:
        """Criticise the first candidate; an empty text if the budget is spent."""
        conversation = [*_conversation(turn), assistant(candidates[0].text), user(self.prompt)]
        ((*replies,),) = await turn.ask([conversation])
        text = replies[0].text.strip() if replies else ""
        turn.memory["conversation"] = [*conversation, assistant(text)]
        return Signal(self.kind, texts=(text,))


@dataclass(frozen=True)
class Refine:
    """Self-Update by rewriting: the model writes a new response, given the critique and all that came before.

    Attributes:
        prompt: The user message that asks for it.
        stop: A critique that contains this text ends the loop; with an empty text, none does.
    """

    prompt: str = _REFINE
    stop: str = _STOP

    async def __call__(self, turn: Turn, candidates: Sequence[Candidate], signal: Signal) -> Outcome:
        """Write a new response, unless the critique finds nothing to change or the budget is spent."""
        if not signal.texts[0] or (self.stop and self.stop in signal.texts[0]):
            return Outcome(candidates)
        turn.memory["conversation"] = [*_conversation(turn), user(self.prompt)]
        (new,) = await sample(turn, 1, [turn.memory["conversation"]])
        return Outcome(new, finished=False) if new else Outcome(candidates)


def _conversation(turn: Turn) -> Sequence[Message]:
    found: Sequence[Message] = turn.memory.get("conversation", turn.messages)
    return found


@dataclass(frozen=True)
class AskWithHints:
    """Self-Update by hints: ask the question again with all answers so far, until one is given twice in a row."""

    async def __call__(self, turn: Turn, candidates: Sequence[Candidate], signal: Signal) -> Outcome:
        """Ask again, unless there is no answer to hint at, or it is the last answer again."""
        hints: list[str] = turn.memory.setdefault("hints", [])
        answer = candidates[0].answer
        if answer is None or (hints and hints[-1] == answer):
            return Outcome(candidates)
        hints.append(answer)
        question = user(_HINT.format(question=turn.observation, answers=", ".join(hints)))
        (new,) = await sample(turn, 1, [[*turn.messages[:-1], question]])
        return Outcome(new, finished=False) if new else Outcome(candidates)


class SelfRefineAgent(SelfFeedbackAgent):
    """Self-refine: the model criticises its response and rewrites it, until it finds nothing to change.

    A decision samples at most 1 + 2 * rounds replies.

    Args:
        engine: The language model, or its name.
        rounds: Maximum number of critiques, >= 1. Default: 4 (paper).
        options: See :class:`~quintain.agents.reasoning.agent.SelfFeedbackAgent`.
    """

    keywords = OPTIONS

    def __init__(self, engine: Engine | str, rounds: int = 4, **options: Unpack[ReasoningOptions]) -> None:
        super().__init__(engine, evaluate=Critique(), update=Refine(), rounds=rounds, **options)


class RCIAgent(SelfFeedbackAgent):
    """RCI: the model reviews its response and improves it, a fixed number of times.

    Args:
        engine: The language model, or its name.
        rounds: Number of reviews, >= 1. Default: 1.
        options: See :class:`~quintain.agents.reasoning.agent.SelfFeedbackAgent`.
    """

    keywords = OPTIONS

    def __init__(self, engine: Engine | str, rounds: int = 1, **options: Unpack[ReasoningOptions]) -> None:
        super().__init__(engine, evaluate=Critique(_REVIEW), update=Refine(_IMPROVE, ""), rounds=rounds, **options)


class ProgressiveHintsAgent(SelfFeedbackAgent):
    """Progressive-hint prompting: ask again with earlier answers as hints, until an answer is given twice in a row.

    Args:
        engine: The language model, or its name.
        rounds: Maximum number of hints, >= 1. Default: 4.
        options: See :class:`~quintain.agents.reasoning.agent.SelfFeedbackAgent`.
    """

    keywords = OPTIONS

    def __init__(self, engine: Engine | str, rounds: int = 4, **options: Unpack[ReasoningOptions]) -> None:
        super().__init__(engine, evaluate=Agreement(), update=AskWithHints(), rounds=rounds, **options)
