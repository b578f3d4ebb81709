"""The record of a run: one JSON line per finished episode, and a manifest that says exactly what was run.

A run folder holds ``run.json`` (the manifest), ``episodes.jsonl`` (the records) and, once made, ``report.html``. A
line is flushed at once and reaches the disk within a second, so a killed run loses nothing but the episodes in
flight. If an episode was run again, its last line counts.
"""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import json
import operator
import os
import sys
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Literal, Self

import numpy as np

from quintain.errors import RecordError

__all__ = ["SCHEMA", "EpisodeRecord", "Outcome", "RunFolder", "read_episodes", "read_manifest", "to_json"]

#: Version of the line format. Readers refuse newer versions.
SCHEMA = 1

#: How an episode ended. ``finished``: it ended, and the environment does not say what success is.
Outcome = Literal["success", "failure", "parse_error", "invalid_action", "error", "finished"]
OUTCOMES: tuple[Outcome, ...] = ("success", "failure", "parse_error", "invalid_action", "finished", "error")

_FSYNC_EVERY_S = 0.5
_DEEPEST = 100


@dataclass(slots=True)
class EpisodeRecord:
    """Everything that happened in one episode: one line of ``episodes.jsonl``.

    Attributes:
        index: Number of the episode in its run, from 0.
        seed: The episode's seed; a function of the run's seed and ``index`` alone.
        outcome: How it ended.
        returns: Sum of rewards per seat.
        steps: One entry per action: ``observation``, ``action``, ``reward`` and, in games, ``seat``.
        final_observation: What the last step showed; ``None`` where there was no step, and in games.
        truncated: Whether something outside the task ended the episode.
        info: The environment's last ``info``: ``task_id``, ``task_hash``, ``reward_terms``, ``metrics`` and the like.
        reward_terms: Named parts of the return, summed over the episode.
        reward_errors: Steps for which a reward term had no valid value, and so paid nothing.
        error: For outcome ``error``: ``boundary``, ``type`` and ``message``; else ``None``.
        calls: Every exchange with a language model: the request's ``key`` and its ``replies``.
        prompt_tokens: Tokens the model read.
        completion_tokens: Tokens it generated.
        wall_s: Seconds from reset to end, waiting included.
        schema: Version of this format.
    """

    index: int
    seed: int
    outcome: Outcome
    returns: dict[str, float]
    steps: list[dict[str, Any]] = field(default_factory=list)
    final_observation: Any = None
    truncated: bool = False
    info: dict[str, Any] = field(default_factory=dict)
    reward_terms: dict[str, float] = field(default_factory=dict)
    reward_errors: int = 0
    error: dict[str, str] | None = None
    calls: list[dict[str, Any]] = field(default_factory=list)
    prompt_tokens: int = 0
    completion_tokens: int = 0
    wall_s: float = 0.0
    schema: int = SCHEMA

    @property
    def reward(self) -> float:
        """Return of the first seat, which is the only one outside games."""
        return next(iter(self.returns.values()), 0.0)

    @property
    def task(self) -> str:
        """Name of the task, or an empty string where the environment has none."""
        return str(self.info.get("task", ""))

    def to_line(self) -> str:
        """Write the record as one line of ASCII JSON."""
        return to_json(dict(zip(_FIELDS, _values(self), strict=True)))

    @classmethod
    def from_line(cls, line: str | bytes) -> Self:
        """Read a record.

        Raises:
            ValueError: If the line is not a complete record.
            RecordError: If it was written by a newer version.
        """
        data = json.loads(line)
        if not isinstance(data, dict):
            raise ValueError("not a record")
        if data.get("schema", SCHEMA) > SCHEMA:
            raise RecordError(
                f"the record has schema {data['schema']}, this version reads up to {SCHEMA}; update quintain"
            )
        try:
            return cls(**{k: v for k, v in data.items() if k in _FIELDS})
        except TypeError as error:
            raise ValueError(f"not a record: {error}") from error


_FIELDS = tuple(f.name for f in dataclasses.fields(EpisodeRecord))
_values = operator.attrgetter(*_FIELDS)


