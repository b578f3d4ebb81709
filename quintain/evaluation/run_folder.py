"""The folder of a run: its manifest and records, written so that a killed run can be resumed."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import sys
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import IO, Any, Self

from quintain.engines.registry import without_transport
from quintain.errors import RecordError
from quintain.evaluation.job import DEFAULT_MAX_STEPS
from quintain.files import write_atomically
from quintain.json_text import from_exact_json, to_exact_json
from quintain.records import EpisodeRecord, read_episodes, read_manifest

__all__ = ["RunFolder"]

#: Seconds between two syncs to the disk.
_FSYNC_EVERY_S = 0.5

#: Parts of an agent's description that earlier versions did not write; their absence is no difference.
_ADDED_LATER = frozenset({"source_hash", "uses_simulator", "uses_solution"})

#: Settings that earlier versions did not have, and the values with which their runs are continued.
_DEFAULTS_ADDED_LATER = {"max_steps": DEFAULT_MAX_STEPS}

#: Facts that decide what a model is asked, so a run has one value of each: defaults that depend on the engine at hand,
#: the wording of an environment's rules, which a new version may change, and the checksum of a data set. Whether an
#: argument of that name exists.
_RESOLVED = {"dialect": True, "extract": True, "rules": False, "data": False}


class RunFolder:
    """Writes the manifest and records of a run. Use as a context manager.

    Args:
        path: The folder; made if missing.
        manifest: Configuration, versions and platform. On resuming, ``"config"`` must equal the stored one, apart
            from how a server is reached (its address, key, time-outs, attempts and connections).
        resume: Continue a run. Without it, a folder that already holds a run is refused.

    Attributes:
        path: Path of the run folder.
        episodes: The records that a resumed run found, sorted by index.

    Raises:
        RecordError: If the folder holds another run, another process writes to it, or it cannot be written.
    """

    def __init__(self, path: str | Path, manifest: Mapping[str, Any], *, resume: bool = False) -> None:
        self.path = Path(path)
        self.episodes: list[EpisodeRecord] = []
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            self._file = (self.path / "episodes.jsonl").open("ab", buffering=0)
            try:
                _lock(self._file, self.path)
                self._begin(manifest, resume)
            except BaseException:
                self._file.close()
                raise
        except OSError as error:
            raise RecordError(f"cannot write the run folder {str(self.path)!r}: {error}") from error
        self._end = os.fstat(self._file.fileno()).st_size
        self._dirty = threading.Event()
        self._closing = threading.Event()
        self._lock = threading.Lock()
        self._syncer = threading.Thread(target=self._sync_often, daemon=True, name="quintain-fsync")
        self._syncer.start()

    def _begin(self, manifest: Mapping[str, Any], resume: bool) -> None:
        manifest_path, episodes_path = self.path / "run.json", self.path / "episodes.jsonl"
        holds = episodes_path.stat().st_size > 0
        if holds and not resume:
            raise RecordError(
                f"{str(self.path)!r} already holds a run; continue it with resume=True (--resume), "
                "or choose another folder"
            )
        if holds and not manifest_path.exists():
            raise RecordError(
                f"{str(self.path)!r} holds episodes but no run.json that describes them; choose another folder"
            )
        if resume and manifest_path.exists():
            _check_same(read_manifest(self.path), from_exact_json(to_exact_json(manifest)), self.path)
        else:
            _write_manifest(manifest_path, manifest)
        _cut_torn_tail(episodes_path)
        self.episodes = read_episodes(self.path)

    def append(self, record: EpisodeRecord) -> None:
        """Write one finished episode.

        Raises:
            RecordError: If the disk is full or fails. The file ends with the last complete record, so the run can be
                resumed once there is room.
        """
        self.append_line(record.to_line())

    def append_line(self, line: str) -> None:
        """Write one record that is already a line of JSON. See :meth:`append`."""
        data = line.encode("ascii") + b"\n"
        with self._lock:
            try:
                written = 0
                while written < len(data):
                    written += self._file.write(data[written:]) or 0
            except OSError as error:
                with contextlib.suppress(OSError):
                    self._file.truncate(self._end)
                reason = "the disk is full" if error.errno in (errno.ENOSPC, errno.EDQUOT) else str(error)
                raise RecordError(
                    f"cannot record into {str(self.path)!r}: {reason}. Finished episodes are safe; "
                    "make room and continue with resume=True (--resume)"
                ) from error
            self._end += len(data)
        if not self._dirty.is_set():  # a test is cheaper than waking the thread that syncs
            self._dirty.set()

    def write_facts(self, facts: Mapping[str, Any]) -> None:
        """Add facts to the manifest that only the made agent and environment know.

        Raises:
            RecordError: If the folder's episodes were played with other defaults: see :data:`_RESOLVED`.
        """
        path = self.path / "run.json"
        manifest, new = read_manifest(self.path), from_exact_json(to_exact_json(facts))
        if self.episodes:
            was, now = _resolved(manifest.get("facts", {})), _resolved(new)
            for name in sorted(was.keys() & now.keys()):
                if was[name] != now[name]:
                    argument = name.rpartition(".")[2]
                    remedy = f"give {argument}={was[name]!r} to go on, or " if _RESOLVED[argument] else ""
                    raise RecordError(
                        f"{str(self.path)!r} was played with {name} = {was[name]!r}, and now it is {now[name]!r}; "
                        f"{remedy}choose another folder"
                    )
        _write_manifest(path, manifest | {"facts": new})

    def write_texts(self, texts: Mapping[str, str]) -> None:
        """Write the texts to which records refer into the manifest; see :mod:`quintain.evaluation.requests`."""
        _write_manifest(self.path / "run.json", read_manifest(self.path) | {"texts": dict(texts)})

    def close(self) -> None:
        """Sync the records to the disk and close the file."""
        if not self._closing.is_set():
            self._closing.set()
            self._dirty.set()
            self._syncer.join()
            with contextlib.suppress(OSError):  # already reported by append, or not a file that can be synced
                os.fsync(self._file.fileno())
            self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _sync_often(self) -> None:
        while not self._closing.is_set():
            self._dirty.wait()
            self._dirty.clear()
            if not self._closing.is_set():
                with contextlib.suppress(OSError):
                    os.fsync(self._file.fileno())
                self._closing.wait(_FSYNC_EVERY_S)


def _write_manifest(path: Path, manifest: Mapping[str, Any]) -> None:
    write_atomically(path, json.dumps(json.loads(to_exact_json(manifest)), indent=2) + "\n")


def _lock(file: IO[bytes], path: Path) -> None:
    """Lock ``file`` against other processes until it is closed, where platform and file system support it."""
    if sys.platform == "win32":
        return
    import fcntl

    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise RecordError(f"another run is writing into {str(path)!r}; wait for its end, or stop it") from error
    except OSError:
        return


def _cut_torn_tail(path: Path) -> None:
    """Remove a last line that is not a complete record, which a killed run leaves behind."""
    with path.open("rb+") as file:
        data = file.read()
        start = data.rfind(b"\n", 0, max(0, len(data) - 1)) + 1
        if data and not (data.endswith(b"\n") and _is_record(data[start:])):
            file.truncate(start)


def _is_record(line: bytes) -> bool:
    try:
        EpisodeRecord.from_line(line)
    except ValueError:
        return not line.strip()
    return True


def _check_same(stored: Mapping[str, Any], wanted: Mapping[str, Any], path: Path) -> None:
    was, now = without_transport(stored.get("config")), without_transport(wanted.get("config"))
    differences = list(_differences(was, now, ""))
    if differences:
        shown = "; ".join(differences[:5])
        raise RecordError(f"{str(path)!r} holds a run with another configuration: {shown}. Choose another folder")


def _resolved(facts: Any, name: str = "") -> dict[str, Any]:
    """Return the resolved defaults in facts by their dotted names."""
    found: dict[str, Any] = {}
    for key, value in facts.items() if isinstance(facts, dict) else ():
        here = f"{name}.{key}".lstrip(".")
        found |= {here: value} if key in _RESOLVED else _resolved(value, here)
    return found


class _Absent:
    def __repr__(self) -> str:
        return "not given"


_ABSENT = _Absent()


def _differences(stored: Any, wanted: Any, name: str) -> Iterable[str]:
    if isinstance(stored, dict) and isinstance(wanted, dict):
        for key in sorted(stored.keys() | wanted.keys()):
            if key not in stored and (
                key in _ADDED_LATER or (key in _DEFAULTS_ADDED_LATER and wanted[key] == _DEFAULTS_ADDED_LATER[key])
            ):
                continue
            yield from _differences(stored.get(key, _ABSENT), wanted.get(key, _ABSENT), f"{name}.{key}".lstrip("."))
    elif stored != wanted and repr(stored) != repr(wanted):  # NaN differs from itself
        yield f"{name} was {stored!r}, is {wanted!r}"
