"""Running the experiment: in memory, or in a run folder that an interrupted run can be resumed from."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from quintain.experiments.malfunction.experiment import MalfunctionExperiment
from quintain.experiments.malfunction.table import MalfunctionTable, table_of
from quintain.experiments.runner import ExperimentRun
from quintain.files import write_atomically

__all__ = ["run_malfunction"]


def run_malfunction(
    experiment: MalfunctionExperiment,
    *,
    out: str | Path | None = None,
    resume: bool = False,
    show: bool | None = None,
    facts: Mapping[str, Any] | None = None,
    executor: str = "inline",
    workers: int = 2,
) -> MalfunctionTable:
    """Run the experiment.

    Args:
        experiment: Agents, attacks, guards and seeds.
        out: Run folder for records, ``leaderboard.csv``, ``leaderboard.md``, ``breakdown.csv`` and, with the extra
            ``report``, ``report.html``; ``None`` writes nothing.
        resume: Continue the run in ``out``; the result equals that of an uninterrupted run. Default: false.
        show: Whether to show a progress bar; ``None`` shows it where there is a terminal.
        facts: Further entries for the manifest's ``"facts"``.
        executor: Where to play: ``"inline"``, in this process, or ``"process"``, in ``workers`` new processes, to which
            the agents must be able to be sent. Default: ``"inline"``.
        workers: Number of processes of the executor, >= 1; ``"inline"`` ignores it. Default: 2.

    Raises:
        ConfigurationError: If the parts do not fit together; raised before anything is played.
        RecordError: If ``out`` holds another run.
    """
    with ExperimentRun(
        experiment, out=out, resume=resume, progress=show, metadata={"facts": dict(facts or {})}, executor=executor,
        workers=workers,
    ) as run:  # fmt: skip
        run.play()
        table = table_of(run.report(experiment.confidence))
        if out is not None:
            write_leaderboard(table, Path(out))
            run.write_page(experiment.confidence)
    return table


def write_leaderboard(table: MalfunctionTable, folder: Path) -> None:
    """Write ``leaderboard.csv``, ``leaderboard.md`` and ``breakdown.csv``."""
    write_atomically(folder / "leaderboard.csv", table.to_csv())
    write_atomically(folder / "leaderboard.md", table.to_markdown())
    write_atomically(folder / "breakdown.csv", table.breakdown.to_csv())
