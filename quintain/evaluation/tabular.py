"""What all results share: one line in a console, a table in a notebook, and export to CSV and pandas."""

from __future__ import annotations

import abc
import csv
import io
import math
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from quintain.errors import require
from quintain.evaluation.interval import Interval, number
from quintain.evaluation.visible import visible
from quintain.files import write_atomically

__all__ = ["Row", "Tabular", "ends_of", "flat", "interval_row"]

#: One row of a table: names of columns and their values.
Row = dict[str, Any]

#: Maximum number of rows of a table in a notebook, and of characters of a cell and of a line.
_MAX_ROWS, _MAX_CELL, _MAX_LINE = 30, 200, 240


class Tabular(abc.ABC):
    """Base of results that are a table.

    A subclass overrides :meth:`tables` where a notebook should show something else than the rows.
    """

    __slots__ = ()

    @abc.abstractmethod
    def headline(self) -> str:
        """Return what the results are, and the most important figure, in a few words."""

    @abc.abstractmethod
    def to_rows(self) -> list[Row]:
        """Return the table as one mapping per row, of names of columns to plain values; unknown values are ``None``."""

    def tables(self) -> list[tuple[str, Sequence[Row]]]:
        """Return the tables that a notebook shows: caption and rows."""
        return [("", self.to_rows())]

    def to_pandas(self) -> Any:
        """Return the table as a ``pandas.DataFrame``.

        Raises:
            MissingDependencyError: Without pandas, which the extra ``pandas`` installs.
        """
        pandas: Any = require("pandas", "pandas", "to_pandas")
        rows = self.to_rows()
        return pandas.DataFrame(rows, columns=_columns(rows))

    def to_csv(self, path: str | Path | None = None) -> str:
        """Return the table as comma-separated values; unknown values are empty.

        Args:
            path: File that the text is written to; ``None`` writes nothing. Default: ``None``.
        """
        rows, out = self.to_rows(), io.StringIO()
        columns = _columns(rows)
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows([_plain(row.get(name)) for name in columns] for row in rows)
        text = out.getvalue()
        if path is not None:
            write_atomically(Path(path), text)
        return text

    def __repr__(self) -> str:
        line = visible(" ".join(f"{type(self).__name__}: {self.headline()}".split()))
        return f"<{line if len(line) <= _MAX_LINE else line[: _MAX_LINE - 3] + '...'}>"

    def _repr_html_(self) -> str:
        """Return a table in HTML, which Jupyter shows."""
        parts = [f"<p><b>{type(self).__name__}</b> {_html(self.headline())}</p>"]
        parts += [_table(caption, rows) for caption, rows in self.tables() if rows]
        return f"<div>{''.join(parts)}</div>"


def ends_of(name: str, interval: Interval) -> Row:
    """Return an interval as the three columns ``name``, ``name_low`` and ``name_high``."""
    return {name: interval.estimate, f"{name}_low": interval.low, f"{name}_high": interval.high}


def interval_row(interval: Interval) -> Row:
    """Return an interval as a row of a table in a notebook."""
    return {
        "estimate": interval.estimate,
        f"{interval.confidence:.0%} interval": interval.ends(number_of) if interval.low == interval.low else "",
        "n": interval.n,
        "method": interval.remarks,
    }


def number_of(value: float, more: int) -> str:
    """Write a number with additional digits."""
    return number(value, more=more)


def _columns(rows: Sequence[Row]) -> list[str]:
    return list(dict.fromkeys(name for row in rows for name in row))


def _plain(value: Any) -> Any:
    return None if isinstance(value, float) and math.isnan(value) else value


def _table(caption: str, rows: Sequence[Row]) -> str:
    columns = _columns(rows)
    head = "".join(f"<th>{_html(name)}</th>" for name in columns)
    body = "".join(f"<tr>{''.join(_cell(row.get(name)) for name in columns)}</tr>" for row in rows[:_MAX_ROWS])
    more = len(rows) - _MAX_ROWS
    note = (
        f"<p>{more:,} more rows; <code>to_pandas()</code> and <code>to_csv(path)</code> have all.</p>"
        if more > 0
        else ""
    )
    title = f"<caption>{_html(caption)}</caption>" if caption else ""
    return f"<table>{title}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{note}"


def _cell(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return f'<td style="text-align:left">{_html("" if value is None else value)}</td>'
    text = f"{value:,}" if isinstance(value, int) else number(value)
    return f"<td>{text}</td>"


def _html(value: object) -> str:
    text = visible(str(value))
    return escape(text if len(text) <= _MAX_CELL else text[: _MAX_CELL - 3] + "...")


def flat(name: str, values: Mapping[str, Any]) -> Row:
    """Return the plain values of a mapping as columns ``name.key``; texts, numbers and booleans are plain."""
    return {f"{name}.{key}": value for key, value in values.items() if isinstance(value, str | int | float | None)}
