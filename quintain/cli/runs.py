"""``quintain runs``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from quintain.cli.console import console, literal, print_json
from quintain.cli.options import check_confidence

if TYPE_CHECKING:
    from quintain.evaluation.leaderboard import Leaderboard
    from quintain.experiments.run_list import RunList

__all__ = ["print_leaderboard", "runs"]

_NUMBERS = ("episodes", "errors", "score")
#: Columns whose texts may be cut to this width.
_CUT = {"result": 24, "agent": 24}
_LEAST = 8
#: Columns that a narrow terminal leaves out, the first one first.
_EXPENDABLE = ("begun", "environment", "agent", "model")


def runs(
    folder: Annotated[Path, typer.Argument(help="A folder with runs, such as runs.")] = Path("runs"),
    page: Annotated[Path | None, typer.Option(help="Write a page with leaderboards to this file.")] = None,
    csv: Annotated[Path | None, typer.Option(help="Write the list to this CSV file.")] = None,
    confidence: Annotated[float, typer.Option(help="Confidence level of the intervals, in (0, 1).")] = 0.95,
    as_json: Annotated[bool, typer.Option("--json", help="Print the list as JSON and nothing else.")] = False,
) -> None:
    """List the runs in a folder with their main results, oldest first.

    With --page, runs on the same items (same environment, arguments and seed) are ranked as by
    quintain compare.

    Examples:
        quintain runs
        quintain runs runs --page leaderboard.html
        quintain runs runs/study --csv study.csv
    """
    check_confidence(confidence)
    from quintain.cli.tables import simple_table
    from quintain.experiments.run_list import list_runs

    found = list_runs(folder, confidence)
    if page is not None:
        from quintain.evaluation.html.leaderboard import write_leaderboards

        title = f"Runs in {folder.resolve().name}"
        write_leaderboards(found.leaderboards(confidence), page, runs=found.tables()[0][1], folder=folder, title=title)
    if csv is not None:
        found.to_csv(csv)
    if as_json:
        print_json([{k: None if v != v else v for k, v in row.items()} for row in found.to_rows()])
        return
    out = console()
    shown = _columns(found, out.width)
    table = simple_table("", *shown)
    for column in table.columns:
        column.no_wrap = True
        if column.header not in _NUMBERS:
            column.justify = "left"
    for cells in zip(*shown.values(), strict=True):
        table.add_row(*map(literal, cells))
    out.print(table)
    out.print()
    out.print(literal(found.headline()))
    if hidden := [name for name in _EXPENDABLE if name not in shown and name in _columns(found, None)]:
        out.print(literal(f"more columns in a wider terminal: {', '.join(hidden)}", "dim"))
    for file in filter(None, (page, csv)):
        out.print(literal(f"written: {file}"), soft_wrap=True)


def _columns(runs: RunList, width: int | None) -> dict[str, list[str]]:
    """Return the cells of the columns that fit into a width; names of runs are never cut."""
    results = [run.result for run in runs]
    columns = {
        "run": [run.name for run in runs],
        "episodes": [f"{run.episodes:,}" for run in runs],
        "errors": [f"{run.errors:,}" if run.errors else "-" for run in runs],
        "score": [first if run.score is not None else "-" for run, (first, _) in zip(runs, results, strict=True)],
        "interval": [interval or "-" for _, interval in results],
        "result": [run.figure for run in runs],
        "environment": [run.env for run in runs],
        "agent": [run.agent for run in runs],
        "model": [run.model for run in runs],
        "begun": [run.created for run in runs],
    }
    columns = {name: cells for name, cells in columns.items() if set(cells) - {"", "-"}}
    for name in _EXPENDABLE:
        if width is None or sum(_width(*column) + 2 for column in columns.items()) <= width:
            break
        columns.pop(name, None)
    if width is None:
        return columns
    room = width - sum(_width(*column) + 2 for column in columns.items())
    for name in filter(columns.__contains__, _CUT):
        planned = _width(name, columns[name])
        most = max(_LEAST, planned + room)
        room -= min(most, max(map(len, columns[name]))) - planned
        columns[name] = [cell if len(cell) <= most else cell[: most - 1] + "…" for cell in columns[name]]
    return columns


def _width(name: str, cells: Sequence[str]) -> int:
    """Return the width that a column needs; the texts of some may be cut."""
    return min(max(map(len, [name, *cells])), _CUT.get(name, 1000))


def print_leaderboard(board: Leaderboard) -> None:
    """Print the ranking of many runs, and their paired differences."""
    from quintain.cli.tables import bounds, number, simple_table

    percent = f"{board.confidence:.0%} interval"
    ranking = simple_table("", "run", "rank", "range", board.quantity, percent, "n", "left out", "errors")
    for each in board.standings:
        ranks = str(each.best) if each.best == each.worst else f"{each.best} to {each.worst}"
        cells = number(each.score.estimate, board.kind), bounds(each.score, board.kind), f"{each.score.n:,}"
        ranking.add_row(
            literal(each.name), str(each.rank), ranks, *cells, str(each.left_out or "-"), str(each.errors or "-")
        )
    pairs = simple_table("Paired differences", "A", "B", "A - B", percent, f"p (Holm, of {len(board.differences)})")
    pairs.columns[1].justify = "left"
    for test in board.differences:
        difference = test.difference
        cells = number(difference.estimate, board.kind), bounds(difference, board.kind), number(test.p_holm)
        pairs.add_row(literal(test.first), literal(test.second), *cells)
    out = console()
    out.print(ranking)
    out.print()
    out.print(pairs)
    out.print()
    out.print(literal(board.note, "dim"))
