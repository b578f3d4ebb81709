"""Where runs go that were given no folder, how they are continued, and what becomes of those with nothing played."""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

__all__ = ["clear_away", "continuing", "new_folder"]


def new_folder(*words: str) -> Path:
    """Name a folder under ``runs/`` that does not exist, after ``words`` and the time."""
    plain = [re.sub(r"[^\w.-]+", "-", word).strip("-").lower() for word in words]
    name = "-".join([*plain, datetime.now().strftime("%Y%m%d-%H%M%S")])
    folder, number = Path("runs") / name, 2
    while folder.exists():
        folder, number = Path("runs") / f"{name}-{number}", number + 1
    return folder


def clear_away(folder: Path) -> None:
    """Remove a folder of this call in which nothing was played, so that the corrected command may name it again."""
    records = folder / "episodes.jsonl"
    if not (records.exists() and records.stat().st_size):
        shutil.rmtree(folder, ignore_errors=True)


def continuing(words: Sequence[str], folder: Path) -> str:
    """Return the command that continues an interrupted run.

    Args:
        words: What was typed after ``quintain``.
        folder: Where the run is.
    """
    kept = [word for word in words if word != "--resume"]
    if not any(word == "--out" or word.startswith(("--out=", "-o")) for word in kept):
        kept += ["--out", str(folder)]
    return shlex.join(["quintain", *kept, "--resume"])
