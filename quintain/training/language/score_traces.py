"""Rivals of SCoRe that imitate: traces of corrections, built from what a model itself wrote.

Kumar et al. 2024 (arXiv 2409.12917, section 4) fine-tune on two kinds of traces, and find that a model trained on them
either goes on making its own errors or learns to repeat its first answer:

- STaR (Zelikman et al. 2022, arXiv 2203.14465): episodes whose second attempt corrected the first; ``plus`` adds those
  that were right twice.
- Pair-SFT (Welleck et al. 2023, arXiv 2211.00053): a wrong and a right answer to the same question, paired at random;
  ``plus`` adds pairs of right ones.

Traces are episodes for :func:`~quintain.training.language.sft.train_sft`, with ``last_turn_only`` in its settings: the
first answer is context.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence

import numpy as np

from quintain.records import EpisodeRecord, Step
from quintain.training.language.score import attempts_of

__all__ = ["pair_traces", "star_traces"]


def star_traces(records: Iterable[EpisodeRecord], *, plus: bool = False) -> list[EpisodeRecord]:
    """Return the episodes whose second attempt is right after a wrong first one.

    Args:
        records: Episodes of ``SelfCorrect-v0``; those without two judged attempts are left out.
        plus: Whether episodes with two right attempts are taken, too. Default: false.
    """
    wanted = {(0.0, 1.0), (1.0, 1.0)} if plus else {(0.0, 1.0)}
    return [record for record in records if attempts_of(record) in wanted]


def pair_traces(records: Sequence[EpisodeRecord], *, plus: bool = False, seed: int = 0) -> list[EpisodeRecord]:
    """Return pairs of a wrong and a right first answer to the same question, as if the second had corrected the first.

    Each wrong answer is paired with one right answer to its question, drawn at random; questions without a right answer
    give no pair.

    Args:
        records: Episodes of ``SelfCorrect-v0``, several to a question; those without two judged attempts are left out.
        plus: Whether each right answer is paired with another right one, too, or with itself where it is the only
            one. Default: false.
        seed: Seed of the draws. Default: 0.
    """
    rng = np.random.default_rng(seed)
    by_question: dict[str, list[tuple[EpisodeRecord, float]]] = {}
    for record in records:
        attempts = attempts_of(record)
        if attempts is not None:
            by_question.setdefault(str(record.info.get("task_id", record.seed)), []).append((record, attempts[0]))
    pairs: list[EpisodeRecord] = []
    for answers in by_question.values():
        right = [record for record, verdict in answers if verdict]
        for record, verdict in answers:
            if not right or (verdict and not plus):
                continue
            others = [other for other in right if other is not record] or right
            pairs.append(_joined(record, others[int(rng.integers(len(others)))]))
    return pairs


def _joined(record: EpisodeRecord, revised: EpisodeRecord) -> EpisodeRecord:
    """Return the episode with the first answer of another one as its second."""
    steps: list[Step] = [record.steps[0], {**record.steps[1], "action": revised.steps[0]["action"]}]
    return dataclasses.replace(record, steps=steps, outcome="success", calls=[], messages=[])
