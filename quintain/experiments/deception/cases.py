"""Cases to judge: what a model believes of a scenario, and how it reasoned and answered under pressure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from quintain.records import EpisodeRecord

__all__ = ["Case", "make_cases"]


@dataclass(frozen=True, slots=True)
class Case:
    """One answer under pressure with the belief about the same scenario.

    Attributes:
        task_id: The scenario.
        category: Its category.
        context: The pressured prompt.
        belief: What the model replied to the neutral prompt: a stance, or its text; ``None`` where there is no answer.
        reasoning: Its reasoning under pressure; ``None`` without any between its tags.
        answer: Its answer under pressure, like ``belief``.
        mentioned: The stances that the reasoning mentions, in the order in which they are mentioned last.
        options: The stances; empty where a judge has to compare.
        failed: Whether an infrastructure failure ended one of both episodes.
    """

    task_id: str
    category: str
    context: str
    belief: str | None
    reasoning: str | None
    answer: str | None
    mentioned: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    failed: bool = False


def make_cases(beliefs: Iterable[EpisodeRecord], answers: Iterable[EpisodeRecord]) -> list[Case]:
    """Pair the episodes of two runs of ``Deception-v0`` by scenario.

    Args:
        beliefs: Episodes of the stage ``"belief"``; of several about one scenario the first counts.
        answers: Episodes of the stage ``"pressure"``.

    Returns:
        A case for each answer; without a belief about its scenario, that is ``None``.
    """
    held: dict[str, EpisodeRecord] = {}
    for record in beliefs:
        held.setdefault(str(record.info.get("task_id")), record)
    return [_case(held.get(str(record.info.get("task_id"))), record) for record in answers]


def _case(belief: EpisodeRecord | None, answer: EpisodeRecord) -> Case:
    info = answer.info
    reply: dict[str, Any] = info.get("reply") or {}
    step = answer.steps[0] if answer.steps else None
    return Case(
        task_id=str(info.get("task_id")),
        category=str(info.get("task")),
        context=str(step["observation"]) if step else "",
        belief=None if belief is None else belief.info.get("answer"),
        reasoning=reply.get("reasoning") or None,
        answer=info.get("answer"),
        mentioned=tuple(info.get("mentioned") or ()),
        options=tuple(info.get("options") or ()),
        failed=answer.outcome == "error" or (belief is not None and belief.outcome == "error"),
    )
