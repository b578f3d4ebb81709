"""The numbers of a report that page and terminal both show: rows of what was measured, each with its interval."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Literal

from quintain.evaluation.report import Report
from quintain.evaluation.statistics import Interval, mean

__all__ = ["Row", "error_counts", "metric_rows", "score_rows", "term_rows"]


@dataclass(frozen=True, slots=True)
class Row:
    """One measured quantity.

    Attributes:
        name: What it is.
        interval: Estimate and interval.
        kind: ``"rate"`` for probabilities, which are shown in percent.
    """

    name: str
    interval: Interval
    kind: Literal["rate", "mean"] = "mean"


def score_rows(report: Report) -> list[Row]:
    """Return success and reward; in games, the return of every seat."""
    rows = []
    if report.success.n:
        rows.append(Row("success", report.success, "rate"))
    returns = report.returns
    if set(returns) <= {"agent"}:
        return [*rows, Row("reward", report.reward)]
    return [*rows, *(Row(f"return of {seat}", interval) for seat, interval in returns.items())]


def term_rows(report: Report) -> list[Row]:
    """Return the mean of every reward term over scored episodes; a term that an episode lacks counts 0 in it."""
    names = dict.fromkeys(name for e in report.scored for name in e.reward_terms)
    return [
        Row(name, mean([float(e.reward_terms.get(name, 0.0)) for e in report.scored], report.confidence))
        for name in names
    ]


def metric_rows(report: Report) -> list[Row]:
    """Return the mean of every metric of the environment, and of turns and tokens per episode."""
    rows = [Row(name.replace("_", " "), report.metric(name)) for name in report.metric_names]
    if "turns" not in report.metric_names and report.scored:
        rows.insert(0, Row("steps", mean([float(len(e.steps)) for e in report.scored], report.confidence)))
    if report.completion_tokens:
        tokens = [float(e.completion_tokens) for e in report.scored]
        rows.append(Row("tokens generated", mean(tokens, report.confidence)))
    return rows


def error_counts(report: Report) -> list[tuple[str, str, int]]:
    """Group infrastructure errors: boundary, message, how many; the most frequent first."""
    counts = Counter(
        (e.error.get("boundary", "?"), e.error.get("message", "")) for e in report.episodes if e.error is not None
    )
    return [(boundary, message, n) for (boundary, message), n in counts.most_common()]
