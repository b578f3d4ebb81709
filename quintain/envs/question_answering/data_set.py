"""A data set as an environment uses it: read once per process, with its scorer and its checksum."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, cast

from quintain.envs.question_answering.items import Columns, Item, read_items
from quintain.envs.question_answering.scorers import Scorer, ScorerFacts
from quintain.envs.text.rows import HUB, Table, read_table, table_of
from quintain.errors import ConfigurationError

__all__ = ["DataSet", "load_data_set"]

#: Number of data sets that a process keeps: a run makes an environment for every live episode.
_KEPT = 8


@dataclass(frozen=True, slots=True)
class DataSet:
    """The items of a data set.

    Attributes:
        name: Name of the data set: that of its file without folder and extension.
        items: The items, in the order of the rows.
        source: Path of the file, or name of the data set.
        sha256: SHA-256 of the file, or of the rows as JSON.
    """

    name: str
    items: tuple[Item, ...]
    source: str
    sha256: str


def load_data_set(
    tasks: str | Sequence[Mapping[str, Any]],
    columns: Columns,
    scorer: Scorer,
    facts: ScorerFacts,
    *,
    split: str | None = None,
    encoding: str = "utf-8",
) -> DataSet:
    """Read a data set.

    Args:
        tasks: Path of a file, a data set of the hub, or rows; see :func:`~quintain.envs.text.rows.read_table`.
        columns: Names of its columns.
        scorer: Scorer of the replies; it checks the right answer of every item.
        facts: What is known of the scorer.
        split: Keep only the rows of this split; ``None`` for all.
        encoding: Encoding of a text file.

    Raises:
        ConfigurationError: If it cannot be read, or a row cannot be used.
    """
    if not tasks:
        raise ConfigurationError(
            "no questions: give a data set, tasks='qa.csv' (or .tsv, .jsonl, .json, .parquet, hub:REPOSITORY), with "
            "the columns 'question' and 'answer'"
        )
    if not isinstance(tasks, str):
        return _data_set(table_of(tasks), columns, scorer, facts, split)
    try:
        hash(scorer)
    except TypeError:  # such as a judge with a mapping for its engine
        return _read(tasks, columns, scorer, facts, split, encoding)
    return _kept(tasks, columns, cast(Any, scorer), facts, split, encoding, _stamp(tasks))


@lru_cache(_KEPT)
def _kept(
    source: str,
    columns: Columns,
    scorer: Scorer,
    facts: ScorerFacts,
    split: str | None,
    encoding: str,
    stamp: tuple[int, int],
) -> DataSet:
    return _read(source, columns, scorer, facts, split, encoding)


def _read(
    source: str, columns: Columns, scorer: Scorer, facts: ScorerFacts, split: str | None, encoding: str
) -> DataSet:
    in_hub = split if source.startswith(HUB) else None
    return _data_set(_kept_table(source, encoding, in_hub, _stamp(source)), columns, scorer, facts, split)


def _data_set(table: Table, columns: Columns, scorer: Scorer, facts: ScorerFacts, split: str | None) -> DataSet:
    check = getattr(scorer, "check", lambda item: None)  # a scorer of the user's own may have none
    items = read_items(table, columns, split=split, needs_answer=facts.needs_answer, check=check)
    return DataSet(table.name, items, table.source, table.sha256)


@lru_cache(_KEPT)
def _kept_table(source: str, encoding: str, split: str | None, stamp: tuple[int, int]) -> Table:
    return read_table(source, encoding=encoding, split=split)


def _stamp(source: str) -> tuple[int, int]:
    """Return what changes when a file is written again."""
    try:
        found = os.stat(source)
    except OSError:
        return 0, 0
    return found.st_mtime_ns, found.st_size
