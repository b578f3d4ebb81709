"""``quintain compare``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from quintain.cli.console import console, literal, print_json
from quintain.cli.options import check_confidence

__all__ = ["compare"]


def compare(
    runs: Annotated[list[Path], typer.Argument(help="Two run folders or more, of the same environment and seed.")],
    confidence: Annotated[float, typer.Option(help="Confidence level of the intervals, in (0, 1).")] = 0.95,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the bootstrap.")] = 0,
    page: Annotated[
        Path | None,
        typer.Option(
            help="Write a page to this file: every pair of transcripts of two runs, a leaderboard of more, or the "
            "learning curves of trainings."
        ),
    ] = None,
    csv: Annotated[Path | None, typer.Option(help="Write the table to this CSV file.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the comparison as JSON and nothing else.")] = False,
) -> None:
    """Compare runs pair by pair: episodes with the same seed posed the same problem.

    Prints the differences A minus B of two runs, with intervals over pairs. More runs are ranked, with the ranges of
    ranks that the data allow; p-values are corrected for the number of comparisons (Holm). Episodes that failed in any
    of the runs are left out of all columns, except of the row that counts them as failures.

    Trainings that differ in nothing but the seed are one condition: prints the means over seeds at the first and last
    step with intervals over seeds, and the differences between conditions, paired by seed.

    Examples:
        quintain eval CodeReason-v0 -a all-text --tasks letters -n 100 -o runs/text
        quintain eval CodeReason-v0 -a code-interpreter --tasks letters -n 100 -o runs/code
        quintain compare runs/code runs/text
        quintain compare runs/code runs/text --page compare.html
        quintain compare runs/a runs/b runs/c --page leaderboard.html
        quintain compare runs/grpo-seed0 runs/grpo-seed1 runs/ppo-seed0 runs/ppo-seed1 --page curves.html
    """
    check_confidence(confidence)
    if len(runs) < 2:
        raise typer.BadParameter("give the folders of two runs or more", param_hint="RUNS")
    options: dict[str, Any] = {"confidence": confidence, "seed": seed, "page": page, "csv": csv, "as_json": as_json}
    from quintain.records import read_manifest
    from quintain.training.folder import KIND

    if all(read_manifest(run).get("kind") == KIND for run in runs):
        _compare_trainings(runs, confidence=confidence, page=page, csv=csv, as_json=as_json)
    elif len(runs) > 2:
        _compare_many(runs, **options)
    else:
        _compare_two(runs[0], runs[1], **options)


def _compare_many(
    runs: list[Path], *, confidence: float, seed: int, page: Path | None, csv: Path | None, as_json: bool
) -> None:
    from quintain.cli.runs import print_leaderboard
    from quintain.experiments.kinds import rank_runs

    board = rank_runs(runs, confidence=confidence, seed=seed)
    if page is not None:
        from quintain.evaluation.html.leaderboard import write_leaderboards

        write_leaderboards([(f"{len(runs)} runs", board)], page, title="Comparison of runs")
    if csv is not None:
        board.to_csv(csv)
    if as_json:
        print_json(board.to_dict())
        return
    print_leaderboard(board)
    for file in filter(None, (page, csv)):
        console().print(literal(f"written: {file}"), soft_wrap=True)


def _compare_trainings(
    runs: list[Path], *, confidence: float, page: Path | None, csv: Path | None, as_json: bool
) -> None:
    from quintain.cli.tables import bounds, number, simple_table
    from quintain.experiments.learning import compare_trainings, kind_of_metric

    found = compare_trainings(runs, confidence=confidence)
    if page is not None:
        from quintain.experiments.learning_page import write_training_comparison

        write_training_comparison(found, page)
    if csv is not None:
        found.to_csv(csv)
    if as_json:
        print_json(found.to_dict())
        return
    percent = f"{confidence:.0%} interval"
    table = simple_table("", "condition", "metric", "step", "mean", percent, "seeds")
    table.columns[1].justify = "left"
    for end in found.ends():
        kind = kind_of_metric(end.metric)
        cells = number(end.value.estimate, kind), bounds(end.value, kind), str(end.value.n)
        table.add_row(literal(end.condition), end.metric, str(end.step), *cells)
    out = console()
    out.print(table)
    if found.differences:
        pairs = simple_table(
            "Differences at the end",
            "A",
            "B",
            "metric",
            "step",
            "A - B",
            percent,
            f"p (Holm, of {len(found.differences)})",
        )
        pairs.columns[1].justify = pairs.columns[2].justify = "left"
        for test in found.differences:
            kind = kind_of_metric(test.metric)
            cells = number(test.difference.estimate, kind), bounds(test.difference, kind), number(test.p_holm)
            pairs.add_row(literal(test.first), literal(test.second), test.metric, str(test.step), *cells)
        out.print()
        out.print(pairs)
    out.print()
    out.print(literal(found.note, "dim"))
    for file in filter(None, (page, csv)):
        out.print(literal(f"written: {file}"), soft_wrap=True)


def _compare_two(
    run_a: Path, run_b: Path, *, confidence: float, seed: int, page: Path | None, csv: Path | None, as_json: bool
) -> None:
    from quintain.cli.tables import bounds, number, simple_table
    from quintain.evaluation.report import Report
    from quintain.evaluation.summary import compared_rows
    from quintain.experiments.kinds import compare_runs

    a, b = Report.open(run_a, confidence), Report.open(run_b, confidence)
    found = compare_runs(a, b, confidence=confidence, seed=seed)
    if page is not None:
        from quintain.evaluation.html import write_comparison

        write_comparison(found, a, b, page)
    if csv is not None:
        found.to_csv(csv)
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
