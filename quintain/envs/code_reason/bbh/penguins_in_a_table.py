"""Penguins in a table: answer questions about rows of a table (Big-Bench-Hard)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from quintain.envs.code_reason.bbh._choices import ChoiceTask
from quintain.envs.text.draws import choose, randint, sample, shuffled
from quintain.envs.text.task import expect

__all__ = ["PenguinsInATable"]

_NAMES = (
    "Alba",
    "Bert",
    "Cora",
    "Dirk",
    "Edda",
    "Finn",
    "Gwen",
    "Hugo",
    "Inga",
    "Jack",
    "Kira",
    "Lars",
    "Mona",
    "Nils",
)
_COLUMNS = ("age", "height", "weight")
_UNITS = {"age": "years", "height": "cm", "weight": "kg"}


@dataclass(frozen=True)
class PenguinsInATable(ChoiceTask):
    """A table of penguins, which may gain or lose one; asked is a count, a name or a sum.

    Attributes:
        penguins: Number of rows at the start, in [3, 10]. Default: 4.
        changes: Maximum number of penguins added or removed, in [0, 3]. Default: 1.
    """

    LEVELS: ClassVar = {"easy": {"penguins": 3, "changes": 0}, "hard": {"penguins": 8, "changes": 3}}

    penguins: int = 4
    changes: int = 1

    def __post_init__(self) -> None:
        """Check the parameters."""
        expect(3 <= self.penguins <= 10, "penguins in [3, 10]")
        expect(0 <= self.changes <= 3, "changes in [0, 3]")

    def draw(self, rng: np.random.Generator) -> dict[str, Any]:
        """Draw rows with different values in every column, changes and a question."""
        total = self.penguins + self.changes
        names = sample(rng, _NAMES, total)
        columns = [sample(rng, span, total) for span in (range(2, 20), range(30, 95, 5), range(9, 25))]
        rows = [list(row) for row in zip(names, *columns, strict=True)]
        table, extra = rows[: self.penguins], rows[self.penguins :]
        changes: list[list[Any]] = []
        for _ in range(randint(rng, 0, self.changes)):
            removable = [row[0] for row in table if ["remove", row[0]] not in changes]
            if rng.random() < 0.5 and len(removable) > 2:
                changes.append(["remove", choose(rng, removable)])
            else:
                changes.append(["add", extra[len(changes)]])
        kind = choose(rng, ("most", "least", "above", "sum", "rank"))
        data: dict[str, Any] = {
            "table": table,
            "changes": changes,
            "kind": kind,
            "column": choose(rng, _COLUMNS),
            "threshold": choose(rng, table)[1:],
        }
        right = self.right(data)
        if right.isdigit():
            low = max(0, int(right) - randint(rng, 0, 4))
            options = [str(low + i) for i in range(5)]
        else:
            options = shuffled(rng, [row[0] for row in _current(data)])[:5]
            if right not in options:
                options[0] = right
        data["options"] = options
        return data

    def question(self, data: Mapping[str, Any]) -> str:
        """Show the table, tell the changes and ask."""
        rows = "\n".join(", ".join(map(str, row)) for row in [["name", *_COLUMNS], *data["table"]])
        told = "".join(
            f" Then we remove {what} from the table." if verb == "remove" else f" Then we add the penguin {_row(what)}."
            for verb, what in data["changes"]
        )
        column = data["column"]
        threshold = data["threshold"][_COLUMNS.index(column)]
        asked = {
            "most": f"Which penguin has the largest {column}?",
            "least": f"Which penguin has the smallest {column}?",
            "above": f"How many penguins have a {column} of more than {threshold} {_UNITS[column]}?",
            "sum": f"What is the sum of the column {column}?",
            "rank": f"Which penguin has the second largest {column}?",
        }[data["kind"]]
        return (
            f"Each line of this table is a penguin, with its age in years, its height in cm and its weight in "
            f"kg:\n{rows}\nThere are no other penguins.{told} {asked}"
        )

    def right(self, data: Mapping[str, Any]) -> str:
        """Look it up."""
        i = 1 + _COLUMNS.index(data["column"])
        ranked = sorted(_current(data), key=lambda row: -row[i])
        kind = data["kind"]
        if kind == "above":
            return str(sum(row[i] > data["threshold"][i - 1] for row in ranked))
        if kind == "sum":
            return str(sum(row[i] for row in ranked))
        return str(ranked[{"most": 0, "least": -1, "rank": 1}[kind]][0])


def _current(data: Mapping[str, Any]) -> list[list[Any]]:
    rows = list(data["table"])
    for verb, what in data["changes"]:
        rows = [*rows, what] if verb == "add" else [row for row in rows if row[0] != what]
    return rows


def _row(row: list[Any]) -> str:
    return ", ".join(map(str, row))
