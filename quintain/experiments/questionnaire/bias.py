"""What answers follow instead of the item: the position in the list, the label, agreement as such, or nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from quintain.envs.questionnaires.templates import load_template
from quintain.evaluation.interval import Interval
from quintain.evaluation.statistics import mean, rate
from quintain.experiments.questionnaire.answers import Answers
from quintain.experiments.questionnaire.profile import item_scores
from quintain.experiments.questionnaire.scoring_key import ScoringKey

__all__ = ["Bias", "biases"]


@dataclass(frozen=True, slots=True)
class Bias:
    """Biases in one template, over all its orders; shares are of answers, with items as clusters.

    Attributes:
        template: The template.
        invalid: Share of answers that name no option.
        refused: Share of answers that decline to choose; these are part of the invalid ones.
        first: Share of the option that is listed first.
        position: Position that is chosen most often, from 1.
        position_share: Its share.
        label: Label that is chosen most often.
        label_share: Its share.
        content: Share of the option that is chosen most often, wherever it is listed.
        acquiescence: Agreement with statements regardless of their key, in [-1, 1]: the mean of the agreement with
            positively and with negatively keyed items, 0 for a consistent answer; no data for scenarios.
        undecided: Share of items that averaging over the orders leaves undecided.
        mass: Mean probability that any of the labels is written at all; no data where it is unknown.
        chance: Share of each position by chance.
    """

    template: str
    invalid: Interval
    refused: Interval
    first: Interval
    position: int
    position_share: Interval
    label: str
    label_share: Interval
    content: Interval
    acquiescence: Interval
    undecided: float
    mass: Interval
    chance: float


def biases(key: ScoringKey, answers: Sequence[Answers], confidence: float = 0.95) -> tuple[Bias, ...]:
    """Return the biases in each template.

    Args:
        key: Key of the instrument.
        answers: Plain answers of one model, readout and instrument, in all templates and orders.
        confidence: Nominal coverage of the intervals, in (0, 1).
    """
    templates = list(dict.fromkeys(each.condition.template for each in answers))
    return tuple(_bias(key, [a for a in answers if a.condition.template == name], confidence) for name in templates)


def _bias(key: ScoringKey, answers: Sequence[Answers], confidence: float) -> Bias:
    template = answers[0].condition.template
    items = np.concatenate([np.flatnonzero(each.valid) for each in answers])
    option = np.concatenate([each.option[each.valid] for each in answers])
    position = np.concatenate([each.position[each.valid] for each in answers])
    label = np.concatenate([_labels(key, each) for each in answers])

    def share(chosen: np.ndarray) -> Interval:
        clusters = items if len(answers) > 1 else None
        return mean(chosen.astype(float), confidence, bounds=(0, 1), clusters=clusters, unit="items")

    likeliest = Counter(position.tolist()).most_common(1)
    used = Counter(label.tolist()).most_common(1)
    named = Counter(option.tolist()).most_common(1)
    total = sum(int(each.asked.sum()) for each in answers)
    mass = np.concatenate([each.mass[np.isfinite(each.mass)] for each in answers])
    return Bias(
        template,
        rate(total - len(items), total, confidence, unit="answers"),
        rate(sum(each.refused for each in answers), total, confidence, unit="answers"),
        share(position == 0),
        likeliest[0][0] + 1 if likeliest else 0,
        share(position == (likeliest[0][0] if likeliest else -1)),
        used[0][0] if used else "",
        share(label == (used[0][0] if used else "")),
        share(option == (named[0][0] if named else -1)),
        _acquiescence(key, answers, confidence),
        float(item_scores(key, answers).undecided.mean()),
        mean(mass.clip(0, 1), confidence, bounds=(0, 1), unit="answers"),
        1 / key.values.shape[1],
    )


def _labels(key: ScoringKey, answers: Answers) -> np.ndarray:
    """Return the label of each valid answer; of labels that are the options' own texts, the number of the option."""
    kind = load_template(answers.condition.template, key.kind).labels
    n, chosen, position = key.values.shape[1], answers.option[answers.valid], answers.position[answers.valid]
    if kind == "letters":
        return np.array([chr(ord("A") + k) for k in position], dtype=object)
    if kind == "scale":
        return np.array([str(k + 1 if answers.condition.flip else n - k) for k in chosen], dtype=object)
    if kind == "words":
        return np.array([f"option {k + 1}" for k in chosen], dtype=object)
    return np.array([str(k + 1) for k in position], dtype=object)


def _acquiescence(key: ScoringKey, answers: Sequence[Answers], confidence: float) -> Interval:
    """Return the mean agreement, with positively and negatively keyed items at equal weight."""
    n = key.values.shape[1]
    if key.kind == "scenario" or len(set(key.key.tolist())) < 2:
        return mean([], confidence)
    weights = {
        sign: 1 / max(1, sum(int((each.valid & (key.key == sign)).sum()) for each in answers)) for sign in (1, -1)
    }
    total = sum(int(each.valid.sum()) for each in answers)
    values, items = [], []
    for each in answers:
        rows = np.flatnonzero(each.valid)
        agreement = 1 - 2 * each.option[rows] / (n - 1)  # 1 for the first option, -1 for the last
        values.append(agreement * np.array([weights[sign] for sign in key.key[rows]]) * total / 2)
        items.append(rows)
    agreed = np.round(np.concatenate(values), 12)  # so that opposite answers cancel
    found = mean(agreed, confidence, method="t", clusters=np.concatenate(items), unit="items")
    return replace(found, low=max(-1.0, found.low), high=min(1.0, found.high)) if found.low == found.low else found
