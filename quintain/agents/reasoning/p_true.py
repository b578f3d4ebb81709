"""The agent ``p-true``: answers, and says with which probability it takes its answer for right.

Source: Kadavath et al. 2022, arXiv 2207.05221, section 3. The model samples answers at temperature 1, and is asked of
one of them whether it is (A) true or (B) false. P(True) is the probability of the letter A over that of both, read from
next-token probabilities, never from a sampled text. With several samples the question first lists all of them as
brainstormed ideas, the proposed answer among them.

Differences: the paper does not say whether the two probabilities are renormalised; here they are (unconfirmed). Worked
examples, balanced between true and false, stand before the question as turns of the conversation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Unpack

import numpy as np

from quintain.agents.reasoning.agent import OPTIONS, ReasoningOptions, SelfFeedbackAgent
from quintain.agents.reasoning.candidate import Candidate
from quintain.agents.reasoning.confidence import share_of_first
from quintain.agents.reasoning.feedback import Signal, SignalKind
from quintain.agents.reasoning.selections import First
from quintain.agents.reasoning.turn import Turn
from quintain.agents.reasoning.votes import best
from quintain.engines.engine import Engine
from quintain.engines.request import EngineCapability
from quintain.errors import ConfigurationError
from quintain.messages import Message, assistant, user

__all__ = ["Judged", "PTrueAgent", "judged_examples"]

_LETTERS = ("A", "B")
_CUE = "The proposed answer is ("


@dataclass(frozen=True, slots=True)
class Judged:
    """A proposed answer whose rightness is known, for worked examples.

    Attributes:
        question: The question.
        answer: The proposed answer.
        right: Whether it is right.
        ideas: Samples, the proposed answer among them. Default: none.
    """

    question: str
    answer: str
    right: bool
    ideas: tuple[str, ...] = ()


def judged_examples(judged: Sequence[Judged], number: int, seed: int = 0) -> tuple[Message, ...]:
    """Draw worked examples, as many true as false ones, as turns of a conversation.

    Args:
        judged: Proposed answers to questions other than those that are asked later; of each question only one is used.
        number: Number of examples, even, >= 2.
        seed: Seed of the draw and of the order.

    Raises:
        ConfigurationError: If there are too few of a kind, or the number is odd.

    Example:
        >>> rows = [Judged("1 + 1 = ?", "2", True), Judged("2 + 2 = ?", "5", False)]
        >>> [message["content"] for message in judged_examples(rows, 2) if message["role"] == "assistant"]
        ['The proposed answer is (A)', 'The proposed answer is (B)']
    """
    if number < 2 or number % 2:
        raise ConfigurationError(f"worked examples are balanced: their number must be even and >= 2, got {number!r}")
    rng = np.random.default_rng(seed)
    chosen: list[Judged] = []
    for right in (True, False):
        asked = {each.question for each in chosen}
        pool = {each.question: each for each in judged if each.right == right and each.question not in asked}
        if len(pool) < number // 2:
            raise ConfigurationError(f"{number // 2} examples that are {right} are needed, and there are {len(pool)}")
        rows = list(pool.values())
        chosen += [rows[k] for k in rng.permutation(len(rows))[: number // 2]]
    turns: list[Message] = []
    for k in rng.permutation(number):
        each = chosen[k]
        turns += [
            user(_question(each.question, each.answer, each.ideas)),
            assistant(f"{_CUE}{_LETTERS[0 if each.right else 1]})"),
        ]
    return tuple(turns)


def _question(question: str, answer: str, ideas: Sequence[str]) -> str:
    brainstormed = "\n".join(("Here are some brainstormed ideas:", *ideas, "", "")) if ideas else ""
    return (
        f"Question:\n{question}\n\n{brainstormed}Proposed answer:\n{answer}\n\nIs the proposed answer:\n(A) True\n"
        "(B) False"
    )


@dataclass(frozen=True)
class LetterPTrue:
    """P(True) of the first candidate, from the probabilities of the letters of the two verdicts.

    Attributes:
        examples: Worked examples, from :func:`judged_examples`.
        kind: Kind of the signal, for the record. Default: ``"scalar"``.
        needs: Capabilities that the engine must have. Default: constrained choice after a prefill.
    """

    examples: tuple[Message, ...] = ()
    kind: SignalKind = "scalar"
    needs: frozenset[EngineCapability] = frozenset({"choices", "prefill"})

    async def __call__(self, turn: Turn, candidates: Sequence[Candidate]) -> Signal:
        """Ask about the first candidate with an answer; without budget for it the signal has no facts."""
        texts = [candidate.text for candidate in candidates]
        proposed = best([candidate.answer for candidate in candidates], [0.0] * len(texts))
        asked = user(_question(turn.observation, texts[proposed], texts if len(texts) > 1 else ()))
        conversation = (*self.examples, asked)
        [found] = await turn.ask([conversation], choices=_LETTERS, prefill=_CUE, max_tokens=1, temperature=1)
        facts = {"p_true": share_of_first(found[0], _LETTERS[0]), "proposed": proposed} if found else {}
        return Signal(self.kind, facts=facts)


class PTrueAgent(SelfFeedbackAgent):
    """Sample an answer, and record P(True) as the confidence in it.

    The answer is the first of ``n`` samples that has one. The record of each decision has
    ``confidence``, from which the page of the run shows calibration.

    Args:
        engine: The language model, or its name; needs constrained choice and prefill.
        n: Number of samples, the answer included, which are shown as brainstormed ideas if there are several, >= 1.
            Default: 5 (paper).
        examples: Worked examples of judging, from :func:`judged_examples`. Default: none (zero-shot).
        options: See :class:`~quintain.agents.reasoning.agent.SelfFeedbackAgent`; temperature 1 by default (paper).

    Raises:
        CapabilityError: If the engine has no constrained choice or prefill.
    """

    keywords = OPTIONS

    def __init__(
        self, engine: Engine | str, n: int = 5, examples: Sequence[Message] = (), **options: Unpack[ReasoningOptions]
    ) -> None:
        options.setdefault("temperature", 1.0)
        super().__init__(engine, evaluate=LetterPTrue(tuple(examples)), update=First(), n=n, **options)

    async def decide(self, turn: Turn) -> tuple[Candidate, dict[str, Any]]:
        """Choose the first sample with an answer, and add the confidence in it to the record."""
        chosen, decision = await super().decide(turn)
        found = decision.get("facts", {}).get("p_true")
        return chosen, decision | ({} if found is None else {"confidence": found})
