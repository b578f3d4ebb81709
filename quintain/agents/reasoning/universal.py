"""Universal self-consistency: the model reads all replies and names the one that agrees best with the others.

Source: Chen et al. 2023, arXiv 2311.17311. The wording is our own.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Unpack

from quintain.agents.reasoning.agent import OPTIONS, ReasoningOptions, SelfFeedbackAgent
from quintain.agents.reasoning.candidate import Candidate
from quintain.agents.reasoning.feedback import Signal, SignalKind
from quintain.agents.reasoning.selections import Best
from quintain.agents.reasoning.turn import Turn
from quintain.engines.engine import Engine
from quintain.engines.request import EngineCapability

__all__ = ["NamedByModel", "UniversalSelfConsistencyAgent", "read_choice"]

_ASK = """\
I have asked the following question and collected {n} responses to it, numbered from 0.

Question:
{question}

{responses}

Judge these responses, and choose the one that agrees best with the majority of them. End with the sentence "The most
consistent response is Response X." with the number in place of X."""
_CHOSEN = re.compile(r"\bresponse\s*#?\s*(\d+)", re.IGNORECASE)
_JUDGE_TOKENS = 256


def read_choice(reply: str, n: int) -> int | None:
    """Return the last response that a judgement names, if it is one of ``n``; else ``None``.

    Example:
        >>> read_choice("Response 0 differs. The most consistent response is Response 2.", 3)
        2
    """
    named = [int(number) for number in _CHOSEN.findall(reply)]
    return named[-1] if named and named[-1] < n else None


@dataclass(frozen=True)
class NamedByModel:
    """Self-Evaluate by comparison: 1 for the candidate that the model names, 0 for the others.

    Greedy. Where it names none, the first candidate with an answer counts as named.
    """

    kind: SignalKind = "contrastive"
    needs: frozenset[EngineCapability] = frozenset()

    async def __call__(self, turn: Turn, candidates: Sequence[Candidate]) -> Signal:
        """Ask once about all candidates; not at all if there is only one."""
        named = 0
        if len(candidates) > 1:
            listed = "\n\n".join(f"Response {k}:\n{candidate.text}" for k, candidate in enumerate(candidates))
            prompt = _ASK.format(n=len(candidates), question=turn.observation, responses=listed)
            ((*replies,),) = await turn.ask([prompt], temperature=0, max_tokens=_JUDGE_TOKENS)
            found = read_choice(replies[0].text, len(candidates)) if replies else None
            first = next((k for k, candidate in enumerate(candidates) if candidate.answer is not None), 0)
            named = first if found is None else found
            turn.facts["judgement"] = "none" if not replies else "read" if found is not None else "unreadable"
        return Signal(self.kind, "named", tuple(float(k == named) for k in range(len(candidates))))


class UniversalSelfConsistencyAgent(SelfFeedbackAgent):
    """Universal self-consistency: sample ``n`` replies and let the model choose the most consistent one.

    Args:
        engine: The language model, or its name.
        n: Number of candidates, >= 1. Default: 8.
        options: See :class:`~quintain.agents.reasoning.agent.SelfFeedbackAgent`.
    """

    keywords = OPTIONS

    def __init__(self, engine: Engine | str, n: int = 8, **options: Unpack[ReasoningOptions]) -> None:
        super().__init__(engine, evaluate=NamedByModel(), update=Best(), n=n, **options)
