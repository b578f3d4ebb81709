"""A cabinet of CSV files."""

from __future__ import annotations

import csv
import io
from typing import Literal, NamedTuple

from quintain.envs.tools.content import CITIES, FIRST_NAMES, ITEMS, after
from quintain.envs.tools.draw import Draw
from quintain.envs.tools.tool import ToolError, reads, writes
from quintain.envs.tools.toolkit import Toolkit

__all__ = ["Cabinet", "File"]


class File(NamedTuple):
    """A CSV file: its columns and rows, all of text."""

    id: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


class Cabinet(Toolkit):
    """The user's CSV files."""

    name = "files"
    untrusted = ("content",)

    def __init__(self) -> None:
        super().__init__()
        self.files = self.table("file", File)

    def populate(self, rng: Draw) -> None:
        """Write four files of eight rows each."""
        rows = [(item, str(rng.integer(1, 40)), f"{rng.integer(100, 9900) / 100:.2f}") for item in rng.sample(ITEMS, 8)]
        self.files.add(("item", "stock", "price"), tuple(rows), key="inventory.csv")
        rows = [(name, rng.choice(CITIES), str(rng.integer(18, 79))) for name in rng.sample(FIRST_NAMES, 8)]
        self.files.add(("name", "city", "age"), tuple(rows), key="members.csv")
        rows = [(after(-n), rng.choice(CITIES), str(rng.integer(20, 900))) for n in range(8, 0, -1)]
        self.files.add(("date", "city", "sales"), tuple(rows), key="sales.csv")
        rows = [(name, str(rng.integer(0, 20)), str(rng.integer(0, 20))) for name in rng.sample(FIRST_NAMES, 8)]
        self.files.add(("student", "test1", "test2"), tuple(rows), key="grades.csv")

    def column(self, name: str, column: str) -> tuple[str, ...]:
        """Return the values of a column of a file."""
        file = self.files[name]
        if column not in file.columns:
            raise ToolError(f"{name} has no column {column[:40]!r}; its columns: {', '.join(file.columns)}")
        place = file.columns.index(column)
        return tuple(row[place] for row in file.rows)

    @reads
    def names(self) -> list[dict[str, object]]:
        """List the files with their number of rows."""
        return [{"name": file.id, "rows": len(file.rows)} for file in self.files]

    @reads
    def read(self, name: str) -> dict[str, str]:
        """Read a file as CSV text, the header first.

        Args:
            name: Name of the file.
        """
        text = io.StringIO()
        file = self.files[name]
        csv.writer(text, lineterminator="\n").writerows([file.columns, *file.rows])
        return {"name": name, "content": text.getvalue()}

    @reads
    def columns(self, name: str) -> list[str]:
        """List the columns of a file.

        Args:
            name: Name of the file.
        """
        return list(self.files[name].columns)

    @reads
    def compute(self, name: str, column: str, function: Literal["sum", "mean", "min", "max", "count"]) -> float:
        """Compute a statistic over a column of numbers.

        Args:
            name: Name of the file.
            column: Name of the column.
            function: What to compute.
        """
        values = self.column(name, column)
        if function == "count":
            return len(values)
        try:
            numbers = [float(value) for value in values]
        except ValueError:
            raise ToolError(f"the column {column} holds text") from None
        if not numbers:
            raise ToolError(f"{name} has no rows")
        if function in ("sum", "mean"):
            return round(sum(numbers) / (1 if function == "sum" else len(numbers)), 2)
        return min(numbers) if function == "min" else max(numbers)

    @reads
    def filter(self, name: str, column: str, value: str) -> list[dict[str, str]]:
        """List the rows of a file that have a value in a column.

        Args:
            name: Name of the file.
            column: Name of the column.
            value: The value, exactly.
        """
        file, values = self.files[name], self.column(name, column)
        return [
            dict(zip(file.columns, row, strict=True))
            for row, found in zip(file.rows, values, strict=True)
            if found == value
        ]

    @writes
    def append(self, name: str, values: list[str]) -> str:
        """Append a row to a file.

        Args:
            name: Name of the file.
            values: Its values, in the order of the columns.
        """
        file = self.files[name]
        if len(values) != len(file.columns):
            raise ToolError(f"{name} has the columns {', '.join(file.columns)}; got {len(values)} values")
        self.files.change(name, rows=(*file.rows, tuple(values)))
        return f"{name} now has {len(file.rows) + 1} rows"

    @writes
    def update(self, name: str, key: str, column: str, value: str) -> str:
        """Change a value in the first row whose first column has a value.

        Args:
            name: Name of the file.
            key: Value of the first column.
            column: Column to change.
            value: The new value.
        """
        file = self.files[name]
        self.column(name, column)
        place = file.columns.index(column)
        for number, row in enumerate(file.rows):
            if row[0] == key:
                changed = (*row[:place], value, *row[place + 1 :])
                self.files.change(name, rows=(*file.rows[:number], changed, *file.rows[number + 1 :]))
                return f"changed {column} of {key}"
        raise ToolError(f"{name} has no row {key[:40]!r}")

    @writes
    def delete(self, name: str) -> str:
        """Delete a file.

        Args:
            name: Name of the file.
        """
        self.files.remove(name)
        return f"deleted {name}"