def to_json(data: Any) -> str:
    """Dump as one line of ASCII JSON, whatever it is.

    NumPy scalars and arrays become numbers and lists, NaN becomes ``null``, keys become strings, and what JSON has no
    word for, or is nested deeper than 100 levels, becomes its ``repr``.
    """
    try:
        return _ENCODER.encode(data)
    except (ValueError, TypeError, RecursionError):
        return _ENCODER.encode(_forced(data))


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        item = value.item()
        return repr(value) if isinstance(item, np.generic) else item  # a long double stays what it is
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, (set, frozenset)):
        return sorted(value, key=repr)
    if isinstance(value, Path):
        return str(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    if isinstance(value, Mapping):
        return dict(value)
    return repr(value)


_ENCODER = json.JSONEncoder(default=_plain, separators=(",", ":"), allow_nan=False, check_circular=False)


def _forced(value: Any, depth: int = 0) -> Any:
    if depth > _DEEPEST:
        return repr(value)[:1000]
    if isinstance(value, float):
        return value if np.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(k): _forced(v, depth + 1) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_forced(v, depth + 1) for v in value]
    return value if value is None or isinstance(value, (str, int)) else _forced(_plain(value), depth + 1)


def read_episodes(run: str | Path) -> list[EpisodeRecord]:
    """Read a run's episodes in order; of an episode that was run twice, the later line counts.

    A damaged line is left out: a cut-off last line is what a killed run leaves behind.

    Raises:
        RecordError: If there is no run at ``run``, or it was written by a newer version.
    """
    path = Path(run) / "episodes.jsonl"
    if not path.is_file():
        inner = sorted(found.parent for deep in ("*", "*/*") for found in Path(run).glob(f"{deep}/episodes.jsonl"))
        such = f", such as {', '.join(repr(str(folder)) for folder in inner[:3])}" if inner else ""
        raise RecordError(f"no run at {str(run)!r}: expected a folder with episodes.jsonl{such}")
    episodes: dict[int, EpisodeRecord] = {}
    with path.open("rb") as lines:
        for line in lines:
            try:
                record = EpisodeRecord.from_line(line)
            except ValueError:
                continue
            episodes[record.index] = record
    return [episodes[i] for i in sorted(episodes)]


def read_manifest(run: str | Path) -> dict[str, Any]:
    """Read a run's manifest; empty if there is none.

    Raises:
        RecordError: If it is damaged.
    """
    path = Path(run) / "run.json"
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise RecordError(f"{str(path)!r} is damaged ({error}); the episodes beside it are still readable") from error
    return manifest if isinstance(manifest, dict) else {}


class RunFolder:
    """Writes a run folder. Use as a context manager.

    Args:
        path: The folder; made if missing.
        manifest: What is being run. On resuming, the parts under ``"config"`` must be equal to the stored ones.
        resume: Continue a run. Without it, a folder that already holds a run is refused.

    Raises:
        RecordError: If the folder holds another run, is being written by one, or cannot be written.
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
                f"{str(self.path)!r} holds episodes and no run.json, so nobody can tell what they are of; "
                "choose another folder"
            )
        if resume and manifest_path.exists():
            _check_same(read_manifest(self.path), json.loads(to_json(manifest)), self.path)
        else:
            _write_atomically(manifest_path, json.dumps(json.loads(to_json(manifest)), indent=2) + "\n")
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
        if not self._dirty.is_set():  # asking is cheaper than waking the syncer once more
            self._dirty.set()

    def write_facts(self, facts: Mapping[str, Any]) -> None:
        """Add to the manifest what is known only once agent and environment are made."""
        path = self.path / "run.json"
        manifest = read_manifest(self.path) | {"facts": json.loads(to_json(facts))}
        _write_atomically(path, json.dumps(manifest, indent=2) + "\n")

    def close(self) -> None:
        """Bring everything to the disk and close."""
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


def _lock(file: IO[bytes], path: Path) -> None:
    """Keep others from writing until ``file`` is closed, where the platform and its file system can."""
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
    """Cut off a last line that a killed run left unfinished; complete lines are never touched."""
    with path.open("rb+") as file:
        data = file.read()
        if data and not data.endswith(b"\n"):
            file.truncate(data.rfind(b"\n") + 1)


def _write_atomically(path: Path, text: str) -> None:
    temporary = path.with_suffix(".tmp")
    with temporary.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def _check_same(stored: Mapping[str, Any], wanted: Mapping[str, Any], path: Path) -> None:
    differences = list(_differences(stored.get("config"), wanted.get("config"), ""))
    if differences:
        shown = "; ".join(differences[:5])
        raise RecordError(f"{str(path)!r} holds a run with another configuration: {shown}. Choose another folder")


class _Absent:
    def __repr__(self) -> str:
        return "not given"


_ABSENT = _Absent()


def _differences(stored: Any, wanted: Any, name: str) -> Iterable[str]:
    if isinstance(stored, dict) and isinstance(wanted, dict):
        for key in sorted(stored.keys() | wanted.keys()):
            yield from _differences(stored.get(key, _ABSENT), wanted.get(key, _ABSENT), f"{name}.{key}".lstrip("."))
    elif stored != wanted:
        yield f"{name} was {stored!r}, is {wanted!r}"
