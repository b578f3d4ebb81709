"""Writing files atomically, and arrays with a description as one file without pickle."""

from __future__ import annotations

import io
import json
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quintain.errors import RecordError
from quintain.records import to_json

__all__ = ["load_arrays", "save_arrays", "write_atomically"]


def write_atomically(path: Path, content: str | bytes) -> None:
    """Write a file so that readers see the old content or the new, never a part of it.

    The content goes to a temporary file in the same folder, which is synced to the disk and renamed. Several processes
    may write the same file; the last one wins.

    Args:
        path: The file. Missing folders are made.
        content: The new content; text is written as UTF-8.

    Raises:
        OSError: If the folder cannot be written. The file is then as before.
    """
    data = content.encode("utf-8") if isinstance(content, str) else content
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.urandom(4).hex()}.tmp")
    try:
        with temporary.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def save_arrays(path: Path, arrays: Mapping[str, NDArray[Any]], about: Mapping[str, Any]) -> None:
    """Write arrays and a description of them atomically as one compressed ``.npz`` file.

    Args:
        path: The file. Missing folders are made.
        arrays: Named arrays of numbers; ``"about"`` is taken.
        about: JSON-able data, stored beside the arrays as the array ``"about"`` of its UTF-8 bytes.
    """
    buffer = io.BytesIO()
    described = np.frombuffer(to_json(about).encode(), dtype=np.uint8)
    np.savez_compressed(buffer, about=described, **arrays)  # type: ignore[arg-type]
    write_atomically(path, buffer.getvalue())


def load_arrays(path: Path) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Read what :func:`save_arrays` wrote. Nothing in the file is run as code.

    Returns:
        The arrays by name, and the description.

    Raises:
        RecordError: If there is no such file, or it is damaged.
    """
    try:
        with np.load(path, allow_pickle=False) as stored:
            arrays = dict(stored)
        return arrays, json.loads(arrays.pop("about").tobytes())
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise RecordError(f"cannot read {str(path)!r}: {error}") from error
