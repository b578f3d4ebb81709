"""Instruments in their published files: TRAIT, from a folder or the Hugging Face hub, and tables of self-reports.

TRAIT (Lee et al. 2025, arXiv 2406.14703) is gated on the hub and carries no licence tag, and the wordings of BFI and
SD-3 belong to their authors: none of them comes with this package. The loaders follow the schema that the released code
reads; they were tested with files of that schema, and never with the originals.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from quintain.envs.questionnaires.instrument import Instrument, build_instrument
from quintain.errors import ConfigurationError, require

__all__ = ["is_original", "load_original"]

#: Options of a table of self-reports, from most to least.
AGREEMENT = ("Strongly agree", "Agree", "Neither agree nor disagree", "Disagree", "Strongly disagree")
_SUFFIXES = (".json", ".jsonl", ".parquet")


def is_original(source: str) -> bool:
    """Return whether a source names published files: it begins with ``trait:`` or ``table:``."""
    return source.startswith(("trait:", "table:"))


def load_original(source: str) -> Instrument:
    """Read an instrument from published files.

    Args:
        source: ``"trait:PATH"``: a file (``.json``, ``.jsonl``, ``.parquet``) or a folder of them, with rows in the
            schema of TRAIT; ``"trait:hub:OWNER/NAME@REVISION"``: the same from the Hugging Face hub, such as
            ``trait:hub:mirlab/TRAIT@8b31c078``; ``"table:PATH.csv"``: a self-report with the columns ``trait``, ``key``
            (1 or -1) and ``text``, perhaps ``id``, on a scale of agreement in five points, for files of BFI-44 or SD-3.
            Behind ``#`` may stand the checksum that the files must have, or at least four of its first hexadecimal
            digits, as in ``"trait:PATH#SHA256"``; any other ``#`` is part of the path.

    Raises:
        ConfigurationError: If there is no such file, it cannot be read, or its checksum is another one.
        MissingDependencyError: If the hub's client, or pandas for parquet files, is not installed.
    """
    kind, _, place = source.partition(":")
    wanted = ""
    if found := re.fullmatch(r"(.+)#([0-9a-fA-F]{4,64})", place):
        place, wanted = found.groups()
    if place.startswith("hub:"):
        files = _downloaded(place[4:])
    else:
        path = Path(place).expanduser()
        if kind == "table" and not path.is_file():
            raise ConfigurationError(f"{str(path)!r} is no file; table: takes one CSV file")
        files = _files(path)
    sha256 = _checksum(files)
    if not sha256.startswith(wanted.lower()):
        raise ConfigurationError(f"{place}: the files have the SHA-256 checksum {sha256}, and {wanted} was expected")
    return _read(kind, tuple(str(file) for file in files), sha256)


def _files(path: Path) -> list[Path]:
    """Return the data files of a path, in the order of their names."""
    if path.is_file():
        return [path]
    files = sorted(file for file in path.rglob("*") if file.suffix in _SUFFIXES) if path.is_dir() else []
    if not files:
        raise ConfigurationError(f"{str(path)!r} is neither a file nor a folder with {', '.join(_SUFFIXES)} files")
    return files


def _downloaded(place: str) -> list[Path]:
    name, _, revision = place.partition("@")
    hub: Any = require("huggingface_hub", "llm", "instruments from the hub")
    try:
        folder = hub.snapshot_download(
            name, repo_type="dataset", revision=revision or None, allow_patterns=[f"*{suffix}" for suffix in _SUFFIXES]
        )
    except Exception as error:  # the client raises errors of several libraries
        raise ConfigurationError(
            f"{name} cannot be read from the hub ({type(error).__name__}: {error}); a gated data set needs its terms "
            "accepted and a token (hf auth login), or give the folder of your copy: trait:PATH"
        ) from error
    return _files(Path(folder))


def _checksum(files: list[Path]) -> str:
    """Return the SHA-256 checksum of the contents of all files, in order."""
    digest = hashlib.sha256()
    for file in files:
        try:
            digest.update(file.read_bytes())
        except OSError as error:
            raise ConfigurationError(f"{str(file)!r} cannot be read: {error}") from error
    return digest.hexdigest()


@lru_cache(maxsize=4)
def _read(kind: str, files: tuple[str, ...], sha256: str) -> Instrument:
    if kind == "table":
        return _table(Path(files[0]), sha256)
    rows: list[dict[str, Any]] = []
    for file in map(Path, files):
        for row in _rows(file):
            rows.append({**row, "id": f"{row.get('personality')}-{len(rows)}"})
    about = {
        "title": "TRAIT",
        "source": "Lee et al. 2025, arXiv 2406.14703",
        "licence": "not stated: redistribute none",
    }
    return build_instrument({"name": "trait", "kind": "scenario", "items": rows, **about}, sha256)


def _rows(file: Path) -> Iterator[Mapping[str, Any]]:
    if file.suffix == ".parquet":
        pandas: Any = require("pandas", "pandas", "parquet files")
        try:
            frame = pandas.read_parquet(file)
        except (OSError, ValueError) as error:  # pyarrow's errors are of these kinds
            raise ConfigurationError(f"{str(file)!r} is no parquet file: {error}") from error
        yield from frame.to_dict("records")
        return
    text = _text(file)
    try:
        lines = [line for line in text.splitlines() if line.strip()]
        found = list(map(json.loads, lines)) if file.suffix == ".jsonl" else json.loads(text)
    except ValueError as error:
        raise ConfigurationError(f"{str(file)!r} is no JSON: {error}") from error
    splits = found.values() if isinstance(found, dict) else [found]
    for row in [row for split in splits if isinstance(split, list) for row in split]:
        if not isinstance(row, Mapping):
            raise ConfigurationError(f"{str(file)!r} must hold objects with personality and responses, got {row!r}")
        yield row


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{str(file)!r} cannot be read as text in UTF-8: {error}") from error


def _table(file: Path, sha256: str) -> Instrument:
    keys = {"1": 1, "+1": 1, "+": 1, "-1": -1, "-": -1}
    try:
        rows = list(csv.DictReader(io.StringIO(_text(file))))
    except csv.Error as error:
        raise ConfigurationError(f"{str(file)!r} is no CSV: {error}") from error
    items = [{**row, "key": keys.get(str(row.get("key", "")).strip())} for row in rows]
    data = {"name": file.stem, "kind": "self-report", "scale": AGREEMENT, "items": items, "source": file.name}
    return build_instrument(data, sha256)
