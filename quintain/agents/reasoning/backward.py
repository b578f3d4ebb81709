"""Backward reasoning: hide a number of the question, give a candidate answer, and see whether the number is found.

Pure parts of FOBAR (Jiang et al. 2024, arXiv 2308.07758): probabilities of candidates, and the prompts. Prompts and
worked examples are our own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from quintain.messages import Message, assistant, system, user

__all__ = [
    "EPS",
    "Mean",
    "backward_messages",
    "backward_probabilities",
    "combined",
    "declarative_prompt",
    "statement_messages",
]

#: Smoothing of the backward probabilities: without any hit they are uniform.
EPS = 1e-8

#: How forward and backward probabilities are combined.
Mean = Literal["geometric", "arithmetic"]

_SYSTEM = """\
A question has an unknown number x, and you are given the answer to the question. Find x: write an equation, solve it,
and end with the sentence "The value of x is ..."."""
_ASK = "Given that the answer to the question above is {answer}, what is the value of the unknown x?"
_EXAMPLES = (
    (
        "Tom has x marbles and wins 4 more. How many marbles does he have now?",
        "11",
        "Tom has x + 4 marbles now, and that is 11. So x + 4 = 11 and x = 11 - 4 = 7. The value of x is 7.",
    ),
    (
        "Each of 5 boxes holds x pens. 3 pens are broken. How many pens are not broken?",
        "37",
        "5 boxes hold 5 * x pens, of which 3 are broken: 5 * x - 3 = 37. So 5 * x = 40 and x = 40 / 5 = 8. "
        "The value of x is 8.",
    ),
)
_DECLARE = """\
Rewrite the question and its answer as one declarative statement. Keep every number.

Question: Tom has 7 marbles and wins 4 more. How many marbles does he have now?
Answer: 11
Statement: Tom has 7 marbles and wins 4 more, and now he has 11 marbles.

Question: {question}
Answer: {answer}
Statement:"""


def backward_messages(question: str, answer: str) -> tuple[Message, ...]:
    """Return the conversation that asks for the masked number of a question, given a candidate's answer.

    Args:
        question: The question, with x in place of a number.
        answer: The candidate's answer; never the right one.
    """
    turns = [
        message
        for text, given, solution in _EXAMPLES
        for message in (user(f"{text}\n{_ASK.format(answer=given)}"), assistant(solution))
    ]
    return (system(_SYSTEM), *turns, user(f"{question}\n{_ASK.format(answer=answer)}"))


def statement_messages(statement: str) -> tuple[Message, ...]:
    """Return the conversation that asks for the masked number of a declarative statement (self-verification)."""
    return (system(_SYSTEM), user(f"{statement}\nWhat is the value of the unknown x?"))


def declarative_prompt(question: str, answer: str) -> str:
    """Return the prompt that asks to rewrite question and answer as a statement (Weng et al. 2023)."""
    return _DECLARE.format(question=question, answer=answer)


def backward_probabilities(hits: Mapping[str, int]) -> dict[str, float]:
    """Return P_b(A_c) = (Z_c + eps / |A|) / (sum of all Z + eps).

    Args:
        hits: For each candidate the number of chains, over all masked numbers, that found the number.

    Example:
        >>> backward_probabilities({"5": 0, "7": 0})
        {'5': 0.5, '7': 0.5}
    """
    total = sum(hits.values()) + EPS
    return {answer: (count + EPS / len(hits)) / total for answer, count in hits.items()}


def combined(
    forward: Mapping[str, float], backward: Mapping[str, float], alpha: float, mean: Mean = "geometric"
) -> dict[str, float]:
    """Combine two distributions over candidates: P proportional to P_f^alpha P_b^(1-alpha), or to the weighted sum.

    With ``alpha=1`` it is the forward distribution, with ``alpha=0`` the backward one. Candidates without a backward
    probability get :data:`EPS`.
    """
    weights = {}
    for answer, p in forward.items():
        q = backward.get(answer, EPS)
        weights[answer] = p**alpha * q ** (1 - alpha) if mean == "geometric" else alpha * p + (1 - alpha) * q
    total = sum(weights.values())
    return {answer: weight / total for answer, weight in weights.items()}
