"""Table and page of a stored robustness run."""

from __future__ import annotations

from pathlib import Path

from quintain.errors import RecordError
from quintain.experiments.kinds import load_run, write_run_page
from quintain.experiments.robustness.experiment import RobustnessExperiment
from quintain.experiments.robustness.table import RobustnessTable
from quintain.records import read_manifest

__all__ = ["load_robustness", "write_robustness_report"]


def load_robustness(run: str | Path, confidence: float | None = None) -> RobustnessTable:
    """Compute the table of a run folder, finished or not.

    Args:
        run: Folder that a robustness run wrote.
        confidence: Nominal coverage of the intervals, in (0, 1); ``None`` takes the run's own.

    Raises:
        RecordError: If there is no robustness run at ``run``.
    """
    _check(run)
    return RobustnessExperiment.tabulate(load_run(run, confidence))


def write_robustness_report(
    run: str | Path, path: str | Path | None = None, *, confidence: float | None = None
) -> Path:
    """Write the page of a robustness run, finished or not.

    The page is a single file that works offline. Names that users chose are data in it, never markup, and a strict
    content security policy lets no script run but the page's own.

    Args:
        run: Folder that a robustness run wrote.
        path: The page's path; ``None`` means ``report.html`` in the run folder.
        confidence: Nominal coverage of the intervals, in (0, 1); ``None`` takes the run's own.

    Returns:
        Path of the page.

    Raises:
        MissingDependencyError: Without the ``report`` extra.
        RecordError: If there is no robustness run at ``run``.
    """
    _check(run)
    return write_run_page(run, path, confidence=confidence)


def _check(run: str | Path) -> None:
    if read_manifest(run).get("kind") != RobustnessExperiment.kind:
        raise RecordError(f"no robustness run at {str(run)!r}")
