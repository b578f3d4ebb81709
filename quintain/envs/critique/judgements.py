"""What generator and critic write: parsers of their texts, and metrics of a critic."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Corruption", "Judgement", "critic_metrics", "read_corruption", "read_judgement"]

_TYPE = re.compile(r"^type: ([1-5])$", re.MULTILINE | re.ASCII)
_STEP = re.compile(r"^step: (.*)$", re.MULTILINE)
_TAG = re.compile(r"<Answer>\s*(Correct|Incorrect)\s*</Answer>", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Corruption:
    """What the generator writes.

    Attributes:
        error_type: Number of the error type, 1 to 5.
        step: The corrupted step.
    """

    error_type: int
    step: str


@dataclass(frozen=True, slots=True)
class Judgement:
    """A judged step, for metrics.

    Attributes:
        error: Whether the step is an error.
        correct: The critic's verdict, whether it is correct; ``None`` for a text without a verdict.
    """

    error: bool
    correct: bool | None


def read_corruption(text: str) -> Corruption | None:
    r"""Return error type and step of a generator's text; ``None`` unless it has exactly one of each, the step last.

    Example:
        >>> read_corruption("type: 2\nplan: the result is one off\nstep: 19-5=13")
        Corruption(error_type=2, step='19-5=13')
    """
    text = text.strip()
    types, steps = _TYPE.findall(text), list(_STEP.finditer(text))
    if len(types) != 1 or len(steps) != 1 or steps[0].end() != len(text):
        return None
    return Corruption(int(types[0]), steps[0][1].strip())


def read_judgement(text: str) -> bool | None:
    r"""Return whether a critic calls the step correct, by its first answer tag; ``None`` without one.

    Example:
        >>> read_judgement("19-5 is 14.\n<Answer>Incorrect</Answer>")
        False
    """
    found = _TAG.search(text)
    return None if found is None else found[1].lower() == "correct"


def critic_metrics(judgements: Sequence[Judgement]) -> dict[str, float]:
    """Return the metrics of a critic, in [0, 1]; NaN where there is nothing to measure.

    Texts without a verdict are left out, and counted by ``valid``.

    Returns:
        ``correct`` and ``erroneous``, the accuracy on steps of either kind; ``balanced``, their mean; ``harmonic``,
        their harmonic mean, 0 where one of them is 0; and ``valid``, the share of texts with a verdict.
    """
    read = [j for j in judgements if j.correct is not None]
    right = _mean([j.correct is True for j in read if not j.error])
    wrong = _mean([j.correct is False for j in read if j.error])
    both = right + wrong
    return {
        "correct": right,
        "erroneous": wrong,
        "balanced": both / 2,
        "harmonic": 2 * right * wrong / both if both != 0 else 0.0,
        "valid": _mean([j.correct is not None for j in judgements]),
    }


def _mean(values: Sequence[bool]) -> float:
    return sum(values) / len(values) if values else float("nan")
