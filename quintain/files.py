"""Writing files atomically."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["write_atomically"]


def write_atomically(path: Path, text: str) -> None:
    """Write a text file so that readers see the old content or the new, never a part of it.

    Args:
        path: The file. A temporary file beside it is written, synced to the disk, and renamed.
        text: The new content, written as UTF-8.
    """
    temporary = path.with_name(f".{path.name}.tmp")
    with temporary.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
