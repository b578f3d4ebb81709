"""Writing files atomically, locking them, and arrays with a description as one file without pickle."""

from __future__ import annotations

import io
import os
import sys
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quintain.errors import RecordError
from quintain.json_text import from_exact_json, to_exact_json

__all__ = ["load_arrays", "locked", "save_arrays", "write_atomically"]


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


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a lock that only one process has at a time; wait for it while another has it.

    A process that dies releases its locks. Where platform or file system has no locks, nothing is locked.

    Args:
        path: The file that is made or changed under the lock. The lock is a hidden file beside it, removed at the end.
    """
    if sys.platform == "win32":
        yield
        return
    import fcntl

    path.parent.mkdir(parents=True, exist_ok=True)
    lock = path.with_name(f".{path.name}.lock")
    while True:
        file = lock.open("w")
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
            if lock.exists() and os.path.samestat(os.fstat(file.fileno()), lock.stat()):
                break  # otherwise the process that had it before has removed the file
        except FileNotFoundError:
            pass
        except OSError:
            break
        file.close()
    try:
        yield
    finally:
        lock.unlink(missing_ok=True)
        file.close()


def save_arrays(path: Path, arrays: Mapping[str, NDArray[Any]], about: Mapping[str, Any]) -> None:
    """Write arrays and a description of them atomically as one compressed ``.npz`` file.

    Args:
        path: The file. Missing folders are made.
        arrays: Named arrays of numbers; ``"about"`` is taken.
        about: JSON-able data, stored beside the arrays as the array ``"about"`` of its UTF-8 bytes.
    """
    buffer = io.BytesIO()
    described = np.frombuffer(to_exact_json(about).encode(), dtype=np.uint8)
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
        return arrays, from_exact_json(arrays.pop("about").tobytes())
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise RecordError(f"cannot read {str(path)!r}: {error}") from error
