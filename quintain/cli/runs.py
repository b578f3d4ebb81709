"""``quintain runs``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from quintain.cli.console import console, literal, print_json
from quintain.cli.options import check_confidence

if TYPE_CHECKING:
    from quintain.evaluation.leaderboard import Leaderboard

__all__ = ["print_leaderboard", "runs"]


def runs(
    folder: Annotated[Path, typer.Argument(help="A folder with runs, such as runs.")] = Path("runs"),
    page: Annotated[Path | None, typer.Option(help="Write a page with leaderboards to this file.")] = None,
    csv: Annotated[Path | None, typer.Option(help="Write the list to this CSV file.")] = None,
    confidence: Annotated[float, typer.Option(help="Nominal coverage of the intervals, in (0, 1).")] = 0.95,
    as_json: Annotated[bool, typer.Option("--json", help="Print the list as JSON and nothing else.")] = False,
) -> None:
    """List the runs in a folder with their headline figures, oldest first.

    With --page, runs that posed the same items (environment, arguments and seed are equal) are ranked against
    each other, as by quintain compare.

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

        write_leaderboards(found.leaderboards(confidence), page, runs=found.tables()[0][1], title=f"Runs in {folder}")
    if csv is not None:
        found.to_csv(csv)
    if as_json:
        print_json([{k: None if v != v else v for k, v in row.items()} for row in found.to_rows()])
        return
    ((_, rows),) = found.tables()
    table = simple_table("", *rows[0])
    for column in table.columns:
        if column.header not in ("episodes", "errors"):
            column.justify = "left"
    for row in rows:
        table.add_row(*(literal("-" if value == 0 else value) for value in row.values()))
    out = console()
    out.print(table)
    out.print()
    out.print(literal(found.headline()))
    for file in filter(None, (page, csv)):
        out.print(literal(f"written: {file}"), soft_wrap=True)


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
