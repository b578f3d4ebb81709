"""How often the tests reject where nothing differs, and where something does, by simulation of true profiles."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from quintain.evaluation.interval import Interval
from quintain.evaluation.rank_tests import mann_whitney, wilcoxon
from quintain.evaluation.statistics import rate

__all__ = ["Calibration", "calibrate"]


@dataclass(frozen=True, slots=True)
class Calibration:
    """Rejection rates at 0.05 for a respondent with a true profile.

    Attributes:
        items: Number of items of a trait.
        shift: Difference of the two administrations, in points of the scale; 0 for none, where rejections are false.
        mann_whitney: Rejection rate of the U test.
        wilcoxon: Rejection rate of the signed-rank test.
    """

    items: int
    shift: float
    mann_whitney: Interval
    wilcoxon: Interval


def calibrate(
    items: int,
    shift: float = 0.0,
    *,
    profiles: int = 1_000,
    noise: float = 1.0,
    spread: float = 0.0,
    levels: int = 5,
    seed: int = 0,
) -> Calibration:
    """Simulate respondents with a true profile who answer the items of a trait twice.

    The trait of a respondent is uniform in the middle half of the scale; an answer is trait + offset of the item +
    noise, rounded to a point of the scale, and the second time also + shift.

    Args:
        items: Number of items, >= 2.
        shift: See above.
        profiles: Number of respondents, each with one trait.
        noise: Standard deviation of the noise of an answer, in points, > 0.
        spread: Standard deviation of the offsets of items, which both administrations share, in points, >= 0. The U
            test does not know that the items are the same, and with a spread it rejects too rarely.
        levels: Number of points of the scale, >= 2.
        seed: Seed of the simulation.
    """
    rng = np.random.default_rng(seed)
    span = levels - 1
    trait = rng.uniform(1 + span / 4, levels - span / 4, (profiles, 1))
    offset = spread * rng.standard_normal((profiles, items))

    def administer(moved: float) -> np.ndarray:
        answer = trait + offset + moved + noise * rng.standard_normal((profiles, items))
        return np.clip(np.rint(answer), 1, levels)

    first, second = administer(0.0), administer(shift)
    rejected = [int((p < 0.05).sum()) for p in (mann_whitney(first, second).p_value, wilcoxon(first - second).p_value)]
    return Calibration(items, shift, *(rate(count, profiles, unit="profiles") for count in rejected))
