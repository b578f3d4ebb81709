"""Comparison of trainings over seeds: learning curves with intervals, and paired differences at the end.

Trainings that differ in nothing but their seed are one condition. An interval over seeds tells how far another training
may end elsewhere; that of one training's evaluation does not.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any, Literal

from quintain.errors import ConfigurationError, RecordError
from quintain.evaluation.interval import Interval
from quintain.evaluation.manifest import agent_title, env_title
from quintain.evaluation.significance import holm
from quintain.evaluation.statistics import Bounds, mean, paired_difference
from quintain.evaluation.tabular import Row, Tabular, ends_of, interval_row
from quintain.records import read_manifest
from quintain.training.folder import KIND, read_metrics

__all__ = ["Condition", "ConditionDifference", "End", "TrainingComparison", "compare_trainings", "kind_of_metric"]

#: Metrics that are shares, beside those of evaluations.
_SHARES = frozenset({"success", "mean_token_accuracy", "signal", "truncated", "clip_ratio/region_mean"})
#: Metrics that are compared where the trainings were not evaluated.
_OTHERWISE = ("success", "reward", "mean_token_accuracy", "loss")


@dataclass(frozen=True, slots=True)
class Condition:
    """Trainings that differ in their seed alone.

    Attributes:
        name: Name of the condition.
        rows: Rows of metrics of each training, by its seed.
        runs: Run folder of each training, by its seed.
    """

    name: str
    rows: Mapping[int, Sequence[Mapping[str, Any]]]
    runs: Mapping[int, Path]

    def steps(self, metric: str) -> list[int]:
        """Return the steps at which all trainings logged a metric, in order."""
        logged = [{row["step"] for row in rows if metric in row} for rows in self.rows.values()]
        return sorted(set.intersection(*logged)) if logged else []

    def values(self, metric: str, step: int) -> dict[int, float]:
        """Return the metric of each training at a step, by seed; of several rows of a step the last one counts."""
        found: dict[int, float] = {}
        for seed, rows in self.rows.items():
            at = [row[metric] for row in rows if row["step"] == step and metric in row]
            if at:
                found[seed] = float(at[-1])
        return found

    def interval(self, metric: str, step: int, confidence: float = 0.95) -> Interval:
        """Return the mean of a metric over seeds at a step."""
        values = list(self.values(metric, step).values())
        return mean(values, confidence, bounds=_bounds(metric), unit="seeds")


@dataclass(frozen=True, slots=True)
class End:
    """A metric of a condition at its first or last step.

    Attributes:
        condition: Name of the condition.
        metric: Name of the metric.
        step: Training step at which it was measured.
        value: Mean over seeds with its interval.
    """

    condition: str
    metric: str
    step: int
    value: Interval


@dataclass(frozen=True, slots=True)
class ConditionDifference:
    """Difference of two conditions at the last step that both have reached.

    Attributes:
        first: Name of the condition from which the other is subtracted.
        second: Name of the other.
        metric: Name of the compared metric.
        step: Training step at which both were measured.
        difference: Mean over the seeds that both have, with its interval, not corrected for the number of comparisons.
        p_holm: Two-sided p-value after Holm's correction for all differences; NaN without a test.
    """

    first: str
    second: str
    metric: str
    step: int
    difference: Interval
    p_holm: float


@dataclass(frozen=True, repr=False)
class TrainingComparison(Tabular):
    """Trainings of several conditions and seeds.

    Attributes:
        conditions: The conditions, in the order of the runs.
        metrics: What is compared: those of the evaluations, else the best known of the training.
        differences: Pairs of conditions, paired by seed, in every metric.
        confidence: Nominal coverage of the intervals, in (0, 1).
    """

    conditions: Sequence[Condition]
    metrics: Sequence[str]
    differences: Sequence[ConditionDifference]
    confidence: float

    def headline(self) -> str:
        """Return the numbers of conditions and seeds, and the end of each."""
        metric = self.metrics[0] if self.metrics else ""
        ends = [(c.name, c.interval(metric, c.steps(metric)[-1])) for c in self.conditions if c.steps(metric)]
        shown = "; ".join(f"{name} {value}" for name, value in ends)
        seeds = sum(len(condition.rows) for condition in self.conditions)
        return f"{seeds} trainings of {len(self.conditions)} conditions; {metric} at the end: {shown or 'none'}"

    def ends(self) -> list[End]:
        """Return the metrics of each condition at its first and last step."""
        found = []
        for condition in self.conditions:
            for metric in self.metrics:
                steps = condition.steps(metric)
                for step in dict.fromkeys((steps[0], steps[-1])) if steps else ():
                    value = condition.interval(metric, step, self.confidence)
                    found.append(End(condition.name, metric, step, value))
        return found

    def to_rows(self) -> list[Row]:
        """Return the metrics of each condition at its first and last step: means over seeds."""
        return [
            {
                "condition": e.condition,
                "metric": e.metric,
                "step": e.step,
                "seeds": e.value.n,
                **ends_of("mean", e.value),
            }
            for e in self.ends()
        ]

    def tables(self) -> list[tuple[str, Sequence[Row]]]:
        """Return the ends, and the differences between conditions."""
        differences = [
            {"first": d.first, "second": d.second, "metric": d.metric, "step": d.step, **interval_row(d.difference),
             "p (Holm)": d.p_holm}
            for d in self.differences
        ]  # fmt: skip
        return [("", self.to_rows()), (self.note, differences)]

    @property
    def note(self) -> str:
        """What intervals and p-values mean, in words."""
        count = len(self.differences)
        return (
            f"Means over seeds with {self.confidence:.0%} intervals. Differences are paired by seed; p-values are "
            f"corrected for {count} comparison{'s' * (count != 1)} (Holm), intervals are not."
        )

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-able data."""
        return {
            "conditions": [
                {"name": c.name, "seeds": sorted(c.rows), "runs": [str(c.runs[seed]) for seed in sorted(c.runs)]}
                for c in self.conditions
            ],
            "ends": self.to_rows(),
            "differences": [
                {"first": d.first, "second": d.second, "metric": d.metric, "step": d.step,
                 "difference": d.difference.to_dict(), "p_holm": d.p_holm}
                for d in self.differences
            ],
        }  # fmt: skip


