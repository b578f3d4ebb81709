"""RCoT: reconstruct the question from the reply, compare it with the question, and rewrite the reply.

Source: Xue et al. 2023, arXiv 2305.11499. The wording is our own. Difference: one request compares all conditions,
where the paper compares them one by one.
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
from quintain.engines.engine import Engine
from quintain.engines.request import EngineCapability
from quintain.messages import Message, assistant, user

__all__ = ["RCoTAgent"]

_SAME = "NO DIFFERENCES"
_RECONSTRUCT = """\
Here is the solution of a problem that you cannot see. Write down the problem that it solves: all conditions that the
solution uses, with their numbers, and then the question that it answers. Do not solve it.

Solution:
{solution}"""
_COMPARE = f"""\
Compare a problem with its reconstruction from a solution. List the conditions of both, and then name
- each condition of the problem that the reconstruction lacks (overlooked),
- each condition of the reconstruction that the problem does not state (invented),
- a difference between the questions that are asked (misunderstood).
If there is none of these, reply with {_SAME} and nothing else.

Problem:
{{question}}

Reconstruction:
{{reconstruction}}"""
_RECTIFY = """\
Your solution does not fit the problem:

{feedback}

Solve the problem again with these corrections, and give the final answer in the same form as before."""


@dataclass(frozen=True)
class Reconstruction:
    """Self-Evaluate in words: what the question that a reply answers has more, less or other than the question."""

    kind: SignalKind = "text"
    needs: frozenset[EngineCapability] = frozenset()

    async def __call__(self, turn: Turn, candidates: Sequence[Candidate]) -> Signal:
        """Reconstruct and compare; an empty text where the budget ends."""
        ((*found,),) = await turn.ask([_RECONSTRUCT.format(solution=candidates[0].text)])
        if not found:
            return Signal(self.kind, texts=("",))
        reconstruction = found[0].text.strip()
        prompt = _COMPARE.format(question=turn.observation, reconstruction=reconstruction)
        ((*found,),) = await turn.ask([prompt], temperature=0)
        text = found[0].text.strip() if found else ""
        return Signal(self.kind, texts=(text,), facts={"reconstruction": reconstruction})


@dataclass(frozen=True)
class Rectify:
    """Self-Update by rewriting, unless nothing differs or the budget ends."""

    async def __call__(self, turn: Turn, candidates: Sequence[Candidate], signal: Signal) -> Outcome:
        """Write a new reply."""
        if not signal.texts[0] or _SAME in signal.texts[0]:
            return Outcome(candidates)
        history: list[Message] = turn.memory.setdefault("history", list(turn.messages))
        history += [assistant(candidates[0].text), user(_RECTIFY.format(feedback=signal.texts[0]))]
        (new,) = await sample(turn, 1, [history])
        return Outcome(new, finished=False) if new else Outcome(candidates)


class RCoTAgent(SelfFeedbackAgent):
    """RCoT, reversing chain-of-thought: the question is reconstructed from the reply, and differences are corrected.

    A decision samples at most 1 + 3 * rounds replies. No stop looks at a right answer.

    Args:
        engine: The language model, or its name.
        rounds: Maximum number of comparisons, >= 1. Default: 1 (paper).
        options: See :class:`~quintain.agents.reasoning.agent.SelfFeedbackAgent`.
    """

    keywords = OPTIONS

    def __init__(self, engine: Engine | str, rounds: int = 1, **options: Unpack[ReasoningOptions]) -> None:
        super().__init__(engine, evaluate=Reconstruction(), update=Rectify(), rounds=rounds, **options)
