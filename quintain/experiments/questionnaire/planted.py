"""Planted respondents, whose answers are known, put through the environment: the self-test before any model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from quintain.envs.questionnaires.env import QuestionnaireEnv
from quintain.envs.questionnaires.instrument import Instrument, Item
from quintain.evaluation.statistics import mean
from quintain.experiments.questionnaire.answers import Answers, answers_of
from quintain.experiments.questionnaire.bias import biases
from quintain.experiments.questionnaire.condition import Condition, conditions_of
from quintain.experiments.questionnaire.profile import item_scores, trait_scores
from quintain.experiments.questionnaire.reliability import Verdict, reliability, verdict_of
from quintain.experiments.questionnaire.scoring_key import ScoringKey
from quintain.experiments.questionnaire.sensitivity import sensitivities

__all__ = ["PLANTED", "Check", "Planted", "play_planted", "self_test"]

#: Returns the number of the option that a respondent chooses, from the item, the order and a generator.
Planted: TypeAlias = Callable[[Item, Sequence[int], np.random.Generator], int]


@dataclass(frozen=True, slots=True)
class Check:
    """A result of the self-test.

    Attributes:
        instrument: The instrument.
        respondent: Name of the planted respondent.
        what: What was computed.
        expected: What must come out.
        found: What came out.
        passed: Whether they agree.
    """

    instrument: str
    respondent: str
    what: str
    expected: str
    found: str
    passed: bool


def _first(item: Item, order: Sequence[int], rng: np.random.Generator) -> int:
    return order[0]


def _agree(item: Item, order: Sequence[int], rng: np.random.Generator) -> int:
    return 0


def _high(item: Item, order: Sequence[int], rng: np.random.Generator) -> int:
    return max(order, key=lambda k: item.options[k].value)


def _low(item: Item, order: Sequence[int], rng: np.random.Generator) -> int:
    return min(order, key=lambda k: item.options[k].value)


def _random(item: Item, order: Sequence[int], rng: np.random.Generator) -> int:
    return int(rng.integers(len(order)))


def _profile(item: Item, order: Sequence[int], rng: np.random.Generator) -> int:
    """Answer by a score of the item that is always the same, and noise of half a point of five."""
    values = np.array(item.values)
    span = float(values.max() - values.min())
    noise = 0.125 * span * rng.standard_normal() if len(set(item.values)) > 2 else 0.0
    wanted = values.min() + span * true_share(item) + noise
    if len(set(item.values)) == 2:  # a scenario: one of the options of the true pole is the respondent's own
        best = [
            k for k in range(len(values)) if values[k] == (values.max() if true_share(item) > 0.5 else values.min())
        ]
        return best[sum(map(ord, item.id)) % len(best)]
    return int(np.abs(values - wanted).argmin())


def true_share(item: Item) -> float:
    """Return the true score of the planted profile on an item, in [0, 1]: a level of the trait, and one of the item."""
    level = 0.3 + 0.4 * (sum(map(ord, item.trait)) % 7) / 6
    offset = (sum((k + 1) * ord(letter) for k, letter in enumerate(item.id + item.text[:8])) % 101) / 100 - 0.5
    return float(np.clip(level + (0.8 if len(set(item.values)) == 2 else 0.3) * offset, 0, 1))


#: The respondents by name.
PLANTED: dict[str, Planted] = {
    "always first": _first,
    "always agree": _agree,
    "always high": _high,
    "always low": _low,
    "random": _random,
    "true profile": _profile,
}


def play_planted(
    respondent: Planted,
    instrument: Instrument,
    data: Any,
    conditions: Sequence[Condition],
    seed: int = 0,
    **kwargs: Any,
) -> list[Answers]:
    """Let a planted respondent answer all items, in the words of each condition's labels, and read the answers.

    Args:
        respondent: The respondent.
        instrument: The instrument with the items that are posed.
        data: What the environment takes as ``instrument``.
        conditions: The conditions.
        seed: Seed of the respondent's choices.
        kwargs: Further arguments of the environment: which items.
    """
    rng, key, found = np.random.default_rng(seed), ScoringKey.of(instrument), []
    for condition in conditions:
        env = QuestionnaireEnv(data, **{**condition.env_kwargs(instrument), **kwargs})
        options = []
        for number, item in enumerate(env.instrument.items):
            _, info = env.reset(options={"item": number})
            option = respondent(item, condition.order, rng)
            *_, info = env.step(info["labels"][condition.order.index(option)])
            options.append(-1 if info["option"] is None else info["option"])
        found.append(answers_of(condition, key, options))
    return found


def self_test(
    instrument: Instrument, data: Any, templates: Sequence[str], orders: str, seed: int = 0, **kwargs: Any
) -> list[Check]:
    """Check that the planted respondents are recovered.

    Args:
        instrument: The instrument with the items that are posed.
        data: What the environment takes as ``instrument``.
        templates: Names of the templates.
        orders: Name of the set of orders.
        seed: Seed of the random respondents.
        kwargs: Further arguments of the environment: which items.
    """
    key = ScoringKey.of(instrument)
    conditions = list(
        conditions_of(
            ("planted", "choice", instrument.name), instrument, templates, orders, flips=False, paraphrases=False
        )
    )
    checks: list[Check] = []
    for name, respondent in PLANTED.items():
        if name == "always agree" and key.kind == "scenario":
            continue
        answers = play_planted(respondent, instrument, data, conditions, seed, **kwargs)
        for what, expected, shown, passed in _EXPECT[name](key, instrument, answers):
            checks.append(Check(instrument.name, name, what, expected, shown, passed))
    return checks


_Result: TypeAlias = tuple[str, str, str, bool]


def _expect_first(key: ScoringKey, instrument: Instrument, answers: Sequence[Answers]) -> list[_Result]:
    share = float(np.mean([each.position == 0 for each in answers]))
    found = [("share of the first option", "100 %", f"{100 * share:.0f} %", share == 1)]
    one = [each for each in answers if each.condition.template == answers[0].condition.template]
    if key.kind == "scenario" and len(one) > 1:
        undecided = float(item_scores(key, one).undecided.mean())
        found.append(("undecided items", "100 %", f"{100 * undecided:.0f} %", undecided == 1))
    elif len(one) > 1:
        usable = _verdict(key, answers).is_usable
        found.append(("verdict", "not usable", _usable(usable), not usable))
    return found


def _expect_agree(key: ScoringKey, instrument: Instrument, answers: Sequence[Answers]) -> list[_Result]:
    tests = reliability(key, answers)
    rejected = sum(tests.counts(respect)[0] for respect in tests.respects)
    scores = {
        each.trait: each.score.estimate for each in trait_scores(key, answers) if not each.template or not tests.tests
    }
    n = key.values.shape[1]
    balance = {t: (n * plus + minus) / (plus + minus) for t, (plus, minus) in instrument.balance().items()}
    worst = max((abs(scores[t] - balance[t]) for t in scores), default=0.0)
    found = [
        ("rejected pairs", "0", str(rejected), rejected == 0),
        ("distance of trait scores from the balance of keys", "0", f"{worst:.2g}", worst < 1e-9),
    ]
    if len(set(key.key.tolist())) > 1:
        index = max(one.acquiescence.estimate for one in biases(key, answers))
        found.append(("acquiescence", "1", f"{index:.2g}", abs(index - 1) < 1e-9))
    return found


def _expect_end(share: float) -> Callable[[ScoringKey, Instrument, Sequence[Answers]], list[_Result]]:
    def expect(key: ScoringKey, instrument: Instrument, answers: Sequence[Answers]) -> list[_Result]:
        low, high = key.bounds
        found = [(one.score.estimate - low) / (high - low) for one in trait_scores(key, answers)]
        shown = f"{100 * min(found):.0f} to {100 * max(found):.0f} %"
        return [("trait scores in per cent of their range", f"{100 * share:.0f} %", shown, {*found} == {share})]

    return expect


def _expect_random(key: ScoringKey, instrument: Instrument, answers: Sequence[Answers]) -> list[_Result]:
    scores = np.concatenate([each.scores(key) for each in answers])
    found = mean(scores, bounds=key.bounds, unit="answers")
    passed = found.n < 2 or found.low <= key.middle <= found.high
    return [("mean score", f"{key.middle:g} within the interval", str(found), passed)]


def _expect_profile(key: ScoringKey, instrument: Instrument, answers: Sequence[Answers]) -> list[_Result]:
    low, high = key.bounds
    verdict = _verdict(key, answers)
    found: list[_Result] = [("verdict", "usable", _usable(verdict.is_usable), verdict.is_usable)]
    shares = np.array([true_share(item) for item in instrument.items])
    true = low + (high - low) * (shares > 0.5 if key.kind == "scenario" else shares)
    scores = {one.trait: one.score.estimate for one in trait_scores(key, answers)}
    worst = max(abs(scores[trait] - true[key.trait == number].mean()) for number, trait in enumerate(key.traits))
    limit = 0.075 * (high - low) * max(1.0, (20 * len(key.traits) / len(key.ids)) ** 0.5)
    found.append(
        ("largest distance of a trait from the truth", f"<= {limit:.2g}", f"{worst:.2g}", bool(worst <= limit))
    )
    return found


def _verdict(key: ScoringKey, answers: Sequence[Answers]) -> Verdict:
    return verdict_of(reliability(key, answers), sensitivities(key, answers), biases(key, answers))


def _usable(is_usable: bool) -> str:
    return "usable" if is_usable else "not usable"


_EXPECT: dict[str, Callable[[ScoringKey, Instrument, Sequence[Answers]], list[_Result]]] = {
    "always first": _expect_first,
    "always agree": _expect_agree,
    "always high": _expect_end(1.0),
    "always low": _expect_end(0.0),
    "random": _expect_random,
    "true profile": _expect_profile,
}
