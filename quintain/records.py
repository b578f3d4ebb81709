"""The record of a run: one JSON line per finished episode, and a manifest that describes the run.

A run folder holds ``run.json`` (the manifest), ``episodes.jsonl`` (the records) and, once made, ``report.html``. Each
line is flushed at once and synced to the disk within a second, so a killed run loses only its unfinished episodes. If
an episode was run again, its last line counts. A killed run may leave an incomplete last line: readers ignore it, and
a resumed run removes it. Any other damaged line is a :class:`~quintain.errors.RecordError`.
"""

from __future__ import annotations

import contextlib
import dataclasses
import math
import operator
import re
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NotRequired, Self, TypedDict, overload

from quintain.errors import RecordError
from quintain.json_text import from_exact_json, to_exact_json

__all__ = [
    "OUTCOMES",
    "SCHEMA",
    "EpisodeFile",
    "EpisodeRecord",
    "Outcome",
    "Step",
    "iter_episodes",
    "read_episodes",
    "read_manifest",
]

#: Version of the line format. Readers refuse newer versions.
SCHEMA = 1

#: How an episode ended. ``finished``: it ended, and the environment reports no success.
Outcome = Literal["success", "failure", "parse_error", "invalid_action", "error", "finished"]
#: The outcomes, in the order of the tables.
OUTCOMES: tuple[Outcome, ...] = ("success", "failure", "parse_error", "invalid_action", "finished", "error")


class Step(TypedDict):
    """One action of one seat.

    Attributes:
        observation: What the agent was given before it acted, as JSON-able data.
        action: What it chose, as JSON-able data.
        reward: The reward of the environment's step, a finite number.
        seat: The acting seat; absent in single-agent environments, where it is ``"agent"``.
        attack: ``info["attack"]`` of the step; absent without an attack.
    """

    observation: Any
    action: Any
    reward: float
    seat: NotRequired[str]
    attack: NotRequired[Any]


