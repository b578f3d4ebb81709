"""Reports and comparisons as tables in the terminal."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from quintain.cli.console import literal
from quintain.evaluation.summary import Row, error_counts, metric_rows, score_rows, term_rows

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
_MOST_ERRORS = 5


def simple_table(title: str, *columns: str) -> Table:
    """Make a table whose first column holds names and whose others hold numbers."""
    table = Table(title=literal(title, "bold"), title_justify="left", box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for number_, column in enumerate(columns):
        table.add_column(column, justify="right" if number_ else "left", header_style="dim", overflow="fold")
    return table


def number(value: float, kind: str = "mean") -> str:
    """Write a number to three significant digits, and a rate in percent."""
    if math.isnan(value):
        return "-"
    return f"{value:.1%}" if kind == "rate" else f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"


def bounds(interval: Interval, kind: str = "mean") -> str:
    """Write the ends of an interval."""
    if math.isnan(interval.low):
        return "-"
    return f"[{number(interval.low, kind)}, {number(interval.high, kind)}]"


def row_table(title: str, rows: Iterable[Row], confidence: float) -> Table:
    """Make a table of quantities with their intervals."""
    table = simple_table(title, "", "estimate", f"{confidence:.0%} interval", "n", "")
    for row in rows:
        found = row.interval
        note = Text(found.note, style="dim") if found.n else Text("no data", style="dim")
        cells = literal(number(found.estimate, row.kind), "bold"), literal(bounds(found, row.kind)), f"{found.n:,}"
        table.add_row(literal(row.name), *cells, note)
    return table


def print_report(console: Console, report: Report, *, wall_s: float | None = None, tokens: int = 0) -> None:
    """Print everything a reader wants to know at once.

    Args:
        console: Where to.
        report: The results.
        wall_s: Seconds that the run took, if they were measured.
        tokens: Tokens generated in this time.
    """
    config = report.manifest.get("config", {})
    console.print()
    scores = score_rows(report)
    console.print(
        row_table(f"{config.get('env', 'run')}: {len(report.episodes):,} episodes", scores, report.confidence)
    )
    console.print()
    console.print(_outcomes(report))
    for boundary, message, n in error_counts(report)[:_MOST_ERRORS]:
        console.print(Text(f"  {n} x {boundary}: ", style="red") + literal(message[:300]), soft_wrap=True)
    if report.by_task:
        console.print()
        console.print(_tasks(report))
    if report.by("suite", "split"):
        console.print()
        console.print(_suites(report))
    for title, rows in (("Reward terms", term_rows(report)), ("Per episode", metric_rows(report))):
        if rows:
            console.print()
            console.print(row_table(title, rows, report.confidence))
    facts = []
    if report.completion_tokens:
        facts.append(f"{report.prompt_tokens:,} tokens read, {report.completion_tokens:,} generated")
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
            table.add_row(Text("error (infrastructure, not scored)", style=colour), f"{n:,}", f"{n / total:.1%} of all")
        else:
            bar = Text("█" * max(1, round(_BAR * n / scored)), style=colour)
            table.add_row(Text(name, style=colour), f"{n:,}", f"{n / scored:.1%}", bar)
    return table


def _suites(report: Report) -> Table:
    """Lay suites and splits out as the R1-Code-Interpreter paper does."""
    interval = f"{report.confidence:.0%} interval"
    table = simple_table("By suite and split", "", "accuracy", interval, "n", "code use", "turns", "tokens")
    for (suite, split), part in report.by("suite", "split").items():
        found, scored = part.success, max(1, len(part.scored))
        uses_code = part.share(lambda e: e.info["metrics"]["code_calls"] > 0)
        turns = sum(e.info["metrics"]["turns"] for e in part.scored) / scored
        tokens = sum(e.completion_tokens for e in part.scored) / scored
        table.add_row(
            literal(f"{suite} / {split}"), number(found.estimate, "rate"), bounds(found, "rate"), f"{found.n:,}",
            number(uses_code.estimate, "rate"), number(turns), number(tokens),
        )  # fmt: skip
    return table


def _tasks(report: Report) -> Table:
    table = simple_table("By task", "", "success", f"{report.confidence:.0%} interval", "n", "errors")
    for task, part in report.by_task.items():
        found = part.success
        errors = Text(str(part.errors), style="bold red") if part.errors else Text("-", style="dim")
        table.add_row(literal(task), number(found.estimate, "rate"), bounds(found, "rate"), f"{found.n:,}", errors)
    return table
