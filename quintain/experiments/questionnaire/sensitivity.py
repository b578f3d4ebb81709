"""How often the chosen option changes between two conditions that a reader would call equivalent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from quintain.evaluation.interval import Interval
from quintain.evaluation.statistics import mean
from quintain.experiments.questionnaire.answers import Answers
from quintain.experiments.questionnaire.scoring_key import ScoringKey

__all__ = ["Pair", "Sensitivity", "pairs_of", "sensitivities"]

#: Two conditions that differ in one respect.
Pair = tuple[Answers, Answers]


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """How sensitive the answers are to one respect.

    Attributes:
        respect: ``"template"``, ``"order"``, ``"scale"`` or ``"paraphrase"``.
        option: Share of items whose chosen option (not its letter) differs, averaged over pairs; items are clusters.
        pole: Share of items whose pole differs.
        chance: The same shares for two random answers: of options, and of poles.
        pairs: Number of pairs of conditions.
    """

    respect: str
    option: Interval
    pole: Interval
    chance: tuple[float, float]
    pairs: int


def pairs_of(answers: Sequence[Answers]) -> dict[str, list[Pair]]:
    """Return the pairs of conditions that differ in one respect: template, order, ends of the scale, or paraphrase.

    Args:
        answers: The answers of one model, readout and instrument.
    """
    found: dict[str, list[Pair]] = {"template": [], "order": [], "scale": [], "paraphrase": []}
    for one, two in combinations([each for each in answers if not each.condition.persona], 2):
        a, b = one.condition, two.condition
        same = {name: getattr(a, name) == getattr(b, name) for name in ("template", "order", "flip", "paraphrase")}
        if sum(not equal for equal in same.values()) != 1:
            continue
        if a.is_plain and b.is_plain:
            found["order" if same["template"] else "template"].append((one, two))
        elif not same["flip"]:
            found["scale"].append((one, two))
        elif not same["paraphrase"]:
            found["paraphrase"].append((one, two))
    return {respect: pairs for respect, pairs in found.items() if pairs}


def sensitivities(key: ScoringKey, answers: Sequence[Answers], confidence: float = 0.95) -> tuple[Sensitivity, ...]:
    """Return the sensitivity to each respect that was varied.

    Items without an answer in one of the two conditions are left out of the pair.

    Args:
        key: Key of the instrument.
        answers: The answers of one model, readout and instrument.
        confidence: Nominal coverage of the intervals, in (0, 1).
    """
    found = []
    for respect, pairs in pairs_of(answers).items():
        options, poles, items = [], [], []
        for one, two in pairs:
            rows = np.flatnonzero(one.valid & two.valid)
            a, b = one.option[rows], two.option[rows]
            options.append(a != b)
            poles.append(key.poles[rows, a] != key.poles[rows, b])
            items.append(rows)
        clusters = np.concatenate(items) if len(pairs) > 1 else None
        shares = [
            mean(np.concatenate(each).astype(float), confidence, bounds=(0, 1), clusters=clusters, unit="items")
            for each in (options, poles)
        ]
        found.append(Sensitivity(respect, shares[0], shares[1], key.chance, len(pairs)))
    return tuple(found)