@dataclass(slots=True)
class EpisodeRecord:
    """The record of one episode: one line of ``episodes.jsonl``.

    Attributes:
        index: Number of the episode in its run, from 0.
        seed: The episode's seed; a function of the run's seed and ``index`` alone.
        outcome: How the episode ended.
        returns: Sum of rewards per seat; the seat is ``"agent"`` in single-agent environments.
        steps: One entry per action, in order.
        final_observation: The observation after the last step; ``None`` without a step, and in games.
        truncated: Whether the environment reported truncation at the end, or the run's cap on steps ended the episode;
            then ``info["truncated_by"]`` is ``"max_steps"``.
        info: The environment's last ``info``: ``task_id``, ``task_hash``, ``reward_terms``, ``metrics`` and the like.
        reward_terms: Named parts of the return, summed over the episode.
        reward_errors: Number of steps at which a reward term had no valid value and counted 0.
        error: For outcome ``error``: ``boundary``, ``type`` and ``message``; else ``None``.
        calls: Every exchange with a language model: the request's ``key``, its ``replies``, and what was ``asked``; see
            :mod:`quintain.evaluation.requests`. ``seconds`` is the model's own time, where the engine measures it.
        messages: The messages of all calls, each once; a call refers to them by index.
        decisions: How actions were chosen among several replies, by agents that sample more than one: ``step``,
            ``seat``, ``candidates`` (``text``, ``answer``, ``tokens``, ``scores``), ``votes``, ``chosen``, ``spent``
            and more; a text may be a reference, as in :mod:`quintain.evaluation.requests`. A guard that ends an episode
            adds ``step``, ``seat`` and why it ``stopped``.
        prompt_tokens: Number of prompt tokens of all requests.
        completion_tokens: Number of generated tokens.
        reasoning_tokens: Number of these that are reasoning; an estimate where the engine does not report it.
        wall_s: Wall-clock seconds from reset to end, waiting included.
        item: Number of the item in its run, from 0: episodes of one item begin alike. ``None`` in runs of other kinds
            than ``evaluate``, and in those of version 0.1.0.
        repeat: Number of the answer to the item, from 0: each has random seeds of its own for the agent.
        schema: Version of the line format.
    """

    index: int
    seed: int
    outcome: Outcome
    returns: dict[str, float]
    steps: list[Step] = field(default_factory=list)
    final_observation: Any = None
    truncated: bool = False
    info: dict[str, Any] = field(default_factory=dict)
    reward_terms: dict[str, float] = field(default_factory=dict)
    reward_errors: int = 0
    error: dict[str, str] | None = None
    calls: list[dict[str, Any]] = field(default_factory=list)
    messages: list[dict[str, Any]] = field(default_factory=list)
    decisions: list[dict[str, Any]] = field(default_factory=list)
    prompt_tokens: int = 0
    completion_tokens: int = 0
    reasoning_tokens: int = 0
    wall_s: float = 0.0
    item: int | None = None
    repeat: int = 0
    schema: int = SCHEMA

    @property
    def reward(self) -> float:
        """Return of the first seat, which is the only one outside games."""
        return next(iter(self.returns.values()), 0.0)

    @property
    def model_s(self) -> float | None:
        """Seconds that language models spent on the calls, time in a queue left out; ``None`` if not measured."""
        spent = [call["seconds"] for call in self.calls if "seconds" in call]
        return math.fsum(spent) if spent and len(spent) == len(self.calls) else None

    @property
    def task(self) -> str:
        """Name of the task, or an empty string where the environment has none."""
        return str(self.info.get("task", ""))

    def to_line(self) -> str:
        """Write the record as one line of ASCII JSON, which keeps every number: see :mod:`quintain.json_text`."""
        data = dict(zip(_FIELDS, _values(self), strict=True))
        if self.item is not None:
            data |= {"item": self.item, "repeat": self.repeat}
        if self.messages:
            data["messages"] = self.messages
        if self.decisions:
            data["decisions"] = self.decisions
        if self.reasoning_tokens:
            data["reasoning_tokens"] = self.reasoning_tokens
        return to_exact_json(data)

    @classmethod
    def from_line(cls, line: str | bytes) -> Self:
        """Read a record.

        Raises:
            ValueError: If the line is not a complete record.
            RecordError: If it was written by a newer version.
        """
        data = from_exact_json(line)
        if not isinstance(data, dict):
            raise ValueError("not a record")
        try:
            if data.get("schema", SCHEMA) > SCHEMA:
                raise RecordError(
                    f"the record has schema {data['schema']}, this version reads up to {SCHEMA}; update quintain"
                )
            return cls(**(data if data.keys() <= _KNOWN else {k: v for k, v in data.items() if k in _KNOWN}))
        except TypeError as error:
            raise ValueError(f"not a record: {error}") from error


_KNOWN = frozenset(f.name for f in dataclasses.fields(EpisodeRecord))
#: Fields that a line has only where they say something, as the lines of earlier versions do not have them.
_OPTIONAL = ("item", "repeat", "messages", "decisions", "reasoning_tokens")
_FIELDS = tuple(f.name for f in dataclasses.fields(EpisodeRecord) if f.name not in _OPTIONAL)
_values = operator.attrgetter(*_FIELDS)


def iter_episodes(run: str | Path) -> Iterator[EpisodeRecord]:
    """Iterate over the records of a run in the order of the file, which is the order of completion.

    An episode that was run again is yielded again, and its last record counts; :func:`read_episodes` keeps only that
    one. An incomplete last line, which a killed run leaves behind, is ignored.

    Args:
        run: A run folder, or its ``episodes.jsonl``.

    Raises:
        RecordError: If there is no such file, a line other than the last is damaged, or a newer version wrote it.
    """
    return _iter_file(_episodes_path(run))


def _episodes_path(run: str | Path) -> Path:
    path = Path(run)
    if not path.is_file():
        path = path / "episodes.jsonl"
    if not path.is_file():
        inner = sorted(found.parent for deep in ("*", "*/*") for found in Path(run).glob(f"{deep}/episodes.jsonl"))
        such = f", such as {', '.join(repr(str(folder)) for folder in inner[:3])}" if inner else ""
        raise RecordError(f"no run at {str(run)!r}: expected a folder with episodes.jsonl{such}")
    return path


def _iter_file(path: Path) -> Iterator[EpisodeRecord]:
    damage: tuple[int, ValueError] | None = None
    with path.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            if damage is not None:
                raise RecordError(_damage(damage[0], path, damage[1])) from damage[1]
            try:
                record = EpisodeRecord.from_line(line)
            except ValueError as error:
                damage = number, error
            else:
                yield record


