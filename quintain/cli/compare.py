"""``quintain compare``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from quintain.cli.console import console, literal, print_json
from quintain.cli.options import check_confidence

__all__ = ["compare"]


def compare(
    run_a: Annotated[Path, typer.Argument(help="A run folder.")],
    run_b: Annotated[Path, typer.Argument(help="A run folder of the same environment and seed.")],
    confidence: Annotated[float, typer.Option(help="Nominal coverage of the intervals, in (0, 1).")] = 0.95,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the bootstrap.")] = 0,
    page: Annotated[
        Path | None, typer.Option(help="Write a page with every pair of transcripts side by side to this file.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the comparison as JSON and nothing else.")] = False,
) -> None:
    """Compare two runs pair by pair: episodes with the same seed posed the same problem.

    Differences are A minus B, with intervals over pairs. Episodes that failed for infrastructure reasons in
    either run are left out of all columns, except of the row that counts them as failures.

    Examples:
        quintain eval CodeReason-v0 -a all-text --tasks letters -n 100 -o runs/text
        quintain eval CodeReason-v0 -a code-interpreter --tasks letters -n 100 -o runs/code
        quintain compare runs/code runs/text
        quintain compare runs/code runs/text --page compare.html
    """
    check_confidence(confidence)
    from quintain.cli.tables import bounds, number, simple_table
    from quintain.evaluation.report import Report
    from quintain.evaluation.summary import compared_rows
    from quintain.experiments.kinds import compare_runs

    a, b = Report.open(run_a, confidence), Report.open(run_b, confidence)
    found = compare_runs(a, b, confidence=confidence, seed=seed)
    if page is not None:
        from quintain.evaluation.html import write_comparison

        write_comparison(found, a, b, page)
    if as_json:
        print_json(found.to_dict())
        return
    methods: list[str] = []
    table = simple_table("", "", "A", "B", "A - B", f"{confidence:.0%} interval", "pairs")
    for row in compared_rows(found, a, b):
        estimates = (number(each.estimate, row.kind) for each in (row.first, row.second, row.difference))
        table.add_row(row.name, *estimates, bounds(row.difference, row.kind), f"{row.difference.n:,}")
        methods.append(f"{row.name}: {row.difference.remarks}")
    out = console()
    out.print(literal(f"A: {run_a}\nB: {run_b}", "dim"), soft_wrap=True)
    out.print()
    out.print(table)
    for method in methods:
        out.print(literal(method, "dim"), soft_wrap=True)
    out.print()
    left_out = f"{found.left_out} episodes left out" if found.left_out else "none left out"
    out.print(f"A higher in {found.wins}, B higher in {found.losses}, {found.ties} ties; {left_out}")
    if found.worst_case is not None:
        out.print("worst case: errors counted as failures", style="dim")
    out.print(found.hint, style="bold")
    if page is not None:
        out.print(literal(f"page: {page}"), soft_wrap=True)
