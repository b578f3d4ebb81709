"""Rows of a table with their places, from CSV, TSV, JSON Lines, JSON and Parquet files and from Hugging Face data sets.

Every error names the file and the line.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from quintain.errors import ConfigurationError, require

__all__ = ["FORMATS", "HUB", "Row", "Table", "read_table", "table_of", "value_at"]

#: File name extensions that :func:`read_table` knows.
FORMATS = (".csv", ".tsv", ".jsonl", ".ndjson", ".json", ".parquet")
#: Prefix of a data set of the Hugging Face hub: ``hub:REPOSITORY[:CONFIG][@REVISION]``.
HUB = "hub:"
#: Separators of a ``.csv`` file, in the order in which they are tried.
_SEPARATORS = (",", ";", "\t")
#: Byte order marks of encodings other than UTF-8.
_MARKS = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}


@dataclass(frozen=True, slots=True)
class Row:
    """One row.

    Attributes:
        place: Where it stands, for messages: ``"line 3"``, or ``"row 3"`` where there are no lines.
        values: Values as they were read, by name of the column.
    """

    place: str
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Table:
    """The rows of a file or data set.

    Attributes:
        source: Path of the file, name of the data set, or ``"rows"``, for messages.
        name: Short name: the file's without folder and extension.
        rows: The rows, in order.
        sha256: SHA-256 of the file, or of the rows as JSON, in hexadecimal.
    """

    source: str
    name: str
    rows: Sequence[Row]
    sha256: str

    @property
    def columns(self) -> list[str]:
        """Names of all columns, in order of appearance."""
        return list(dict.fromkeys(name for row in self.rows for name in row.values))

    def at(self, row: Row) -> str:
        """Return the place of a row, as in ``"qa.csv, line 3"``."""
        return f"{self.source}, {row.place}"


def table_of(rows: Sequence[Mapping[str, Any]]) -> Table:
    """Make a table of rows that are given as mappings.

    Raises:
        ConfigurationError: If one is not a mapping.
    """
    made = []
    for number, values in enumerate(rows, start=1):
        if not isinstance(values, Mapping):
            raise ConfigurationError(f"row {number}: expected a mapping of columns to values, got {_short(values)}")
        made.append(Row(f"row {number}", dict(values)))
    return Table("rows", "rows", made, _hash_of_rows(made))


def read_table(source: str, *, encoding: str = "utf-8", split: str | None = None) -> Table:
    """Read a file or a data set of the Hugging Face hub.

    Args:
        source: Path of a file with one of the extensions :data:`FORMATS`, or ``hub:REPOSITORY[:CONFIG][@REVISION]``,
            where the repository may be a folder with data files.
        encoding: Encoding of a text file, as Python names it.
        split: Split of a hub's data set; of a file, whose splits are a column, it selects nothing here.

    Raises:
        ConfigurationError: If it cannot be read; the message names file and line.
        MissingDependencyError: If a Parquet file or the hub is given and the extra ``datasets`` is not installed.
    """
    if source.startswith(HUB):
        return _from_hub(source, split)
    path = Path(source)
    suffix = path.suffix.lower()
    if suffix not in FORMATS:
        raise ConfigurationError(
            f"{source!r} is not a data set: expected a file ending in {', '.join(FORMATS)}, or {HUB}REPOSITORY for "
            "one of the Hugging Face hub"
        )
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"cannot read {source}: {error.strerror or error}") from error
    if suffix == ".parquet":
        rows = _parquet(source)
    else:
        text = _decoded(raw, encoding, source)
        if suffix in (".csv", ".tsv"):
            rows = list(_separated(text, source, "\t" if suffix == ".tsv" else None))
        else:
            rows = list(_json(text, source) if suffix == ".json" else _json_lines(text, source))
    if not rows:
        raise ConfigurationError(f"{source} has no rows")
    return Table(source, path.stem, rows, hashlib.sha256(raw).hexdigest())


def value_at(row: Mapping[str, Any], column: str) -> Any:
    """Return a value by its column; ``"answers.text"`` is the part ``text`` of the column ``answers``.

    ``None`` where there is none.
    """
    if column in row:
        return row[column]
    found: Any = row
    for part in column.split("."):
        if not isinstance(found, Mapping) or part not in found:
            return None
        found = found[part]
    return found


def _decoded(raw: bytes, encoding: str, source: str) -> str:
    wide = next((name for mark, name in _MARKS.items() if raw.startswith(mark)), None)
    if wide and encoding == "utf-8":
        raise ConfigurationError(f"{source} is encoded as {wide}, not as UTF-8; give encoding={wide!r}")
    try:
        return raw.decode("utf-8-sig" if encoding == "utf-8" else encoding)
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise ConfigurationError(
            f"{source}, line {line}: byte 0x{raw[error.start]:02x} is not {encoding}; save the file as UTF-8, or give "
            "its encoding, such as encoding='cp1252' for one from Windows"
        ) from error
    except LookupError as error:
        raise ConfigurationError(f"unknown encoding {encoding!r}; such as 'utf-8', 'cp1252', 'latin-1'") from error


def _separated(text: str, source: str, separator: str | None) -> Iterator[Row]:
    if separator is None:
        first = next(iter(text.splitlines()), "")
        separator = next((mark for mark in _SEPARATORS if mark in first), ",")
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    header: list[str] | None = None
    begin = 1
    try:
        for cells in reader:
            line, begin = begin, reader.line_num + 1
            if not any(cell.strip() for cell in cells):
                continue
            if header is None:
                header = [cell.strip() for cell in cells]
                if twice := sorted({name for name in header if header.count(name) > 1}):
                    raise ConfigurationError(f"{source}, line {line}: two columns are named {twice[0]!r}")
                continue
            if len(cells) != len(header):
                raise ConfigurationError(
                    f"{source}, line {line}: expected {len(header)} cells, as in the header, got {len(cells)}; a cell "
                    f"with {separator!r} or a line break in it stands in double quotes"
                )
            yield Row(f"line {line}", dict(zip(header, cells, strict=True)))
    except csv.Error as error:
        raise ConfigurationError(f"{source}, line {begin}: {error}") from error


def _json_lines(text: str, source: str) -> Iterator[Row]:
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        place = f"line {number}"
        try:
            values = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise ConfigurationError(f"{source}, {place}: not JSON ({error})") from error
        yield _object(values, source, place)


def _json(text: str, source: str) -> Iterator[Row]:
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ConfigurationError(f"{source}: not JSON ({error}); one object a line is a .jsonl file") from error
    if not isinstance(data, list):
        raise ConfigurationError(f"{source}: expected a list of objects, got {_short(data)}")
    for number, values in enumerate(data, start=1):
        yield _object(values, source, f"row {number}")


def _object(values: Any, source: str, place: str) -> Row:
    if not isinstance(values, dict):
        raise ConfigurationError(f"{source}, {place}: expected an object with columns, got {_short(values)}")
    return Row(place, values)


def _parquet(source: str) -> list[Row]:
    parquet = require("pyarrow.parquet", "datasets", "Parquet files")
    try:
        records = parquet.read_table(source).to_pylist()
    except Exception as error:  # the library's errors have no common base
        raise ConfigurationError(f"{source} is not a readable Parquet file: {error}") from error
    return [Row(f"row {number}", values) for number, values in enumerate(records, start=1)]


def _from_hub(source: str, split: str | None) -> Table:
    address, _, revision = source.removeprefix(HUB).partition("@")
    repository, _, config = address.partition(":")
    library = require("datasets", "datasets", "data sets of the Hugging Face hub")
    try:
        loaded = library.load_dataset(repository, config or None, split=split, revision=revision or None)
    except Exception as error:  # of the network, the hub or the library
        where = f"split {split!r} of {source}" if split else source
        raise ConfigurationError(
            f"cannot load {where} ({type(error).__name__}: {error}); offline, give a file instead"
        ) from error
    if isinstance(loaded, Mapping):  # of all splits
        if len(loaded) != 1:
            raise ConfigurationError(f"{source} has the splits {', '.join(loaded)}; choose one with split=...")
        loaded = next(iter(loaded.values()))
    rows = [Row(f"row {number}", values) for number, values in enumerate(loaded, start=1)]
    if not rows:
        raise ConfigurationError(f"{source} has no rows")
    return Table(source, repository.rstrip("/").rpartition("/")[2], rows, _hash_of_rows(rows))


def _hash_of_rows(rows: Sequence[Row]) -> str:
    text = json.dumps([row.values for row in rows], sort_keys=True, default=str)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
