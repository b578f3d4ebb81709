"""Runs of one environment and one agent (``evaluate``) or one agent per seat (``play``), as kinds of run."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from quintain.evaluation.html.page import render, write_report
from quintain.evaluation.report import Report
from quintain.evaluation.rescore import Rescored, rescore

__all__ = ["EvaluateRun", "PlayRun"]


class PlayRun:
    """A run of :func:`quintain.play`."""

    kind: ClassVar[str] = "play"

    @classmethod
    def tabulate(cls, report: Report) -> Report:
        """Return the report itself: it computes success, returns and metrics."""
        return report

    @classmethod
    def page(cls, report: Report) -> str:
        """Return the page: summary, plots, provenance, every transcript.

        Raises:
            MissingDependencyError: Without the ``report`` extra.
        """
        return render(report)

    @classmethod
    def write_page(cls, report: Report, path: Path) -> None:
        """Write the page, and files with the transcripts beside it if they are many.

        Raises:
            MissingDependencyError: Without the ``report`` extra.
        """
        write_report(report, path)


class EvaluateRun(PlayRun):
    """A run of :func:`quintain.evaluate`. Its manifest has no ``"kind"``."""

    kind: ClassVar[str] = "evaluate"

    @classmethod
    def rescore(cls, run: str | Path, **options: Any) -> Rescored:
        """Score the stored actions again. See :func:`quintain.rescore`."""
        return rescore(run, **options)
