"""Reports as tables in the terminal."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from quintain.cli.console import literal
from quintain.evaluation.interval import number as write_number
from quintain.evaluation.summary import (
    Row,
    agreement_rows,
    calibration_rows,
    error_counts,
    metric_rows,
    model_facts,
    repeat_rows,
    score_rows,
    split_constants,
    term_rows,
)

if TYPE_CHECKING:
    from quintain.evaluation.report import Report
    from quintain.evaluation.statistics import Interval

__all__ = ["bounds", "number", "print_report", "row_table", "simple_table"]

_COLOURS = {
    "success": "green",
    "failure": "red",
    "parse_error": "yellow",
    "invalid_action": "magenta",
    "finished": "cyan",
    "error": "bold red",
}
_BAR = 30
_MAX_ERRORS = 5
#: Heading of the success rate with errors counted as failures.
_WORST = ("worst case",)


def simple_table(title: str, *columns: str) -> Table:
    """Make a table whose first column holds names and whose others hold numbers."""
    table = Table(title=literal(title, "bold"), title_justify="left", box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for number_, column in enumerate(columns):
        table.add_column(column, justify="right" if number_ else "left", header_style="dim", overflow="fold")
    return table


def number(value: float, kind: str = "mean", more: int = 0) -> str:
    """Write a number for a table, ``-`` for NaN.

    Args:
        value: The number; a share as a fraction of 1.
        kind: ``"rate"`` writes a share in percent; any other kind writes three significant digits. Default: ``"mean"``.
        more: Number of digits beyond these, >= 0. Default: 0.
    """
    return "-" if math.isnan(value) else write_number(value, kind, more)


def bounds(interval: Interval, kind: str = "mean") -> str:
    """Write the ends of an interval."""
    if math.isnan(interval.low):
        return "-"
    return interval.ends(lambda value, more: number(value, kind, more))


def row_table(title: str, rows: Iterable[Row], confidence: float) -> Table:
    """Make a table of quantities with their intervals."""
    table = simple_table(title, "", "estimate", f"{confidence:.0%} interval", "n")
    table.add_column("", justify="left")
    for row in rows:
        found = row.interval
        note = Text(found.remarks or "no data", style="dim")
        cells = literal(number(found.estimate, row.kind), "bold"), literal(bounds(found, row.kind)), f"{found.n:,}"
        table.add_row(literal(row.name), *cells, note)
    return table


def print_report(console: Console, report: Report, *, wall_s: float | None = None, tokens: int = 0) -> None:
    """Print the results, outcomes, errors, groups, reward terms and metrics of a run.

    Args:
        console: The console to print to.
        report: Results of a finished run.
        wall_s: Duration of the run in seconds, or ``None`` if it was not measured.
        tokens: Number of tokens generated in this time.
    """
    config = report.manifest.get("config", {})
    console.print()
    scores = [*score_rows(report), *agreement_rows(report), *calibration_rows(report)]
    console.print(
        row_table(f"{config.get('env', 'run')}: {len(report.episodes):,} episodes", scores, report.confidence)
    )
    if (answers := report.results.repeats) is not None:
        console.print()
        title = f"{answers.k} answers to each of {answers.items:,} items"
        console.print(row_table(title, repeat_rows(report), report.confidence))
    console.print()
    console.print(_outcomes(report))
    for place, message, n in error_counts(report)[:_MAX_ERRORS]:
        console.print(Text(f"  {n} x {place}: ", style="red") + literal(message[:300]), soft_wrap=True)
    constants: list[str] = []
    if len(report.by_task) > 1:
        console.print()
        console.print(_tasks(report))
    else:
        constants += [f"task {task}" for task in report.by_task]
    keys = _grouping(report)
    groups = report.by(*keys) if keys else {}
    if len(groups) > 1:
        console.print()
        console.print(_groups(report, keys))
    else:
        constants += [f"{key} {value}" for group in groups for key, value in zip(keys, group, strict=True)]
    for title, rows in (("Reward terms", term_rows(report)), ("Per episode", metric_rows(report))):
        varying, constant = split_constants(rows)
        constants += [f"{row.name} {number(row.interval.estimate, row.kind)}" for row in constant]
        if varying:
            console.print()
            console.print(row_table(title, varying, report.confidence))
    if constants:
        console.print()
        console.print(literal("The same in every episode: ", "dim") + literal(", ".join(constants)))
    facts = model_facts(report)
    if wall_s is not None:
        facts.append(f"{wall_s:,.1f} s" + (f", {tokens / wall_s:,.0f} tok/s" if tokens and wall_s else ""))
    if facts:
        console.print()
        console.print("; ".join(facts), style="dim")


def _outcomes(report: Report) -> Table:
    table = simple_table("Outcomes", "", "episodes", "share")
    table.add_column("", justify="left")
    total, scored = len(report.episodes), len(report.scored)
    for outcome, n in report.outcomes.items():
        if not n:
            continue
        name, colour = outcome.replace("_", " "), _COLOURS[outcome]
        if outcome == "error":
            table.add_row(Text("error (not scored)", style=colour), f"{n:,}", f"{n / total:.1%} of all")
        else:
            bar = Text("█" * max(1, round(_BAR * n / scored)), style=colour)
            table.add_row(Text(name, style=colour), f"{n:,}", f"{n / scored:.1%}", bar)
    return table


def _grouping(report: Report) -> tuple[str, ...]:
    """Return the keys of ``info`` by which the environment wants its results grouped, as its ``describe()`` says."""
    env = report.manifest.get("facts", {}).get("env")
    keys = env.get("report_by") if isinstance(env, dict) else None
    return tuple(map(str, keys)) if isinstance(keys, list) else ()


def _groups(report: Report, keys: tuple[str, ...]) -> Table:
    """Lay out one row a group: success, or reward where there is none, and the mean of every metric that is there."""
    groups = report.by(*keys)
    metrics = list(dict.fromkeys(name for part in groups.values() for name in part.metric_names))
    judged = any(part.success.n for part in groups.values())
    errors = judged and report.errors > 0
    heading = ["success" if judged else "reward", f"{report.confidence:.0%} interval", *_WORST[:errors], "n"]
    table = simple_table(f"By {' and '.join(keys)}", "", *heading, *(name.replace("_", " ") for name in metrics))
    for group, part in groups.items():
        found, kind = (part.success, "rate") if judged else (part.reward, "mean")
        means = [number(part.metric(name).estimate) if name in part.metric_names else "-" for name in metrics]
        worst = [_worst_case(part)] if errors else []
        cells = number(found.estimate, kind), bounds(found, kind), *worst, f"{found.n:,}", *means
        table.add_row(literal(" / ".join(group)), *cells)
    return table


def _tasks(report: Report) -> Table:
    worst = _WORST[: report.errors > 0 and report.success.n > 0]
    table = simple_table("By task", "", "success", f"{report.confidence:.0%} interval", *worst, "n", "errors")
    for task, part in report.by_task.items():
        found = part.success
        errors = Text(str(part.errors), style="bold red") if part.errors else Text("-", style="dim")
        cells = number(found.estimate, "rate"), bounds(found, "rate"), *([_worst_case(part)] if worst else [])
        table.add_row(literal(task), *cells, f"{found.n:,}", errors)
    return table


def _worst_case(part: Report) -> str:
    return number(part.worst_case.estimate, "rate") if part.errors else "-"
