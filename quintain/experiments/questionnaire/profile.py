"""Trait scores: answers averaged over orders, so that a preference for a position cancels, with ties kept apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from quintain.evaluation.interval import Interval
from quintain.evaluation.statistics import mean
from quintain.experiments.questionnaire.answers import Answers
from quintain.experiments.questionnaire.scoring_key import ScoringKey

__all__ = ["ItemScores", "TraitScore", "item_scores", "option_scores", "trait_scores"]

#: Difference of averaged probabilities below which an item is undecided.
TIE = 1e-6


@dataclass(frozen=True, eq=False)
class ItemScores:
    """Scores of items over several orders.

    Attributes:
        score: Score of each item; NaN where it is undecided or has no answer in some order, shape ``(items,)``.
        undecided: Whether the best high and the best low option have equal averaged probabilities, shape ``(items,)``.
        invalid: Whether an answer is missing in some order, shape ``(items,)``.
    """

    score: NDArray[np.float64]
    undecided: NDArray[np.bool_]
    invalid: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class TraitScore:
    """The score of a trait.

    Attributes:
        trait: The trait.
        template: The template; empty for all of them together.
        score: Mean over its items: of a self-report in points of the scale, of scenarios the share of items with a high
            decision. Items are clusters where several templates are pooled.
        sd: Standard deviation of the items' scores; NaN for fewer than two.
        undecided: Number of undecided items, which are left out.
        invalid: Number of items without an answer in some order, which are left out.
    """

    trait: str
    template: str
    score: Interval
    sd: float
    undecided: int
    invalid: int


def option_scores(answers: Sequence[Answers]) -> NDArray[np.float64]:
    """Return the probability of each option, averaged over orders; NaN where an answer is missing.

    Of forward probabilities (0.6, 0.2, 0.1, 0.1) by position and reversed ones (0.3, 0.5, 0.1, 0.1), with the orders
    (high1, low1, high2, low2) and (low1, high1, low2, high2), the averages are 0.55, 0.25, 0.10 and 0.10 (Lee et al.
    2025, as in the released code).

    Args:
        answers: Answers in different orders, one or more.

    Returns:
        Shape ``(items, options)``, by option number; rows sum to 1.
    """
    return np.asarray(np.mean([each.probability for each in answers], axis=0))


def item_scores(key: ScoringKey, answers: Sequence[Answers]) -> ItemScores:
    """Score each item over orders.

    Of a scenario the score is 1 if the option with the largest averaged probability is a high one, and 0 if it is a low
    one; where the best of both are equal, as for a model that always takes the first option, the item is undecided. The
    released code of TRAIT counts such items as high. Of a self-report it is the mean score of the chosen options.

    Args:
        key: Key of the instrument.
        answers: Answers in different orders, one or more.
    """
    invalid = ~np.all([each.valid for each in answers], axis=0)
    nothing = np.zeros_like(invalid)
    if key.kind != "scenario":
        score = np.mean([each.scores(key) for each in answers], axis=0)
        return ItemScores(np.where(invalid, np.nan, score), nothing, invalid)
    averaged = option_scores(answers)
    high = np.where(key.poles > 0, averaged, -1.0).max(1)
    low = np.where(key.poles < 0, averaged, -1.0).max(1)
    with np.errstate(invalid="ignore"):
        undecided = ~invalid & (np.abs(high - low) <= TIE)
        score = (high > low).astype(np.float64)
    return ItemScores(np.where(invalid | undecided, np.nan, score), undecided, invalid)


def trait_scores(key: ScoringKey, answers: Sequence[Answers], confidence: float = 0.95) -> tuple[TraitScore, ...]:
    """Return the score of each trait for each template, and for all templates together.

    Args:
        key: Key of the instrument.
        answers: Answers in all templates and orders.
        confidence: Nominal coverage of the intervals, in (0, 1).
    """
    templates = list(dict.fromkeys(each.condition.template for each in answers))
    scored = {name: item_scores(key, [a for a in answers if a.condition.template == name]) for name in templates}
    pooled = [""] if len(templates) > 1 else []
    found = []
    for number, trait in enumerate(key.traits):
        own = key.trait == number
        for template in [*pooled, *templates]:
            parts = [scored[name] for name in ([template] if template else templates)]
            values = np.concatenate([part.score[own] for part in parts])
            items = np.tile(np.flatnonzero(own), len(parts))
            kept = ~np.isnan(values)
            score = mean(
                values[kept], confidence, bounds=key.bounds, clusters=items[kept] if len(parts) > 1 else None,
                unit="items",
            )  # fmt: skip
            sd = float(values[kept].std(ddof=1)) if kept.sum() > 1 else float("nan")
            undecided, invalid = (
                sum(int(getattr(p, name)[own].sum()) for p in parts) for name in ("undecided", "invalid")
            )
            found.append(TraitScore(trait, template, score, sd, undecided, invalid))
    return tuple(found)
