"""Where runs go that were given no folder, and what becomes of a folder in which nothing was played."""

from __future__ import annotations

import re
import shutil
from datetime import datetime
from pathlib import Path

__all__ = ["clear_away", "new_folder"]


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
