"""A toolkit: typed methods over tables of immutable rows, which readers can see and only writers can change."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, NamedTuple, TypeVar

from quintain.envs.tools.draw import Draw
from quintain.envs.tools.tool import Tool, ToolError, tools_of

__all__ = ["TODAY", "Change", "Clock", "Table", "Toolkit"]

#: The date on which every episode takes place, a Monday.
TODAY = "2026-03-02"


#: A row: a ``NamedTuple`` whose first field is ``id``, its key, and whose values are immutable JSON data.
R = TypeVar("R", bound=tuple[Any, ...])


class Change(NamedTuple):
    """A difference between two states of a table.

    Attributes:
        table: ``"toolkit.table"``.
        kind: ``"add"``, ``"change"`` or ``"remove"``.
        row: Key of the row; empty for an added one, whose key depends on how many there were.
        values: The fields that differ, as (name, value); of an added row all but the key and free text.
    """

    table: str
    kind: str
    row: str
    values: tuple[tuple[str, Any], ...] = ()


@dataclass(slots=True)
class Clock:
    """Time within an episode: each call takes a minute.

    Attributes:
        minutes: Minutes since the start of the episode.
    """

    minutes: int = 0


class Table(Generic[R]):
    """Rows by key. Only a tool that is marked as writing can change it.

    Args:
        name: Name of the table, and what one row is called: ``"mail"``.
        row: Class of the rows.
        free: Fields of free text, which may differ between equally good solutions.
    """

    __slots__ = ("_initial", "_row", "_rows", "_serial", "free", "is_open", "name")

    def __init__(self, name: str, row: type[R], free: tuple[str, ...] = ()) -> None:
        self.name = name
        self._initial = name[0]
        self.free = frozenset(free)
        self.is_open = True
        self._row = row
        self._rows: dict[str, R] = {}
        self._serial = 0

    def __iter__(self) -> Iterator[R]:
        return iter(list(self._rows.values()))

    def __len__(self) -> int:
        return len(self._rows)

    def __contains__(self, key: object) -> bool:
        return key in self._rows

    def __getitem__(self, key: str) -> R:
        """Return a row.

        Raises:
            ToolError: If there is none with this key.
        """
        try:
            return self._rows[key]
        except KeyError:
            raise ToolError(f"there is no {self.name} {key[:60]!r}") from None

    def add(self, *values: Any, key: str = "") -> R:
        """Add a row of the given values, without its key; by default the key is the first letter and a number."""
        self._serial += 1
        make: Any = self._row
        row: R = make(key or f"{self._initial}{self._serial}", *values)
        if not self.is_open:
            self._check_open()
        self._rows[row[0]] = row
        return row

    def change(self, key: str, **values: Any) -> R:
        """Change fields of a row."""
        row: Any = self[key]
        return self._put(row._replace(**values))

    def remove(self, key: str) -> R:
        """Remove a row."""
        row = self[key]
        self._check_open()
        del self._rows[key]
        return row

    def copy_rows(self) -> dict[str, R]:
        """Return the rows by key; they are immutable."""
        return dict(self._rows)

    def restore(self, rows: dict[str, R]) -> None:
        """Put back what :meth:`copy_rows` returned."""
        self._rows = dict(rows)

    def _put(self, row: R) -> R:
        self._check_open()
        self._rows[row[0]] = row
        return row

    def _check_open(self) -> None:
        if not self.is_open:
            raise TypeError(f"a tool that only reads tried to change the table {self.name!r}")


class Toolkit(ABC):
    """Tools over one part of the state.

    Subclasses make their tables in ``__init__`` with :meth:`table`, fill them in :meth:`populate`, and mark methods
    with :func:`~quintain.envs.tools.tool.reads` or :func:`~quintain.envs.tools.tool.writes`. A method returns a row, a
    list of rows, a string, a number, or a mapping; it raises :class:`~quintain.envs.tools.tool.ToolError` for what
    cannot be done, and then nothing has changed.

    Attributes:
        name: Name of the toolkit, with which the names of its tools begin.
        untrusted: Names of the fields of results that hold text which others than the user wrote.
        tools: The tools, in the order of the methods.
        clock: Time within the episode.
    """

    name: ClassVar[str]
    untrusted: ClassVar[tuple[str, ...]] = ()
    tools: ClassVar[tuple[Tool, ...]]

    def __init_subclass__(cls) -> None:
        cls.tools = tools_of(cls)

    def __init__(self) -> None:
        self.tables: list[Table[Any]] = []
        self.clock = Clock()

    def table(self, name: str, row: type[R], free: tuple[str, ...] = ()) -> Table[R]:
        """Make a table; see :class:`Table`."""
        made: Table[R] = Table(name, row, free)
        self.tables.append(made)
        return made

    @abstractmethod
    def populate(self, rng: Draw) -> None:
        """Fill the tables at random; each table has at least four rows unless it starts empty."""

    def conserved(self) -> int:
        """Return a quantity that no tool changes, such as all money in cents; 0 where there is none."""
        return 0

    def close_tables(self) -> None:
        """End the set-up: from now on only writing tools change the tables."""
        for table in self.tables:
            table.is_open = False

    def call(self, tool: Tool, arguments: dict[str, Any]) -> Any:
        """Call a tool with arguments that fit its schema, and return its result as JSON-able data.

        Raises:
            ToolError: If it cannot be done; the tables are as before.
        """
        method = getattr(self, tool.method)
        if tool.reads:
            return plain(method(**arguments))
        before = [table.copy_rows() for table in self.tables]
        for table in self.tables:
            table.is_open = True
        try:
            return plain(method(**arguments))
        except ToolError:
            for table, rows in zip(self.tables, before, strict=True):
                table.restore(rows)
            raise
        finally:
            self.close_tables()

    def state(self) -> list[dict[str, Any]]:
        """Return the rows of all tables by key."""
        return [table.copy_rows() for table in self.tables]

    def changes(self, before: list[dict[str, Any]]) -> Counter[Change]:
        """Count the differences from an earlier :meth:`state`. What was done and undone is none."""
        found: Counter[Change] = Counter()
        for table, old in zip(self.tables, before, strict=True):
            new, name = table.copy_rows(), f"{self.name}.{table.name}"
            if new == old:
                continue
            for key in old.keys() - new.keys():
                found[Change(name, "remove", key)] += 1
            for key, row in new.items():
                if key not in old:
                    given = tuple((k, v) for k, v in row._asdict().items() if k != "id" and k not in table.free)
                    found[Change(name, "add", "", given)] += 1
                elif row != old[key]:
                    previous = old[key]._asdict()
                    differ = tuple(
                        (k, None if k in table.free else v) for k, v in row._asdict().items() if v != previous[k]
                    )
                    found[Change(name, "change", key, differ)] += 1
        return found


#: Types of values that are JSON data as they are.
_PLAIN = frozenset((str, int, float, bool, type(None)))


def plain(value: Any) -> Any:
    """Convert rows to dictionaries, at any depth."""
    if type(value) in _PLAIN:
        return value
    if isinstance(value, tuple):
        names = getattr(value, "_fields", None)
        if names is not None:
            return {k: v if type(v) in _PLAIN else plain(v) for k, v in zip(names, value, strict=True)}
    if isinstance(value, (list, tuple)):
        return [plain(part) for part in value]
    if isinstance(value, dict):
        return {name: plain(part) for name, part in value.items()}
    return value
