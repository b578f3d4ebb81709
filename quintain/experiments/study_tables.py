"""Tables of a study: printed as Markdown, and kept cell by cell, so that a page can be checked against them.

A cell that is an :class:`~quintain.evaluation.interval.Interval`, or a :class:`Percent` of one, is kept with all its
numbers, any other as shown.
"""

from __future__ import annotations

import json
import math
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self, TypeAlias

import numpy as np

from quintain.errors import RecordError
from quintain.evaluation.interval import Interval
from quintain.evaluation.manifest import package_versions
from quintain.files import write_atomically

__all__ = ["Percent", "StudyTable", "StudyTables", "command_line", "published_values"]

#: Options that say where files are, not what is measured, and whether they take a value.
_PLACES = {"--out": True, "--figure": True, "--workers": True, "--report": False}


@dataclass(frozen=True, slots=True)
class Percent:
    """A share, or a difference of shares, that is written in whole per cent.

    Attributes:
        interval: The share with its interval.
        p_holm: p-value after Holm's correction, written behind the interval; NaN without a test.

    Example:
        >>> print(Percent(Interval(0.4, 0.175, 0.7, 5, "logit t"), 0.0384))
        40 [18, 70], p 0.038
    """

    interval: Interval
    p_holm: float = math.nan

    def __str__(self) -> str:
        found = self.interval
        if found.n == 0:
            return "-"
        ends = "" if math.isnan(found.low) else " " + found.ends(lambda share, more: f"{100 * share:.{more}f}")
        p_value = "" if math.isnan(self.p_holm) else f", p {self.p_holm:.2g}"
        return f"{100 * found.estimate:z.0f}{ends}{p_value}"

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-able data."""
        return {"percent": self.interval.to_dict(), "p_holm": None if math.isnan(self.p_holm) else self.p_holm}


#: Content of a cell. Floating-point numbers are written with three significant digits.
Cell: TypeAlias = Interval | Percent | str | int | float | None


@dataclass(frozen=True)
class StudyTable:
    """One table.

    Attributes:
        title: What the cells are, with unit and kind of interval.
        head: Names of the columns.
        rows: Cells, row by row, each as long as ``head``.
    """

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.head):
                raise ValueError(f"{self.title}: a row has {len(row)} cells, the head {len(self.head)}: {row}")

    @property
    def basis(self) -> str:
        """How the intervals were made; empty without any."""
        cells = (cell.interval if isinstance(cell, Percent) else cell for row in self.rows for cell in row)
        return "; ".join(dict.fromkeys(cell.basis for cell in cells if isinstance(cell, Interval) and cell.n > 1))

    def texts(self) -> list[list[str]]:
        """Return the cells as they are written, row by row, without the head."""
        return [[_text(cell) for cell in row] for row in self.rows]

    def to_markdown(self) -> str:
        """Return the table in Markdown, without its title."""
        lines = [list(self.head), ["---"] * len(self.head), *self.texts()]
        return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-able data."""
        rows = [[_stored(cell) for cell in row] for row in self.rows]
        return {"title": self.title, "head": list(self.head), "rows": rows}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Inverse of :meth:`to_dict`."""
        rows = tuple(tuple(_read(cell) for cell in row) for row in data["rows"])
        return cls(data["title"], tuple(data["head"]), rows)


@dataclass
class StudyTables:
    """All tables of a study.

    Attributes:
        tables: The tables, in the order in which they were added.
        facts: What else the pages quote: name and value, JSON-able.
        made: The command, the date (UTC) and the versions of Python and packages that made them.
    """

    tables: list[StudyTable] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)
    made: dict[str, Any] = field(default_factory=dict)

    def show(self, title: str, head: Sequence[object], rows: Sequence[Sequence[Any]]) -> None:
        """Add a table, and print it with its title and the basis of its intervals."""
        cells = tuple(tuple(_plain(cell) for cell in row) for row in rows)
        table = StudyTable(title, tuple(map(str, head)), cells)
        self.tables.append(table)
        print(f"\n{title}\n\n{table.to_markdown()}" + (f"\nIntervals: {table.basis}." if table.basis else ""))

    def save(self, path: str | Path) -> None:
        """Write everything to a JSON file, one row of a table a line, with the command that makes it.

        The command is that of this process, without places of this machine.
        """
        made = {
            "command": command_line(sys.argv),
            "date": datetime.now(UTC).date().isoformat(),
            "versions": package_versions(),
        }
        tables = []
        for table in self.tables:
            data = table.to_dict()
            rows = ",\n   ".join(json.dumps(row) for row in data.pop("rows"))
            tables.append(f'{json.dumps(data)[:-1]},\n  "rows": [\n   {rows}]}}')
        head = json.dumps({"made": made, "facts": self.facts})[:-1]
        write_atomically(Path(path), f'{head},\n "tables": [\n {f",{chr(10)} ".join(tables)}]}}\n')

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read what :meth:`save` wrote.

        Raises:
            RecordError: If the file is no such file.
        """
        try:
            data = json.loads(Path(path).read_text(encoding="utf-8"))
            return cls([StudyTable.from_dict(table) for table in data["tables"]], data["facts"], data["made"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise RecordError(f"{path} holds no tables of a study: {error!r}") from error


def command_line(arguments: Sequence[str]) -> str:
    """Return the command of a program as anybody would type it: without folders of results and other absolute paths.

    Args:
        arguments: The program and its arguments, as in ``sys.argv``.

    Example:
        >>> command_line(["/home/me/quintain/papers/rat_targeted_attack/run.py", "--out", "/tmp/x", "--seeds", "3"])
        'python papers/rat_targeted_attack/run.py --seeds 3'
    """
    program, kept, skip = Path(arguments[0]), [], False
    for argument in arguments[1:]:
        name, equals, _ = argument.partition("=")
        if not skip and name not in _PLACES:
            kept.append(Path(argument).name if argument.startswith("/") else argument)
        skip = not skip and _PLACES.get(name, False) and not equals
    places = [k for k, part in enumerate(program.parts) if part in ("papers", "examples", "benchmarks")]
    shown = Path(*program.parts[places[-1] :]) if places else Path(program.name)
    return shlex.join(["python", str(shown), *kept])


def published_values(program: str | Path) -> dict[str, dict[str, dict[str, Any]]]:
    """Return the published values of a paper, which lie in ``published.json`` beside its program.

    Args:
        program: Path of the program, as in ``__file__``.

    Returns:
        Value by figure, row and column, in the order of the file.
    """
    figures = json.loads(Path(program).with_name("published.json").read_text(encoding="utf-8"))["figures"]
    return {
        figure["id"]: {
            row: dict(zip(figure["columns"], values, strict=True)) for row, values in figure["values"].items()
        }
        for figure in figures
    }


def _stored(cell: Cell) -> Any:
    """Return the JSON form of a cell."""
    if isinstance(cell, Percent):
        return cell.to_dict()
    return {"interval": cell.to_dict()} if isinstance(cell, Interval) else cell


def _read(cell: Any) -> Cell:
    """Inverse of :func:`_stored`."""
    if isinstance(cell, dict) and "percent" in cell:
        p_holm = cell["p_holm"]
        return Percent(Interval.from_dict(cell["percent"]), math.nan if p_holm is None else p_holm)
    return Interval.from_dict(cell["interval"]) if isinstance(cell, dict) else cell


def _plain(cell: Any) -> Cell:
    """Return what JSON can hold of a cell: NumPy's numbers become Python's, NaN ``None``, other objects their text."""
    if isinstance(cell, np.generic):
        cell = cell.item()
    if isinstance(cell, float) and math.isnan(cell):
        return None
    return cell if cell is None or isinstance(cell, (Interval, Percent, str, int, float)) else str(cell)


def _text(cell: Cell) -> str:
    if cell is None:
        return ""
    return f"{cell:.3g}" if isinstance(cell, float) else str(cell)
