"""Several answers to each item: pass@k and majority votes, with intervals over items."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quintain.errors import ConfigurationError
from quintain.evaluation.items import repeated
from quintain.evaluation.statistics import Interval, mean

__all__ = ["Majority", "Repeats", "pass_at_k"]


def pass_at_k(n: int, c: int, k: int) -> float:
    """Return the unbiased estimate of the probability that at least one of ``k`` answers is right.

    pass@k = 1 - C(n - c, k) / C(n, k) (Chen et al. 2021, equation 1), computed as a product as in their figure 3.

    Args:
        n: Number of answers, >= k.
        c: Number of right answers among them, in [0, n].
        k: Number of answers of which one has to be right, >= 1.

    Raises:
        ValueError: If a number is out of range.

    Example:
        >>> pass_at_k(4, 1, 1), pass_at_k(4, 1, 2), pass_at_k(4, 1, 4)
        (0.25, 0.5, 1.0)
    """
    if not (1 <= k <= n and 0 <= c <= n):
        raise ValueError(f"expected 1 <= k <= n and 0 <= c <= n, got n={n}, c={c}, k={k}")
    if n - c < k:
        return 1.0
    return 1.0 - float(np.prod(1.0 - k / np.arange(n - c + 1, n + 1)))


@dataclass(frozen=True, slots=True)
class Majority:
    """Majority votes over the answers to each item.

    Attributes:
        rate: Share of items whose most frequent answer is right, with its interval over items. Of answers that are
            tied, the share that is right counts; an item without any answer counts as wrong.
        ties: Number of items with a tie for the most frequent answer.
        silent: Number of items without any answer that could be read.
    """

    rate: Interval
    ties: int
    silent: int


class Repeats:
    """The answers to each item of a run. Answers that infrastructure failures prevented are left out.

    Args:
        items: Number of the item of each scored answer, shape ``(n,)``.
        hashes: Label of the item's content, shape ``(n,)``: items with one label are one question drawn twice.
        right: Whether the answer is right, shape ``(n,)``.
        answers: Hash of the extracted answer, shape ``(n,)``; 0 where there is none.
        k: Number of answers that the run asks for, >= 2.
        confidence: Nominal coverage of the intervals, in (0, 1).

    Attributes:
        k: Number of answers that the run asks for, >= 2.
        items: Number of items with an answer.
        complete: Number of items with all ``k`` answers.
        has_answers: Whether the environment reports extracted answers (``info["answer"]``).
    """

    def __init__(
        self,
        items: NDArray[np.int64],
        hashes: NDArray[np.int64],
        right: NDArray[np.bool_],
        answers: NDArray[np.int64],
        k: int,
        confidence: float,
    ) -> None:
        self.k, self._confidence = k, confidence
        self._votes: defaultdict[int, list[tuple[int, bool]]] = defaultdict(list)
        self._labels: dict[int, int] = {}
        for item, label, ok, answer in zip(
            items.tolist(), hashes.tolist(), right.tolist(), answers.tolist(), strict=True
        ):
            self._votes[item].append((answer, ok))
            self._labels[item] = label
        self.items = len(self._votes)
        self.complete = sum(len(votes) == k for votes in self._votes.values())
        self.has_answers = bool(answers.any())

    def pass_at(self, k: int) -> Interval:
        """Estimate pass@k over the items with at least ``k`` answers.

        Args:
            k: Number of answers of which one has to be right, in [1, number of repeats].

        Raises:
            ConfigurationError: If ``k`` is out of range.
        """
        if not 1 <= k <= self.k:
            raise ConfigurationError(f"pass@k needs 1 <= k <= {self.k}, the number of answers to an item; got {k!r}")
        counts = {item: (len(votes), sum(ok for _, ok in votes)) for item, votes in self._votes.items()}
        return self._over_items({item: pass_at_k(n, c, k) for item, (n, c) in counts.items() if n >= k})

    @property
    def shown(self) -> list[int]:
        """The values of k that tables show: 1, 2, 4 and so on, and the number of repeats."""
        return [*(2**power for power in range(self.k.bit_length()) if 2**power < self.k), self.k]

    def majority(self) -> Majority:
        """Estimate how often the most frequent answer is right: maj@k with all answers of an item."""
        scores, ties, silent = {}, 0, 0
        for item, votes in self._votes.items():
            counts = Counter(answer for answer, _ in votes if answer)
            most = max(counts.values(), default=0)
            winners = [answer for answer, count in counts.items() if count == most]
            ties += len(winners) > 1
            silent += not winners
            shares = [_share_right(votes, answer) for answer in winners]
            scores[item] = sum(shares) / len(shares) if shares else 0.0
        notes = [f"{ties:,} of {self.items:,} items tied"] if ties else []
        notes += [f"{silent:,} without an answer"] if silent else []
        found = self._over_items(scores)
        return Majority(replace(found, note="; ".join(filter(None, (*notes, found.note)))), ties, silent)

    def quantities(self) -> dict[str, Interval]:
        """Return pass@k for the values of k that tables show, and maj@k if answers are known, by name."""
        found = {f"pass@{k}": self.pass_at(k) for k in self.shown}
        return found | ({f"maj@{self.k}": self.majority().rate} if self.has_answers else {})

    def to_dict(self) -> dict[str, Any]:
        """Return the summary as JSON-able data."""
        vote = self.majority()
        return {
            "k": self.k,
            "items": self.items,
            "complete": self.complete,
            **{name: interval.to_dict() for name, interval in self.quantities().items()},
            **({"ties": vote.ties, "without_answer": vote.silent} if self.has_answers else {}),
        }

    def _over_items(self, values: dict[int, float]) -> Interval:
        clusters = repeated([self._labels[item] for item in values], alone=True)
        unit = "items" if clusters is None else "different items"
        found = mean(list(values.values()), self._confidence, bounds=(0, 1), clusters=clusters, unit=unit)
        missing = self.items - len(values)
        note = f"{missing:,} items with fewer answers left out" if missing else ""
        return replace(found, note="; ".join(filter(None, (found.note, note))))


def _share_right(votes: Sequence[tuple[int, bool]], answer: int) -> float:
    """Return the share of right ones among equal answers, which scorers that look at more may judge differently."""
    verdicts = [ok for given, ok in votes if given == answer]
    return sum(verdicts) / len(verdicts)
