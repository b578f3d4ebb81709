"""Answers of one condition as arrays, from the records of a run; all results are computed from them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from quintain.evaluation.requests import decisions_of
from quintain.experiments.questionnaire.condition import Condition
from quintain.experiments.questionnaire.scoring_key import ScoringKey
from quintain.records import EpisodeRecord

__all__ = ["Answers", "answers_of", "collect"]


@dataclass(frozen=True, eq=False)
class Answers:
    """The answers to all items of an instrument under one condition.

    Attributes:
        condition: The condition.
        option: Number of the chosen option of each item, -1 where none was named, shape ``(items,)``.
        probability: Probability of each option among all options, shape ``(items, options)``; 1 for the chosen option
            where the model reports none; NaN where no option was named.
        mass: Probability that the model writes any of the labels at all, shape ``(items,)``; NaN where it is unknown.
        refused: Number of answers that decline to choose.
        errors: Number of items without an answer for infrastructure reasons; their option is -1.
        asked: Whether each item belongs to the condition, shape ``(items,)``.
    """

    condition: Condition
    option: NDArray[np.intp]
    probability: NDArray[np.float64]
    mass: NDArray[np.float64]
    refused: int
    errors: int
    asked: NDArray[np.bool_]

    @property
    def valid(self) -> NDArray[np.bool_]:
        """Whether an option was named, shape ``(items,)``."""
        return self.option >= 0

    @property
    def position(self) -> NDArray[np.intp]:
        """Place of the chosen option in the list, from 0; -1 without one, shape ``(items,)``."""
        places = np.argsort(self.condition.order)
        return np.where(self.valid, places[self.option], -1)

    def scores(self, key: ScoringKey) -> NDArray[np.float64]:
        """Return the score of each answer, the key applied; NaN without an answer, shape ``(items,)``."""
        rows = np.arange(len(self.option))
        return np.where(self.valid, key.values[rows, self.option], np.nan)

    def expected(self, key: ScoringKey) -> NDArray[np.float64]:
        """Return the expected score under the probabilities; NaN without an answer, shape ``(items,)``."""
        return np.asarray((self.probability * key.values).sum(1))


def answers_of(condition: Condition, key: ScoringKey, option: Sequence[int] | NDArray[np.intp]) -> Answers:
    """Return answers without probabilities.

    Args:
        condition: The condition.
        key: Key of the instrument.
        option: Number of the chosen option of each item, -1 for none.
    """
    chosen = np.asarray(option, dtype=np.intp)
    n, k = key.values.shape
    probability = np.full((n, k), np.nan)
    rows = np.flatnonzero(chosen >= 0)
    probability[rows] = 0.0
    probability[rows, chosen[rows]] = 1.0
    return Answers(condition, chosen, probability, np.full(n, np.nan), 0, 0, np.ones(n, dtype=bool))


def collect(records: Iterable[EpisodeRecord], keys: Mapping[str, ScoringKey]) -> dict[Condition, Answers]:
    """Return the answers of every condition of which all items are there.

    Args:
        records: Records of the run, in any order.
        keys: Keys of the instruments, by name.
    """
    found: dict[Condition, list[EpisodeRecord]] = {}
    for record in sorted(records, key=lambda each: each.index):
        found.setdefault(Condition.from_dict(record.info["condition"]), []).append(record)
    complete = {}
    for condition, own in found.items():
        key = keys[condition.instrument]
        asked = np.ones(len(key.ids), dtype=bool)
        if condition.persona:
            asked = key.trait == key.traits.index(condition.persona.partition(":")[2])
        if len(own) >= asked.sum():
            complete[condition] = _read(condition, key, asked, own)
    return complete


def _read(condition: Condition, key: ScoringKey, asked: NDArray[np.bool_], records: Sequence[EpisodeRecord]) -> Answers:
    n, k = key.values.shape
    option, mass = np.full(n, -1, dtype=np.intp), np.full(n, np.nan)
    probability = np.full((n, k), np.nan)
    for row, record in zip(np.flatnonzero(asked), records, strict=False):
        chosen = record.info.get("option")
        if record.outcome == "error" or chosen is None:
            continue
        option[row] = chosen
        logprobs = _logprobs(record, k)
        if logprobs is None:
            probability[row] = 0.0
            probability[row, chosen] = 1.0
        else:
            weights = np.exp(logprobs - logprobs.max())
            probability[row, list(condition.order)] = weights / weights.sum()
            mass[row] = math.fsum(np.exp(logprobs))
    refused = sum(bool(record.info.get("refused")) for record in records)
    errors = sum(record.outcome == "error" for record in records)
    return Answers(condition, option, probability, mass, refused, errors, asked)


def _logprobs(record: EpisodeRecord, k: int) -> NDArray[np.float64] | None:
    """Return the log-probability of the label at each position; ``None`` if the record has none."""
    for decision in decisions_of(record) if record.decisions else ():
        scores = [candidate.get("logprob") for candidate in decision.get("candidates", ())]
        if decision.get("method") == "choice" and len(scores) == k and None not in scores:
            return np.array(scores, dtype=np.float64)
    return None