def read_episodes(run: str | Path) -> list[EpisodeRecord]:
    """Read the records of a run, sorted by index; of an episode that was run again, the last record.

    Args:
        run: A run folder, or its ``episodes.jsonl``.

    Raises:
        RecordError: As :func:`iter_episodes`.
    """
    episodes = {record.index: record for record in iter_episodes(run)}
    return [episodes[i] for i in sorted(episodes)]


class EpisodeFile(Sequence[EpisodeRecord]):
    """The records of a run, read from the file one by one: what :func:`read_episodes` returns, in little memory.

    The file must not change while it is read.

    Args:
        run: A run folder, or its ``episodes.jsonl``.

    Attributes:
        indices: Indices of the episodes, ascending.

    Raises:
        RecordError: As :func:`iter_episodes`; for most damaged lines only when their record is read.
    """

    def __init__(self, run: str | Path) -> None:
        self._path = _episodes_path(run)
        lines: dict[int, tuple[int, int]] = {}
        last: tuple[int, int, int] | None = None
        at = 0
        with self._path.open("rb", buffering=_BUFFER) as file:
            for number, line in enumerate(file, start=1):
                if line.strip():
                    if last is not None:
                        self._note(lines, *last)
                    head = _LINE_HEAD.match(line)
                    last = number, at, int(head[1]) if head else -1
                at += len(line)
        if last is not None:
            with contextlib.suppress(_Damaged):  # a killed run leaves an incomplete last line behind
                lines[self._read(last[1], last[0]).index] = last[1], last[0]
        self.indices = sorted(lines)
        self._starts = array("q", [lines[index][0] for index in self.indices])
        self._numbers = array("q", [lines[index][1] for index in self.indices])

    def _note(self, lines: dict[int, tuple[int, int]], number: int, at: int, index: int) -> None:
        lines[index if index >= 0 else self._read(at, number).index] = at, number

    def _read(self, at: int, number: int) -> EpisodeRecord:
        with self._path.open("rb") as file:
            file.seek(at)
            return self._parse(file.readline(), number)

    def _parse(self, line: bytes, number: int) -> EpisodeRecord:
        try:
            return EpisodeRecord.from_line(line)
        except ValueError as error:
            raise _Damaged(_damage(number, self._path, error)) from error

    def __len__(self) -> int:
        return len(self.indices)

    @overload
    def __getitem__(self, k: int) -> EpisodeRecord: ...

    @overload
    def __getitem__(self, k: slice) -> list[EpisodeRecord]: ...

    def __getitem__(self, k: int | slice) -> EpisodeRecord | list[EpisodeRecord]:
        if isinstance(k, slice):
            return [self[i] for i in range(*k.indices(len(self)))]
        return self._read(self._starts[k], self._numbers[k])

    def __iter__(self) -> Iterator[EpisodeRecord]:
        return (record for record, _ in self.with_lines())

    def with_lines(self) -> Iterator[tuple[EpisodeRecord, bytes]]:
        """Iterate over the records, each with its line of the file."""
        end = 0
        with self._path.open("rb", buffering=_BUFFER) as file:
            for at, number in zip(self._starts, self._numbers, strict=True):
                if at != end:
                    file.seek(at)
                line = file.readline()
                end = at + len(line)
                yield self._parse(line, number), line


#: Bytes that are read from the file at once.
_BUFFER = 1 << 20
#: How :meth:`EpisodeRecord.to_line` begins.
_LINE_HEAD = re.compile(rb'\{"index": ?(\d+),')


class _Damaged(RecordError):
    """A line is not a complete record."""


def _damage(number: int, path: Path, error: ValueError) -> str:
    return f"line {number} of {str(path)!r} is damaged ({error}); remove it to read the other records"


def read_manifest(run: str | Path) -> dict[str, Any]:
    """Read a run's manifest; empty if there is none.

    Raises:
        RecordError: If it is damaged.
    """
    path = Path(run) / "run.json"
    try:
        manifest = from_exact_json(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise RecordError(f"{str(path)!r} is damaged ({error}); the episodes beside it are still readable") from error
    return manifest if isinstance(manifest, dict) else {}
