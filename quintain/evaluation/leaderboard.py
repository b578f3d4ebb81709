"""Comparison of many runs: ranks with their uncertainty, and paired differences corrected for their number."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path
from typing import Any, Literal

from quintain.errors import ConfigurationError
from quintain.evaluation.compare import compare, pair
from quintain.evaluation.manifest import agent_title
from quintain.evaluation.report import Report
from quintain.evaluation.significance import holm
from quintain.evaluation.statistics import Interval
from quintain.evaluation.tabular import Row, Tabular, ends_of, interval_row

__all__ = ["Leaderboard", "PairedDifference", "Standing", "leaderboard"]


@dataclass(frozen=True, slots=True)
class Standing:
    """One run's place among others.

    Attributes:
        name: Name of the run.
        score: Success rate, or mean return where not all runs define success, over the items that all runs share.
        rank: 1 + the number of runs with a higher score.
        best: Lowest rank that the data allow: 1 + the number of runs that are significantly better.
        worst: Highest rank that the data allow: the number of runs - the number of those that are significantly worse.
        left_out: Number of the run's episodes that are not compared: of items that another run lacks or failed at.
        errors: Number of the run's episodes that failed and are not scored.
        run: The run folder; empty if the run is in memory.
    """

    name: str
    score: Interval
    rank: int
    best: int
    worst: int
    left_out: int
    errors: int
    run: str


@dataclass(frozen=True, slots=True)
class PairedDifference:
    """Difference of two runs over the items that all runs share.

    Attributes:
        first: Name of the run of the better rank.
        second: Name of the other run.
        difference: First minus second, with its interval, which is not corrected for the number of comparisons.
        p_holm: Two-sided p-value after Holm's correction for all pairs; NaN without a test.
    """

    first: str
    second: str
    difference: Interval
    p_holm: float


@dataclass(frozen=True, repr=False)
class Leaderboard(Tabular):
    """Results of a comparison of many runs.

    Attributes:
        quantity: ``"success"`` or ``"reward"``: what is compared.
        standings: The runs, best first.
        differences: Every pair of runs, in the order of their ranks.
        items: Number of items that all runs share and scored.
        confidence: Nominal coverage of the intervals, in (0, 1); 1 minus it is the level of the tests behind the ranks.
    """

    quantity: Literal["success", "reward"]
    standings: Sequence[Standing]
    differences: Sequence[PairedDifference]
    items: int
    confidence: float

    @property
    def kind(self) -> Literal["rate", "mean"]:
        """How scores are written: ``"rate"`` in percent, or ``"mean"``."""
        return "rate" if self.quantity == "success" else "mean"

    @property
    def note(self) -> str:
        """What intervals, p-values and ranges of ranks mean, in words."""
        level = 1 - self.confidence
        count = len(self.differences)
        return (
            f"Differences are paired by item. Their p-values are corrected for {count} comparison{'s' * (count != 1)} "
            f"(Holm); the intervals are not. The range of ranks of a run excludes ranks that a corrected test at level "
            f"{level:.2g} rejects; all ranges hold jointly with probability {self.confidence:.0%} or more."
        )

    def headline(self) -> str:
        """Return the numbers of runs and items, and the best run."""
        first = self.standings[0]
        ranks = "" if first.best == first.worst else f", ranks {first.best} to {first.worst}"
        return (
            f"{len(self.standings)} runs by {self.quantity} on {self.items:,} shared items; best: {first.name} "
            f"{first.score}{ranks}"
        )

    def to_rows(self) -> list[Row]:
        """Return one row per run, best first."""
        return [
            {
                "rank": each.rank,
                "rank_low": each.best,
                "rank_high": each.worst,
                "name": each.name,
                **ends_of(self.quantity, each.score),
                "n": each.score.n,
                "left_out": each.left_out,
                "errors": each.errors,
                "run": each.run,
            }
            for each in self.standings
        ]

    def tables(self) -> list[tuple[str, Sequence[Row]]]:
        """Return the ranking and the paired differences."""
        differences = [
            {"first": d.first, "second": d.second, **interval_row(d.difference), "p (Holm)": d.p_holm}
            for d in self.differences
        ]
        return [("", self.to_rows()), (self.note, differences)]

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-able data."""
        return {
            "quantity": self.quantity,
            "items": self.items,
            "comparisons": len(self.differences),
            "standings": [
                {"name": s.name, "rank": s.rank, "rank_range": [s.best, s.worst], self.quantity: s.score.to_dict(),
                 "left_out": s.left_out, "errors": s.errors, "run": s.run}
                for s in self.standings
            ],
            "differences": [
                {"first": d.first, "second": d.second, "difference": d.difference.to_dict(),
                 "p_holm": None if math.isnan(d.p_holm) else d.p_holm}
                for d in self.differences
            ],
        }  # fmt: skip


