"""Whether scores change between equivalent conditions: tests of each trait and pair, and one verdict.

Source: Gupta et al. 2024, arXiv 2309.08163: two-sided Mann-Whitney U tests at 0.05, trait by trait, for pairs of
templates and for pairs of orders. As the items of both conditions are the same, paired tests stand beside them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from quintain.evaluation.interval import Interval
from quintain.evaluation.ordinal_agreement import krippendorff_alpha, weighted_kappa
from quintain.evaluation.rank_tests import equivalence_test, mann_whitney, sign_flip_test, wilcoxon
from quintain.evaluation.significance import holm
from quintain.evaluation.statistics import mean
from quintain.experiments.questionnaire.answers import Answers
from quintain.experiments.questionnaire.bias import Bias
from quintain.experiments.questionnaire.scoring_key import ScoringKey
from quintain.experiments.questionnaire.sensitivity import Sensitivity, pairs_of

__all__ = ["ALPHA", "PairTest", "Reliability", "Verdict", "reliability", "verdict_of"]

#: Level of the tests.
ALPHA = 0.05
#: Margin of equivalence, as a share of the range of scores: 0.5 points of a scale from 1 to 5.
MARGIN = 1 / 8
#: Absolute acquiescence, and share of one option, above which an instrument is not usable.
_MAX_ACQUIESCENCE, _MAX_SHARE = 0.5, 0.95


@dataclass(frozen=True, slots=True)
class PairTest:
    """Tests of one trait between two conditions that differ in one respect.

    Attributes:
        respect: ``"template"``, ``"order"``, ``"scale"`` or ``"paraphrase"``.
        first: The first condition, in words.
        second: The second condition.
        trait: The trait.
        n: Number of items with an answer in both.
        shift: Mean score of the first minus that of the second, paired by item.
        mann_whitney: p-value of the two-sided U test, as published, which treats the items as independent samples; NaN
            with fewer than two items.
        wilcoxon: p-value of the signed-rank test on the differences of the items.
        sign_flip: p-value of the sign-flip test on these differences.
        effect: Rank-biserial correlation of the U test, in [-1, 1].
        equivalence: p-value of the test that the mean difference is within :data:`MARGIN` of the range.
        kappa: Cohen's kappa of the chosen scores, with quadratic weights.
    """

    respect: str
    first: str
    second: str
    trait: str
    n: int
    shift: Interval
    mann_whitney: float
    wilcoxon: float
    sign_flip: float
    effect: float
    equivalence: float
    kappa: float


@dataclass(frozen=True)
class Reliability:
    """All tests of one model, readout and instrument.

    Attributes:
        tests: The tests, on the chosen answers.
        expected: Number of rejections of the U test on expected scores, by respect; empty without probabilities.
        alpha: Krippendorff's alpha of the items' scores over all plain conditions.
    """

    tests: tuple[PairTest, ...]
    expected: dict[str, int]
    alpha: float

    def counts(self, respect: str) -> tuple[int, int, int]:
        """Return how many tests of a respect reject at :data:`ALPHA`: U test, signed ranks; and how many there are."""
        own = [test for test in self.tests if test.respect == respect and not math.isnan(test.mann_whitney)]
        return sum(t.mann_whitney < ALPHA for t in own), sum(t.wilcoxon < ALPHA for t in own), len(own)

    @property
    def respects(self) -> tuple[str, ...]:
        """What was varied."""
        return tuple(dict.fromkeys(test.respect for test in self.tests))

    def failing(self) -> list[PairTest]:
        """Return the tests that reject after Holm's correction, by U or signed ranks, and are not equivalent.

        The correction is for all tests of one respect.
        """
        found = []
        for respect in self.respects:
            own = [test for test in self.tests if test.respect == respect]
            adjusted = [holm([getattr(test, name) for test in own]) for name in ("mann_whitney", "wilcoxon")]
            for test, *p_values in zip(own, *adjusted, strict=True):
                if min(p_values) < ALPHA and not test.equivalence < ALPHA:
                    found.append(test)
        return found


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether an instrument measures something of a model.

    Attributes:
        is_usable: Whether nothing speaks against it.
        reasons: What speaks against it.
    """

    is_usable: bool
    reasons: tuple[str, ...]


