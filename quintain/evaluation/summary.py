"""Rows of a report's tables, for the page and the terminal: names of quantities and their intervals."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import Literal

from quintain.evaluation.report import Report
from quintain.evaluation.statistics import Interval, mean

__all__ = ["Row", "error_counts", "metric_rows", "score_rows", "term_rows"]


@dataclass(frozen=True, slots=True)
class Row:
    """One row: a quantity with its interval.

    Attributes:
        name: Name of the quantity, as shown.
        interval: Estimate and confidence interval.
        kind: ``"rate"`` for probabilities, which are shown in percent; else ``"mean"``.
    """

    name: str
    interval: Interval
    kind: Literal["rate", "mean"] = "mean"


def score_rows(report: Report) -> list[Row]:
    """Return success, its worst case if there are errors, and reward; in games, the return of every seat."""
    rows = []
    if report.success.n:
        rows.append(Row("success", report.success, "rate"))
        if report.errors:
            worst = replace(report.worst_case, note=f"{report.errors:,} errors counted as failures")
            rows.append(Row("success, worst case", worst, "rate"))
    returns = report.returns
    if set(returns) <= {"agent"}:
        return [*rows, Row("reward", report.reward)]
    return [*rows, *(Row(f"return of {seat}", interval) for seat, interval in returns.items())]


def term_rows(report: Report) -> list[Row]:
    """Return the mean of every reward term over scored episodes; an episode that lacks a term counts as 0."""
    names = dict.fromkeys(name for e in report.scored for name in e.reward_terms)
    return [
        Row(name, mean([float(e.reward_terms.get(name, 0.0)) for e in report.scored], report.confidence))
        for name in names
    ]


def metric_rows(report: Report) -> list[Row]:
    """Return the means of the environment's metrics, of steps per episode, and of generated tokens per episode."""
    rows = [Row(name.replace("_", " "), report.metric(name)) for name in report.metric_names]
    if "turns" not in report.metric_names and report.scored:
        rows.insert(0, Row("steps", mean([float(len(e.steps)) for e in report.scored], report.confidence)))
    if report.completion_tokens:
        tokens = [float(e.completion_tokens) for e in report.scored]
        rows.append(Row("tokens generated", mean(tokens, report.confidence)))
    return rows


def error_counts(report: Report) -> list[tuple[str, str, int]]:
    """Return boundary, message and number of each infrastructure error, the most frequent first."""
    counts = Counter(
        (e.error.get("boundary", "?"), e.error.get("message", "")) for e in report.episodes if e.error is not None
    )
    return [(boundary, message, n) for (boundary, message), n in counts.most_common()]