def leaderboard(
    runs: Sequence[Report | str | Path],
    *,
    names: Sequence[str] | None = None,
    confidence: float = 0.95,
    seed: int = 0,
) -> Leaderboard:
    """Rank runs of the same environment and seed on the items that all of them share.

    An item at which a run has an error is left out for all. Items that were drawn more than once, and
    several answers to an item, are clusters, as in :func:`~quintain.compare`.

    The range of a run's ranks follows from the paired differences that are significant after Holm's correction: it
    leaves out the ranks of runs that are significantly better or worse. As the correction bounds the probability of any
    false rejection, all ranges hold together with probability ``confidence`` (compare Mogstad et al. 2024).

    Args:
        runs: Reports, or folders of runs; at least two.
        names: A name for each run. Default: the folder's name, else the agent's.
        confidence: Nominal coverage of the intervals, in (0, 1).
        seed: Seed of the bootstrap.

    Raises:
        ConfigurationError: If there are fewer than two runs, names are not unique, or the runs cannot be paired.
    """
    if isinstance(runs, str | Path | Report) or len(runs) < 2:
        raise ConfigurationError("a leaderboard needs at least two runs")
    reports = [run.outline if isinstance(run, Report) else Report.open(run, confidence).outline for run in runs]
    labels = list(names) if names is not None else _names(reports)
    if len(labels) != len(reports) or len(set(labels)) < len(labels):
        raise ConfigurationError(f"every run needs a name of its own, got {labels!r} for {len(reports)} runs")
    shared = _shared(reports, confidence)
    quantity: Literal["success", "reward"] = "success" if all(report.success.n for report in shared) else "reward"
    scores: list[Interval] = [getattr(report, quantity) for report in shared]
    order = sorted(range(len(shared)), key=lambda k: -scores[k].estimate)
    pairs = list(combinations(order, 2))
    found = [getattr(compare(shared[a], shared[b], confidence=confidence, seed=seed), quantity) for a, b in pairs]
    adjusted = holm([difference.p_value for difference in found])
    better = [0] * len(shared)
    worse = [0] * len(shared)
    for (a, b), difference, p in zip(pairs, found, adjusted, strict=True):
        if p <= 1 - confidence and difference.estimate:
            better[b] += 1
            worse[a] += 1
    standings = [
        Standing(
            labels[k], scores[k], 1 + sum(other.estimate > scores[k].estimate for other in scores), 1 + better[k],
            len(shared) - worse[k], len(reports[k].episodes) - len(shared[k].episodes), reports[k].errors,
            str(reports[k].path or ""),
        )
        for k in order
    ]  # fmt: skip
    differences = [
        PairedDifference(labels[a], labels[b], difference, p)
        for (a, b), difference, p in zip(pairs, found, adjusted, strict=True)
    ]
    items = len({episode.seed for episode in shared[0].episodes})
    return Leaderboard(quantity, standings, differences, items, confidence)


def _shared(reports: Sequence[Report], confidence: float) -> list[Report]:
    """Return the reports with only the scored episodes of items that all of them have."""
    for report in reports[1:]:
        pair(reports[0], report)  # raises if they cannot be compared
    common = set.intersection(*({episode.seed for episode in report.scored} for report in reports))
    if not common:
        raise ConfigurationError("there is no item that all runs scored; leave out the runs with most errors")
    return [
        replace(report, episodes=[e for e in report.scored if e.seed in common], confidence=confidence)
        for report in reports
    ]


def _names(reports: Sequence[Report]) -> list[str]:
    """Name the runs by their folders, else by their agents; with numbers where a name occurs twice."""
    agents = [agent_title(report.manifest.get("config", {}).get("agent") or {}) for report in reports]
    plain = [report.path.name if report.path else agent or "run" for report, agent in zip(reports, agents, strict=True)]
    if len(set(plain)) == len(plain):
        return plain
    if all(report.path for report in reports) and len({report.path for report in reports}) == len(reports):
        return [str(report.path) for report in reports]
    return [f"{name} ({number})" if plain.count(name) > 1 else name for number, name in enumerate(plain, start=1)]
