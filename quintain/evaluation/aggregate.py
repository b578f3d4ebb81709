"""Results over several training seeds: one run per trained policy, summed up by statistics over the runs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from quintain.errors import ConfigurationError
from quintain.evaluation.independent_groups import stratified_mean
from quintain.evaluation.interval import Interval
from quintain.evaluation.report import Report
from quintain.evaluation.robust import interquartile_mean, median

__all__ = ["Aggregate", "RunScore", "aggregate"]


@dataclass(frozen=True)
class RunScore:
    """One run of an aggregate.

    Attributes:
        run: Its folder; empty if it has none.
        env: Id of its environment.
        score: Its mean return over episodes; with a range, relative to it.
        episodes: Number of scored episodes.
        errors: Number of episodes that failed for infrastructure reasons.
    """

    run: str
    env: str
    score: float
    episodes: int
    errors: int


@dataclass(frozen=True)
class Aggregate:
    """Statistics over the runs of several training seeds.

    Attributes:
        runs: The runs, in the order given.
        intervals: Interquartile mean (``"IQM"``), ``"mean"`` and ``"median"`` over the runs; with ranges also the
            ``"optimality gap"``, the mean of what a score lacks to 1.
        normalised: Whether scores are relative to ranges.
    """

    runs: Sequence[RunScore]
    intervals: Mapping[str, Interval]
    normalised: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-able data."""
        return {
            "runs": [vars(run) for run in self.runs],
            "normalised": self.normalised,
            "intervals": {name: interval.to_dict() for name, interval in self.intervals.items()},
        }

    def __str__(self) -> str:
        found = ", ".join(f"{name} {interval}" for name, interval in self.intervals.items())
        return f"{len(self.runs)} runs: {found}"


def aggregate(
    runs: Sequence[Report | str | Path],
    *,
    ranges: Mapping[str, tuple[float, float]] | None = None,
    confidence: float = 0.95,
    seed: int = 0,
) -> Aggregate:
    """Sum up runs of policies that were trained with different seeds.

    The score of a run is its mean return. Intervals are over runs, so that they tell how much another training would
    differ; the episodes of one policy do not. Environments are fixed: in the mean and the optimality gap, only the
    variance within them counts; IQM and median take all runs as one sample, which is wider where environments differ.

    Args:
        runs: One run per trained policy: reports or run folders.
        ranges: For each environment the returns that count as 0 and as 1, such as those of a random and of an expert
            policy; needed for runs of different environments, whose returns have different scales. Default: none.
        confidence: Nominal coverage of the intervals, in (0, 1).
        seed: Seed of the resampling, which means of more than 20 runs of one environment have. Default: 0.

    Raises:
        ConfigurationError: If a run has no scored episode, if runs of different environments have no ranges, or if a
            range is empty.
        RecordError: If there is no such run.
    """
    reports = [run if isinstance(run, Report) else Report.open(run) for run in runs]
    scores = [_score(report, ranges) for report in reports]
    strata: dict[str, list[float]] = {}
    for each in scores:
        strata.setdefault(each.env, []).append(each.score)
    if len(strata) > 1 and ranges is None:
        raise ConfigurationError(
            f"runs of different environments ({', '.join(strata)}) have returns of different scales; say what counts "
            "as 0 and as 1 in each: ranges={'CartPole-v1': (20, 500), ...} (--range CartPole-v1=20,500)"
        )
    groups, unit = list(strata.values()), "training seeds"
    values = [each.score for each in scores]
    found = {
        "IQM": interquartile_mean(values, confidence, unit=unit),
        "mean": stratified_mean(groups, confidence, seed=seed, unit=unit),
        "median": median(values, confidence, unit=unit),
    }
    if ranges is not None:
        gaps = [[max(0.0, 1 - score) for score in group] for group in groups]
        found["optimality gap"] = stratified_mean(gaps, confidence, seed=seed, unit=unit)
    return Aggregate(scores, found, ranges is not None)


def _score(report: Report, ranges: Mapping[str, tuple[float, float]] | None) -> RunScore:
    env = report.manifest.get("config", {}).get("env", "")
    name = str(env.get("id") or env.get("made_by", {}).get("function", "")) if isinstance(env, Mapping) else str(env)
    where = str(report.path or "a run")
    score = report.reward.estimate
    if math.isnan(score):
        raise ConfigurationError(f"{where!r} has no scored episode")
    if ranges is not None:
        if name not in ranges:
            raise ConfigurationError(
                f"no range for {name}, the environment of {where!r}; there are: {', '.join(ranges)}"
            )
        low, high = ranges[name]
        if low == high:
            raise ConfigurationError(f"the range of {name} is empty: {low:g} to {high:g}")
        score = (score - low) / (high - low)
    return RunScore(str(report.path or ""), name, score, report.reward.n, report.errors)