def kind_of_metric(metric: str) -> Literal["rate", "mean"]:
    """Return how a metric is written: a share as ``"rate"``, in per cent."""
    return "rate" if metric.startswith("eval/") or metric in _SHARES else "mean"


def _bounds(metric: str) -> Bounds | None:
    return (0.0, 1.0) if kind_of_metric(metric) == "rate" else None


def compare_trainings(
    runs: Sequence[str | Path] | Mapping[str, Sequence[str | Path]],
    *,
    reference: str | None = None,
    confidence: float = 0.95,
) -> TrainingComparison:
    """Compare stored trainings over seeds.

    Args:
        runs: Run folders, which are one condition where nothing but the seed differs, named after the settings that
            tell them apart; or the run folders of each condition by its name.
        reference: Condition that all others are compared with; ``None`` compares every pair. Default: ``None``.
        confidence: Nominal coverage of the intervals, in (0, 1). Default: 0.95.

    Raises:
        ConfigurationError: If a run is no training, a condition has two trainings with one seed, or there is no such
            reference.
        RecordError: If there is no run in one of the folders, or nothing was logged.
    """
    named = runs if isinstance(runs, Mapping) else _by_settings(runs)
    conditions = [_condition(name, folders) for name, folders in named.items()]
    if not any(rows for condition in conditions for rows in condition.rows.values()):
        raise RecordError("none of the trainings has logged a step yet")
    known = dict.fromkeys(m for c in conditions for rows in c.rows.values() for row in rows for m in row)
    metrics = [name for name in known if name.startswith("eval/")]
    metrics = metrics or [name for name in _OTHERWISE if name in known][:1]
    if reference is None:
        pairs = list(combinations(conditions, 2))
    else:
        chosen = next((condition for condition in conditions if condition.name == reference), None)
        if chosen is None:
            raise ConfigurationError(f"there is no condition {reference!r}; there are {', '.join(map(repr, named))}")
        pairs = [(condition, chosen) for condition in conditions if condition is not chosen]
    return TrainingComparison(conditions, metrics, _differences(pairs, metrics, confidence), confidence)