def reliability(key: ScoringKey, answers: Sequence[Answers], confidence: float = 0.95) -> Reliability:
    """Test every trait in every pair of conditions that differ in one respect.

    Args:
        key: Key of the instrument.
        answers: The answers of one model, readout and instrument.
        confidence: Nominal coverage of the intervals, in (0, 1).
    """
    tests: list[PairTest] = []
    expected: dict[str, int] = {}
    with_probabilities = all(np.isfinite(each.mass).any() for each in answers)
    for respect, pairs in pairs_of(answers).items():
        for one, two in pairs:
            a, b = one.scores(key), two.scores(key)
            for number in range(len(key.traits)):
                rows = np.flatnonzero((key.trait == number) & one.valid & two.valid)
                tests.append(_test(key, respect, (one, two), number, a[rows], b[rows], confidence))
                if with_probabilities and len(rows) > 1:
                    p = float(mann_whitney(one.expected(key)[rows], two.expected(key)[rows]).p_value)
                    expected[respect] = expected.get(respect, 0) + (p < ALPHA)
    plain = [each.scores(key) for each in answers if each.condition.is_plain]
    return Reliability(tuple(tests), expected, krippendorff_alpha(plain) if plain else math.nan)


def _test(
    key: ScoringKey,
    respect: str,
    pair: tuple[Answers, Answers],
    trait: int,
    a: NDArray[np.float64],
    b: NDArray[np.float64],
    confidence: float,
) -> PairTest:
    low, high = key.bounds
    labels = [each.condition.label(key.kind) for each in pair]
    shift = mean(a - b, confidence, bounds=(low - high, high - low), unit="items")  # tested by ranks
    found = [math.nan] * 6
    if len(a) > 1:
        u, signed = mann_whitney(a, b), wilcoxon(a - b)
        found = [
            float(u.p_value), float(signed.p_value), sign_flip_test(a - b, resamples=1_999), float(u.effect),
            equivalence_test(a - b, MARGIN * (high - low)), weighted_kappa(a, b, np.unique(key.values).tolist()),
        ]  # fmt: skip
    return PairTest(respect, labels[0], labels[1], key.traits[trait], len(a), shift, *found)


def verdict_of(found: Reliability, changes: Sequence[Sensitivity], bias: Sequence[Bias]) -> Verdict:
    """Return the verdict: usable only if no test fails, and the answers vary with what the items say.

    A test fails if it rejects after Holm's correction for all tests of its respect, unless the two conditions are
    equivalent within the margin. Tests of means do not see changes that cancel, nor that answers never vary or agree
    with everything; so the chosen option must also be shown to change less often than by chance (the upper end of its
    interval lies below chance), and the answers must not be biased
    beyond use.

    Args:
        found: The tests.
        changes: How often the chosen option changes, by respect.
        bias: The biases, template by template.
    """
    reasons = []
    for one in changes:
        if one.option.n and not one.option.high < one.chance[0]:
            share = f"{100 * one.option.estimate:.0f} %, by chance {100 * one.chance[0]:.0f} %"
            reasons.append(f"not shown to change less often than by chance with the {_WORDS[one.respect]} ({share})")
    failing = found.failing()
    for respect in found.respects:
        own, of = sum(t.respect == respect for t in failing), found.counts(respect)[2]
        if own:
            reasons.append(f"scores depend on the {_WORDS[respect]} ({own} of {of} tests)")
    if not any(not math.isnan(test.mann_whitney) for test in found.tests):
        reasons.append("too few answers for any test")
    reasons += [reason for each in bias for reason in _biased(each)]
    return Verdict(not reasons, tuple(reasons))


def _biased(one: Bias) -> Iterator[str]:
    where = f" ({one.template})"
    if one.invalid.estimate > 0.5:
        yield f"most items have no answer{where}"
    elif one.content.estimate > _MAX_SHARE:
        yield f"always the same option{where}"
    if abs(one.acquiescence.estimate) > _MAX_ACQUIESCENCE:
        yield f"agreement whatever the statement says, acquiescence {one.acquiescence.estimate:.2f}{where}"
    if one.undecided > 0.5:
        yield f"most items are undecided{where}"


_WORDS = {
    "template": "template", "order": "order of the options", "scale": "ends of the scale", "paraphrase": "wording",
}  # fmt: skip
