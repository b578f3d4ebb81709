"""HTML page of a stored tournament, sweep or other run of matches."""

from __future__ import annotations

from pathlib import Path

from quintain.errors import RecordError
from quintain.experiments import kinds
from quintain.records import read_manifest

__all__ = ["write_run_page"]


def write_run_page(run: str | Path) -> Path:
    """Write ``report.html`` into the folder of a run of matches, finished or not.

    The ranking of a tournament is left out until every pair of players has finished a match.

    Args:
        run: Folder that a tournament, a sweep or :func:`run_matches` wrote.

    Returns:
        Path of the page.

    Raises:
        MissingDependencyError: Without the ``report`` extra.
        RecordError: If the folder holds no run of matches.
    """
    if "fixtures" not in read_manifest(run).get("config", {}):
        raise RecordError(f"no tournament, sweep or other run of matches at {str(run)!r}")
    return kinds.write_run_page(run)
