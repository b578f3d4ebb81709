"""Rows of a report's tables, for the page and the terminal: names of quantities and their intervals."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

from quintain.evaluation.agreement import agreement_of
from quintain.evaluation.compare import Comparison, errors_as_failures, pair
from quintain.evaluation.failures import error_place
from quintain.evaluation.report import Report
from quintain.evaluation.statistics import Interval

__all__ = [
    "ComparedRow",
    "Row",
    "agreement_rows",
    "calibration_rows",
    "compared_rows",
    "error_counts",
    "metric_rows",
    "model_facts",
    "repeat_rows",
    "score_rows",
    "split_constants",
    "term_rows",
]


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
    """Return success, its worst case if there are errors, and reward; in games, the return of every seat.

    Where returns are more than a verdict, their interquartile mean and standard deviation follow.
    """
    rows = []
    if report.success.n:
        rows.append(Row("success", report.success, "rate"))
        if report.errors:
            worst = replace(report.worst_case, note=f"{report.errors:,} errors counted as failures")
            rows.append(Row("success, worst case", worst, "rate"))
    returns = report.returns
    if set(returns) <= {"agent"}:
        rows.append(Row("reward", report.reward))
        if report.results.is_control:
            rows.append(Row("reward, IQM", report.results.reward_iqm))
            rows.append(Row("reward, std", report.results.reward_std))
        return rows
    return [*rows, *(Row(f"return of {seat}", interval) for seat, interval in returns.items())]


def calibration_rows(report: Report) -> list[Row]:
    """Return how well recorded confidences tell right answers from wrong ones; no rows of a run without any.

    The calibration error has no interval: it stands beside what calibrated confidences of the same values would have.
    """
    found = report.results.calibration
    if found is None:
        return []
    n = found.accuracy.n
    note = f"no interval: calibrated, {found.ece_calibrated:.3g} is expected (p = {found.p_calibrated:.2g})"
    error = Interval(found.ece, math.nan, math.nan, n, "none", found.accuracy.confidence, note)
    return [
        Row("confidence", found.confidence, "rate"),
        Row("Brier score", found.brier),
        Row("calibration error (ECE)", error),
        Row("AUROC of confidence", found.auroc),
        Row("success where confident", found.accepted, "rate"),
    ]


def repeat_rows(report: Report) -> list[Row]:
    """Return pass@k and maj@k of a run with repeats; no rows of any other."""
    answers = report.results.repeats
    return [] if answers is None else [Row(name, found, "rate") for name, found in answers.quantities().items()]


@dataclass(frozen=True, slots=True)
class ComparedRow:
    """One row of a comparison.

    Attributes:
        name: Name of the quantity, as shown.
        kind: ``"rate"`` for probabilities, which are shown in percent; else ``"mean"``.
        first: The first run's estimate over the pairs.
        second: The second run's estimate over the pairs.
        difference: Mean of the first run minus that of the second, with its interval.
    """

    name: str
    kind: Literal["rate", "mean"]
    first: Interval
    second: Interval
    difference: Interval


def compared_rows(found: Comparison, first: Report, second: Report) -> list[ComparedRow]:
    """Return success, its worst case if a pair has an error, and reward of both runs over their pairs."""
    a, b = pair(first, second)
    rows = []
    if found.success.n:
        rows.append(ComparedRow("success", "rate", a.success, b.success, found.success))
    if found.worst_case is not None:
        worst_a, worst_b = pair(errors_as_failures(first), errors_as_failures(second))
        rows.append(ComparedRow("success, worst case", "rate", worst_a.success, worst_b.success, found.worst_case))
    if found.reward.n:
        rows.append(ComparedRow("reward", "mean", a.reward, b.reward, found.reward))
    return rows


def term_rows(report: Report) -> list[Row]:
    """Return the mean of every reward term over scored episodes; an episode that lacks a term counts as 0."""
    return [Row(name, found) for name, found in report.results.terms.items()]


def metric_rows(report: Report) -> list[Row]:
    """Return means per episode: the environment's metrics, steps, and for language models tokens and cut replies."""
    results = report.results
    rows = [Row(name.replace("_", " "), found) for name, found in results.metrics.items()]
    if "turns" not in results.metrics and results.scored:
        rows.insert(0, Row("steps", results.steps_per_episode))
    if results.completion_tokens:
        rows.append(Row("tokens generated", results.tokens_per_episode))
    if results.reasoning_tokens:
        rows.append(Row("reasoning tokens", results.reasoning_per_episode))
    if results.replies:
        rows.append(Row("replies cut off at max_tokens", results.cut_off_per_episode))
    return rows


def agreement_rows(report: Report) -> list[Row]:
    """Return how often an automatic scorer agrees with labelled replies; empty for a run that did not measure it."""
    found = agreement_of(report.manifest, report.confidence)
    if found is None:
        return []
    unread = f"{found.unreadable:,} verdicts could not be read" if found.unreadable else ""
    accuracy = replace(found.accuracy, note="; ".join(filter(None, (found.accuracy.note, unread))))
    return [Row("agreement with labels", accuracy, "rate"), Row("Cohen's kappa", found.kappa)]


def split_constants(rows: Iterable[Row]) -> tuple[list[Row], list[Row]]:
    """Return the rows whose values differ between episodes, and those whose values are all equal."""
    varying: list[Row] = []
    constant: list[Row] = []
    for row in rows:
        (constant if row.interval.is_constant else varying).append(row)
    return varying, constant


def model_facts(report: Report) -> list[str]:
    """Return what language models read and wrote in all episodes, in words; empty where none was asked."""
    results = report.results
    if not results.replies and not results.completion_tokens:
        return []
    thought = f", {results.reasoning_tokens:,} of them reasoning" if results.reasoning_tokens else ""
    found = [f"{results.prompt_tokens:,} tokens read, {results.completion_tokens:,} generated{thought}"]
    if results.model_seconds:
        found.append(f"model time {sum(results.model_seconds):,.1f} s")
    if results.replies_cut_off:
        replies = f"{results.replies:,} {'reply' if results.replies == 1 else 'replies'}"
        found.append(f"{results.replies_cut_off:,} of {replies} cut off at max_tokens")
    return found


def error_counts(report: Report) -> list[tuple[str, str, int]]:
    """Return whose failure it was, message and number of each error, the most frequent first."""
    return [(error_place(boundary), message, n) for (boundary, message), n in report.results.error_counts.most_common()]
