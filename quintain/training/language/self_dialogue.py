"""A dialogue of a model with itself (SELF): answer, feedback with a verdict, refined answer, and feedback on that.

Lu et al. 2023 (arXiv 2310.00533). Everything here is a pure function of texts and verdicts.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Dialogue", "Quadruple", "evolution_metrics", "passes", "read_verdict"]

_VERDICT = re.compile(r"^\s*verdict\s*:\s*(\w+(?: \w+)?)\s*[.!]?\s*$", re.IGNORECASE)
_WORDS = {"correct": True, "qualified": True, "incorrect": False, "not correct": False, "not qualified": False}


@dataclass(frozen=True, slots=True)
class Quadruple:
    """A lesson in the meta-skills, (p, r, f, r^) in the paper.

    Attributes:
        question: The question p.
        answer: The model's own answer r.
        feedback: The labeller's feedback f on it, with a verdict.
        refined: The refined answer r^ that follows the feedback.
    """

    question: str
    answer: str
    feedback: str
    refined: str


@dataclass(frozen=True, slots=True)
class Dialogue:
    """What a model wrote about one question.

    Attributes:
        question: The question.
        answer: Its first answer.
        feedback: Its feedback on that.
        refined: Its refined answer.
        second: Its feedback on the refined answer, which is asked anew and does not follow the first.
        truncated: Whether a part of it did not fit the context window: that text is empty, and nothing is learned
            from the dialogue.
    """

    question: str
    answer: str
    feedback: str
    refined: str
    second: str
    truncated: bool = False


def read_verdict(feedback: str) -> bool | None:
    r"""Return the verdict of a feedback: whether the answer is correct; ``None`` without exactly one at the end.

    A verdict is the last line, as in ``verdict: incorrect``. A feedback with two different ones has none.

    Example:
        >>> [read_verdict(f"3+4=8 no 7{end}") for end in ("", "\nVerdict: incorrect.", "\nverdict: correct?")]
        [None, False, None]
    """
    lines = [line for line in feedback.splitlines() if line.strip()]
    found = [_WORDS.get(match[1].lower()) for line in lines if (match := _VERDICT.match(line))]
    last = bool(lines) and _VERDICT.match(lines[-1]) is not None
    return found[-1] if last and len(set(found)) == 1 else None


def passes(dialogue: Dialogue, *, refine: bool = True) -> bool:
    """Whether the model judges the answer to be learned correct: the refined one, by a second feedback, or the first.

    A truncated dialogue does not pass.

    Args:
        dialogue: The dialogue.
        refine: Whether the refined answer is the one to be learned. Default: true.
    """
    return not dialogue.truncated and read_verdict(dialogue.second if refine else dialogue.feedback) is True


def evolution_metrics(
    dialogues: Sequence[Dialogue], first: Sequence[bool], refined: Sequence[bool], kept: Sequence[bool]
) -> dict[str, float]:
    """Return what a round did, measured with right answers; NaN where there is nothing to measure.

    Args:
        dialogues: The dialogues of the round.
        first: Whether each first answer is right.
        refined: Whether each answer to be learned is right: the refined one, or again the first.
        kept: Whether each was kept.

    Returns:
        ``accuracy/first``, ``accuracy/refined`` and ``accuracy/kept``; precision and recall of the verdict
        "incorrect" on first answers, ``verdict/precision`` and ``verdict/recall``, and the share of readable verdicts
        that are right, ``verdict/accuracy``; ``verdict/unread``, the share without one; and ``fixed`` and ``broken``,
        the shares of all questions that went from wrong to right and back.
    """
    said = [read_verdict(dialogue.feedback) for dialogue in dialogues]
    wrong = [right for right, verdict in zip(first, said, strict=True) if verdict is False]
    return {
        "accuracy/first": _mean(first),
        "accuracy/refined": _mean(refined),
        "accuracy/kept": _mean([right for right, taken in zip(refined, kept, strict=True) if taken]),
        "verdict/precision": _mean([not right for right in wrong]),
        "verdict/recall": _mean([v is False for right, v in zip(first, said, strict=True) if not right]),
        "verdict/accuracy": _mean([v == right for right, v in zip(first, said, strict=True) if v is not None]),
        "verdict/unread": _mean([verdict is None for verdict in said]),
        "fixed": _mean([b and not a for a, b in zip(first, refined, strict=True)]),
        "broken": _mean([a and not b for a, b in zip(first, refined, strict=True)]),
    }


def _mean(values: Sequence[bool]) -> float:
    return sum(values) / len(values) if values else float("nan")
