"""Manipulation check of personas: does asking for a high or a low scorer move the score?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from quintain.evaluation.interval import Interval
from quintain.evaluation.statistics import mean, paired_difference
from quintain.experiments.questionnaire.answers import Answers
from quintain.experiments.questionnaire.profile import item_scores
from quintain.experiments.questionnaire.scoring_key import ScoringKey

__all__ = ["PersonaCheck", "persona_checks"]


@dataclass(frozen=True, slots=True)
class PersonaCheck:
    """Scores of one trait with the personas of its two poles.

    Attributes:
        trait: The trait.
        high: Score with the persona of a high scorer.
        low: Score with that of a low scorer.
        difference: High minus low, paired by the items that are decided in both.
    """

    trait: str
    high: Interval
    low: Interval
    difference: Interval


def persona_checks(key: ScoringKey, answers: Sequence[Answers], confidence: float = 0.95) -> tuple[PersonaCheck, ...]:
    """Return the check of each trait of which both personas were played.

    Args:
        key: Key of the instrument.
        answers: The answers of one model, readout and instrument.
        confidence: Nominal coverage of the intervals, in (0, 1).
    """
    found = []
    for number, trait in enumerate(key.traits):
        scores = []
        for pole in ("high", "low"):
            own = [each for each in answers if each.condition.persona == f"{pole}:{trait}"]
            if own:
                scores.append(item_scores(key, own).score[key.trait == number])
        if len(scores) < 2:
            continue
        kept = ~np.isnan(scores[0]) & ~np.isnan(scores[1])
        ends = [mean(each[~np.isnan(each)], confidence, bounds=key.bounds, unit="items") for each in scores]
        difference = paired_difference(scores[0][kept], scores[1][kept], confidence, bounds=key.bounds, unit="items")
        found.append(PersonaCheck(trait, ends[0], ends[1], difference))
    return tuple(found)
