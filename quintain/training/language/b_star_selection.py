"""What self-training keeps of its samples: exploration, exploitation and their balance (B-STaR).

Zeng et al. 2024 (arXiv 2412.17256). Everything here is a pure function of stored samples, so other thresholds are tried
without asking the model again. A sample's reward is R = 1[right] + weight * (smallest score of its steps).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from quintain.arguments import check_number
from quintain.errors import ConfigurationError

__all__ = [
    "Configuration",
    "Sample",
    "balance_score",
    "best_configuration",
    "diversity",
    "pass_at",
    "reward_at",
    "sample_reward",
    "select_samples",
    "smallest_cap",
]

_EQUATION = re.compile(r"[^\s=<>]+=[^\s<>]+")


@dataclass(frozen=True, slots=True)
class Sample:
    """One answer to one query.

    Attributes:
        query: Number of the query.
        text: The answer as the model wrote it.
        right: Whether it is right.
        reward: Its reward R, which selects it.
        number: Number of the sample among those of the query, from 0. Default: 0.
    """

    query: int
    text: str
    right: bool
    reward: float
    number: int = 0


@dataclass(frozen=True, slots=True)
class Configuration:
    """How samples are drawn and selected.

    Attributes:
        temperature: Sampling temperature.
        threshold: Samples with a reward above it are kept.
        cap: Maximum number of samples that are kept of a query.
        balance: Mean balance score, in [0, 1], of at least ``target`` samples of a query.
        kept: Number of samples that are kept.
    """

    temperature: float
    threshold: float
    cap: int
    balance: float
    kept: int


def sample_reward(right: bool, step_scores: Sequence[float] = (), weight: float = 0.2) -> float:
    """Return R = 1[right] + weight * min(step scores); without steps the second part is 0.

    Raises:
        ConfigurationError: If a step score is not finite.

    Example:
        >>> sample_reward(True, [1.0, -0.5]), sample_reward(False)
        (0.9, 0.0)
    """
    if not all(math.isfinite(score) for score in step_scores):
        raise ConfigurationError(
            f"step scores must be finite, got {list(step_scores)}; give a step without a score a low one, such as -5"
        )
    return float(right) + (weight * min(step_scores) if len(step_scores) else 0.0)


def pass_at(samples: Iterable[Sample], distinct: int = 1) -> float:
    """Return Pass@K-S: the share of queries with at least S different right answers among their K samples.

    Args:
        samples: K samples of each query.
        distinct: S, >= 1; 1 is Pass@K. Default: 1.

    Example:
        >>> pass_at([Sample(0, "a", True, 1.0), Sample(0, "a", True, 1.0)], 2)
        0.0
    """
    check_number("distinct", distinct, low=1, integer=True)
    return _share(len({s.text for s in answers if s.right}) >= distinct for answers in _by_query(samples).values())


def reward_at(samples: Iterable[Sample], top: int = 1) -> float:
    """Return Reward@K-S: the share of queries whose S samples of the highest reward are all right.

    Of equal rewards the earlier sample is taken. A query with fewer than S samples counts as none.

    Args:
        samples: K samples of each query.
        top: S, >= 1; 1 is best-of-K. Default: 1.
    """
    check_number("top", top, low=1, integer=True)
    return _share(
        len(answers) >= top and all(s.right for s in _ranked(answers)[:top]) for answers in _by_query(samples).values()
    )


def diversity(samples: Iterable[Sample]) -> float:
    """Return the share of different equations among those of a query's samples, as a mean over queries.

    A text without an equation counts as one. Without samples it is 0. The paper's is that of the selected samples.

    Example:
        >>> diversity([Sample(0, "1+1=2 2+2=4", True, 1.0), Sample(0, "1+1=2", True, 1.0)])
        0.6666666666666666
    """
    shares = []
    for answers in _by_query(samples).values():
        found = [part for s in answers for part in _EQUATION.findall(s.text) or [s.text]]
        shares.append(len(set(found)) / len(found))
    return sum(shares) / len(shares) if shares else 0.0


def select_samples(samples: Iterable[Sample], threshold: float, cap: int) -> list[Sample]:
    """Return of each query the ``cap`` different samples of the highest reward above the threshold, best first."""
    kept: list[Sample] = []
    for answers in _by_query(samples).values():
        different: dict[str, Sample] = {}
        for sample in _ranked(answers):
            if sample.reward > threshold:
                different.setdefault(sample.text, sample)
        kept += list(different.values())[:cap]
    return kept


def smallest_cap(samples: Iterable[Sample], threshold: float, size: int, maximum: int = 64) -> int:
    """Return the smallest cap with which at least ``size`` samples are kept; ``maximum`` where none suffices."""
    counts = [len(answers) for answers in _by_query(select_samples(samples, threshold, maximum)).values()]
    return next((cap for cap in range(1, maximum) if sum(min(cap, n) for n in counts) >= size), maximum)


def balance_score(kept: Iterable[Sample], target: int, queries: int | None = None) -> float:
    """Return the mean of bs = min(n'/n*, 1) * (n'/n) over queries: enough different right answers, and few wrong ones.

    n is the number of kept samples of a query, and n' that of the right ones among them.

    Args:
        kept: Selected samples, all of a query different.
        target: n*, >= 1; the paper's is 8.
        queries: Number of queries, of which those without a kept sample count 0; ``None`` leaves them out, as the
            released code does. Default: ``None``.

    Example:
        >>> balance_score([Sample(0, "a", True, 1.0), Sample(0, "b", False, 0.1)], target=2)
        0.25
    """
    check_number("target", target, low=1, integer=True)
    found = [list(answers) for answers in _by_query(kept).values()]
    scores = [min(sum(s.right for s in a) / target, 1.0) * (sum(s.right for s in a) / len(a)) for a in found]
    number = len(scores) if queries is None else queries
    return sum(scores) / number if number else 0.0


def best_configuration(
    tables: Mapping[float, Sequence[Sample]],
    thresholds: Sequence[float],
    *,
    size: int,
    target: int = 3,
    maximum: int = 64,
    count_unanswered: bool = True,
) -> Configuration:
    """Return the temperature and the threshold with the highest balance score; of equal ones the first.

    The balance score is that of at least ``target`` samples of a query, even where the cap is lower: otherwise queries
    with few right answers would score as high as those with many.

    Args:
        tables: Samples of the same queries, by temperature.
        thresholds: Thresholds to try.
        size: Number of samples that are to be kept, >= 1; it sets the cap.
        target: n* of the balance score, >= 1. Default: 3, for 8 samples of a query.
        maximum: Maximum cap, >= 1. Default: 64.
        count_unanswered: Whether queries without a kept sample count 0. Default: true.

    Raises:
        ConfigurationError: If there is no temperature or no threshold.
    """
    if not tables or not thresholds:
        raise ConfigurationError(
            f"there is nothing to choose from: {len(tables)} temperatures and {len(thresholds)} thresholds"
        )
    found = []
    for temperature, samples in tables.items():
        number = len({s.query for s in samples}) if count_unanswered else None
        for threshold in thresholds:
            cap = smallest_cap(samples, threshold, size, maximum)
            kept = len(select_samples(samples, threshold, cap))
            balance = balance_score(select_samples(samples, threshold, max(cap, target)), target, number)
            found.append(Configuration(temperature, threshold, cap, balance, kept))
    return max(found, key=lambda c: c.balance)


def _by_query(samples: Iterable[Sample]) -> dict[int, list[Sample]]:
    found: dict[int, list[Sample]] = {}
    for sample in samples:
        found.setdefault(sample.query, []).append(sample)
    return found


def _ranked(samples: Sequence[Sample]) -> list[Sample]:
    return sorted(samples, key=lambda s: -s.reward)


def _share(values: Iterable[bool]) -> float:
    listed = list(values)
    return sum(listed) / len(listed) if listed else 0.0
