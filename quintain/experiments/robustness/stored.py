"""Reading the table of a stored run."""

from __future__ import annotations

import json
from pathlib import Path

from quintain.errors import RecordError
from quintain.experiments.robustness.episodes import tabulate
from quintain.experiments.robustness.reachability import Reach
from quintain.experiments.robustness.table import RobustnessTable
from quintain.records import read_episodes, read_manifest

__all__ = ["load_robustness"]


def load_robustness(run: str | Path, confidence: float | None = None) -> RobustnessTable:
    """Read the table of a run folder, finished or not.

    Raises:
        RecordError: If there is no robustness run at ``run``.
    """
    manifest = read_manifest(run)
    if manifest.get("kind") != "robustness":
        raise RecordError(f"no robustness run at {str(run)!r}")
    if confidence is not None:
        manifest["confidence"] = confidence
    path = Path(run) / "reachability.json"
    reach = json.loads(path.read_text(encoding="utf-8"))["reach"] if path.exists() else []
    rows = tabulate(read_episodes(run), manifest.get("confidence", 0.95))
    return RobustnessTable(rows, tuple(map(Reach.from_dict, reach)), manifest)
