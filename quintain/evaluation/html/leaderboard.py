"""``write_leaderboards``: a page that ranks runs, with paired differences and how each run can be reproduced."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from quintain.evaluation.html.frame import fill, scale
from quintain.evaluation.html.reproduce import reproduce
from quintain.evaluation.leaderboard import Leaderboard
from quintain.evaluation.tabular import Row
from quintain.files import write_atomically
from quintain.records import read_manifest

__all__ = ["write_leaderboards"]


def write_leaderboards(
    boards: Sequence[tuple[str, Leaderboard]],
    path: str | Path,
    *,
    runs: Sequence[Row] = (),
    folder: str | Path = "",
    title: str = "Leaderboard",
) -> Path:
    """Write one self-contained page with leaderboards.

    Args:
        boards: Title and leaderboard of each group of runs.
        path: The file. Links to the runs' own pages are relative to it.
        runs: Rows of a table of all runs, ranked or not. ``"run"`` is the run folder.
        folder: Folder to which the run folders are relative. Default: the current folder.
        title: Heading of the page.

    Returns:
        Path of the page.

    Raises:
        MissingDependencyError: Without the ``report`` extra.
    """
    target = Path(path)
    page = fill(
        "leaderboard.html",
        title=title,
        boards=[(name, board, _scale(board)) for name, board in boards],
        runs=runs,
        link=lambda run: _link(run, target),
        link_listed=lambda run: _link(str(Path(folder, run)), target),
        reproduce=_reproduce,
    )
    write_atomically(target, page)
    return target


def _scale(board: Leaderboard) -> tuple[float, float]:
    return (0.0, 1.0) if board.quantity == "success" else scale([standing.score for standing in board.standings])


def _link(run: str, page: Path) -> str:
    """Return the address of a run's own page relative to this one; empty if there is none."""
    report = Path(run) / "report.html"
    return os.path.relpath(report, page.parent).replace(os.sep, "/") if run and report.is_file() else ""


def _reproduce(run: str, episodes: int) -> Any:
    return reproduce(read_manifest(run), episodes) if run else None