def _condition(name: str, folders: Sequence[str | Path]) -> Condition:
    rows: dict[int, Sequence[Mapping[str, Any]]] = {}
    paths: dict[int, Path] = {}
    for folder in folders:
        seed = int(_config(folder)["seed"])
        if seed in rows:
            raise ConfigurationError(
                f"{str(paths[seed])!r} and {str(folder)!r} are the same training: equal settings, and both of seed "
                f"{seed}; leave one out"
            )
        rows[seed], paths[seed] = read_metrics(folder), Path(folder)
    return Condition(name, rows, paths)


def _config(folder: str | Path) -> Mapping[str, Any]:
    manifest = read_manifest(folder)
    if manifest.get("kind") != KIND:
        raise ConfigurationError(f"{str(folder)!r} is not a training; compare trainings with trainings")
    config: Mapping[str, Any] = manifest["config"]
    return config


def _by_settings(runs: Sequence[str | Path]) -> dict[str, list[str | Path]]:
    """Return the runs of each condition, named after what tells the conditions apart."""
    described = {run: _facts(_config(run)) for run in dict.fromkeys(runs)}
    groups: dict[str, list[str | Path]] = {}
    for run, facts in described.items():
        groups.setdefault(json.dumps(facts, sort_keys=True), []).append(run)
    members = list(groups.values())
    everything = [described[runs_of[0]] for runs_of in members]
    names = dict.fromkeys(name for facts in everything for name in facts)
    telling = [name for name in names if len({json.dumps(facts.get(name)) for facts in everything}) > 1]
    titles = [", ".join(f"{n.rpartition('.')[2]} {_shown(facts.get(n))}" for n in telling) for facts in everything]
    titles = [title or str(facts["method"]) for title, facts in zip(titles, everything, strict=True)]
    return dict(zip(titles, members, strict=True))


def _facts(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return what decides a training but for its seed, flat."""
    facts: dict[str, Any] = {"method": config.get("method")}
    facts["environment"] = env_title(config["env"]) if config.get("env") else "records"
    facts["policy"] = agent_title(config.get("agent", {}))

    def flatten(prefix: str, values: Mapping[str, Any]) -> None:
        for name, value in values.items():
            if isinstance(value, Mapping):
                flatten(f"{prefix}{name}.", value)
            else:
                facts[prefix + name] = value

    flatten("env_kwargs.", config.get("env_kwargs") or {})
    flatten("settings.", config.get("settings", {}))
    return facts


def _shown(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= 40 else f"{text[:39]}…"


def _differences(
    pairs: Sequence[tuple[Condition, Condition]], metrics: Sequence[str], confidence: float
) -> list[ConditionDifference]:
    found: list[tuple[str, str, str, int, Interval]] = []
    for first, second in pairs:
        for metric in metrics:
            steps = sorted(set(first.steps(metric)) & set(second.steps(metric)))
            if not steps:
                continue
            one, other = first.values(metric, steps[-1]), second.values(metric, steps[-1])
            seeds = [seed for seed in one if seed in other]
            if seeds:
                difference = paired_difference(
                    [one[seed] for seed in seeds], [other[seed] for seed in seeds], confidence,
                    bounds=_bounds(metric), unit="seeds",
                )  # fmt: skip
                found.append((first.name, second.name, metric, steps[-1], difference))
    adjusted = holm([difference.p_value for *_, difference in found])
    return [ConditionDifference(*each, p) for each, p in zip(found, adjusted, strict=True)]
