"""``quintain aggregate``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from quintain.cli.console import console, literal, print_json
from quintain.cli.options import check_confidence

__all__ = ["aggregate"]


def aggregate(
    runs: Annotated[list[Path], typer.Argument(help="Run folders, one per trained policy.")],
    ranges: Annotated[
        list[str] | None,
        typer.Option(
            "--range",
            metavar="ENV=LOW,HIGH",
            help="Returns that count as 0 and as 1; needed for runs of different environments. Repeatable.",
        ),
    ] = None,
    confidence: Annotated[float, typer.Option(help="Confidence level of the intervals, in (0, 1).")] = 0.95,
    seed: Annotated[
        int, typer.Option(min=0, help="Seed of the resampling, which a mean of more than 20 runs has.")
    ] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON and nothing else.")] = False,
) -> None:
    """Aggregate runs of several training seeds: IQM, mean and median, with intervals over the seeds.

    The score of a run is its mean return. The intervals are over runs, so they show how much another training would
    differ: t or BCa for the mean, Yuen's t for the IQM, order statistics for the median; t for few runs.

    Examples:
        quintain eval CartPole-v1 -a seed0.zip -o runs/seed0
        quintain eval CartPole-v1 -a seed1.zip -o runs/seed1
        quintain aggregate runs/seed0 runs/seed1
        quintain aggregate runs/* --range CartPole-v1=20,500 --range Pendulum-v1=-1200,-150
    """
    check_confidence(confidence)
    from quintain.cli.tables import bounds, number, simple_table
    from quintain.evaluation.aggregate import aggregate as run

    found = run(runs, ranges=_ranges(ranges), confidence=confidence, seed=seed)
    if as_json:
        print_json(found.to_dict())
        return
    out = console()
    title = "score of the run" if found.normalised else "mean return"
    table = simple_table(f"{len(found.runs)} runs", "", "environment", title, "episodes", "errors")
    for each in found.runs:
        table.add_row(
            literal(each.run), literal(each.env), number(each.score), f"{each.episodes:,}", str(each.errors or "-")
        )
    out.print(table)
    out.print()
    summary = simple_table("Over training seeds", "", "estimate", f"{confidence:.0%} interval", "")
    for name, interval in found.intervals.items():
        summary.add_row(
            name, literal(number(interval.estimate), "bold"), bounds(interval), literal(interval.remarks, "dim")
        )
    out.print(summary)


def _ranges(values: list[str] | None) -> dict[str, tuple[float, float]] | None:
    found = {}
    for text in values or ():
        env, _, ends = text.rpartition("=")
        low, _, high = ends.partition(",")
        try:
            found[env] = float(low), float(high)
        except ValueError as error:
            raise typer.BadParameter(f"expected ENV=LOW,HIGH, got {text!r}", param_hint="--range") from error
        if not env:
            raise typer.BadParameter(f"expected ENV=LOW,HIGH, got {text!r}", param_hint="--range")
    return found or None
