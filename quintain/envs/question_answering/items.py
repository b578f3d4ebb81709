"""The items of a data set: question, right answers, options and further columns of every row."""

from __future__ import annotations

import json
import string
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from quintain.envs.text.rows import HUB, Row, Table, value_at
from quintain.errors import ConfigurationError

__all__ = ["LETTERS", "Columns", "Item", "read_items"]

#: Letters of options, in order.
LETTERS = string.ascii_uppercase
#: Maximum number of rows that one message lists.
_MAX_LISTED = 5
#: Maximum length of a question with its options, in characters.
MAX_QUESTION_CHARS = 90_000


@dataclass(frozen=True)
class Item:
    """One question.

    Attributes:
        id: Its identifier, unique in the data set: the value of the column ``id``, or the number of the row, from 1.
        question: The question, without options.
        answers: The right answers, any of which will do; for multiple choice the text of the right option. Empty where
            the data set has none.
        choices: The options of a multiple-choice question, in the order in which they are shown.
        metadata: The values of all other columns.
        place: Where the row stands, as in ``"qa.csv, line 3"``.
    """

    id: str
    question: str
    answers: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict, hash=False)
    place: str = field(default="", compare=False)

    @property
    def answer(self) -> str:
        """The first right answer; empty where there is none."""
        return self.answers[0] if self.answers else ""

    @property
    def letter(self) -> str:
        """Letter of the right option; empty without options."""
        return LETTERS[self.choices.index(self.answer)] if self.choices else ""


@dataclass(frozen=True, slots=True)
class Columns:
    """Names of the columns of a data set.

    Attributes:
        question: Column of the question.
        answer: Column of the right answer, or of a list of right answers. For multiple choice the letter of the right
            option, its text, or its number from 0 (an integer).
        choices: Column of the list of options, or the columns of the single options.
        id: Column of the identifier; without such a column the number of the row.
        split: Column of the split.
    """

    question: str = "question"
    answer: str = "answer"
    choices: str | tuple[str, ...] = "choices"
    id: str = "id"
    split: str = "split"


def read_items(
    table: Table, columns: Columns, *, split: str | None, needs_answer: bool, check: Callable[[Item], None]
) -> tuple[Item, ...]:
    """Make the items of a table, in its order.

    Args:
        table: The rows of the file or data set, with the names of the columns.
        columns: Names of its columns.
        split: Keep only the rows with this value in the column of the split; ``None`` for all.
        needs_answer: Whether every row needs an answer.
        check: Raises ``ValueError`` if the scorer cannot work with an item.

    Raises:
        ConfigurationError: If a column is missing, or a row cannot be used; the message names file and line.
    """
    rows = list(table.rows)
    if split is not None and not table.source.startswith(HUB):
        rows = _of_split(table, columns.split, split)
    _require_column(table, columns.question, "question")
    has_answers = _has_column(table, columns.answer)
    if needs_answer and not has_answers:
        _require_column(table, columns.answer, "answer")
    items: list[Item] = []
    faults: list[str] = []
    seen: dict[str, Row] = {}
    for number, row in enumerate(rows, start=1):
        try:
            item = _item(table, row, columns, number, has_answers)
            check(item)
        except ValueError as error:
            faults.append(f"{table.at(row)}: {error}")
            continue
        if item.id in seen:
            faults.append(f"{table.at(row)}: the id {item.id!r} is that of {seen[item.id].place}, too")
        seen.setdefault(item.id, row)
        items.append(item)
    if faults:
        more = f"\n... and {len(faults) - _MAX_LISTED} more" if len(faults) > _MAX_LISTED else ""
        raise ConfigurationError("\n".join(faults[:_MAX_LISTED]) + more)
    return tuple(items)


def _of_split(table: Table, column: str, split: str) -> list[Row]:
    _require_column(table, column, "split")
    rows = [row for row in table.rows if str(value_at(row.values, column)) == split]
    if not rows:
        there = sorted({str(value_at(row.values, column)) for row in table.rows})
        raise ConfigurationError(
            f"{table.source}: no row has {split!r} in the column {column!r}; there are {', '.join(there[:10])}"
        )
    return rows


def _has_column(table: Table, column: str) -> bool:
    return any(value_at(row.values, column) is not None for row in table.rows)


def _require_column(table: Table, column: str, argument: str) -> None:
    if not _has_column(table, column):
        raise ConfigurationError(
            f"{table.source} has no column {column!r}; its columns: {', '.join(table.columns)}. Name the one to use: "
            f"{argument}=..."
        )


def _item(table: Table, row: Row, columns: Columns, number: int, has_answers: bool) -> Item:
    question = _text(value_at(row.values, columns.question))
    if not question:
        raise ValueError(f"no question: the column {columns.question!r} is empty")
    choices = _choices(row, columns)
    answers = _answers(value_at(row.values, columns.answer)) if has_answers else ()
    if has_answers and not answers:
        raise ValueError(f"no answer: the column {columns.answer!r} is empty")
    if choices and answers:
        answers = (_right_option(value_at(row.values, columns.answer), choices),)
    if len(question) + sum(map(len, choices)) > MAX_QUESTION_CHARS:
        raise ValueError(f"the question is longer than {MAX_QUESTION_CHARS:,} characters")
    name = _text(value_at(row.values, columns.id)) or str(number)
    single = (columns.choices,) if isinstance(columns.choices, str) else columns.choices
    used = {columns.question, columns.answer, columns.id, *single}
    metadata = {key: value for key, value in row.values.items() if key not in used}
    return Item(name, question, answers, choices, metadata, table.at(row))


def _text(value: Any) -> str:
    if value is None or (isinstance(value, float) and value != value):  # NaN, as pandas writes a missing cell
        return ""
    return (value if isinstance(value, str) else json.dumps(value, default=str)).strip()


def _answers(value: Any) -> tuple[str, ...]:
    values = value if isinstance(value, (list, tuple)) else [value]
    return tuple(dict.fromkeys(text for text in map(_text, values) if text))


def _choices(row: Row, columns: Columns) -> tuple[str, ...]:
    if isinstance(columns.choices, str):
        value = value_at(row.values, columns.choices)
        if value is None or value == "":
            return ()
        if isinstance(value, str):
            value = _list_in(value, columns.choices)
        if not isinstance(value, Sequence):
            raise ValueError(f"the options in the column {columns.choices!r} are not a list")
    else:
        value = [value_at(row.values, name) for name in columns.choices]
        while value and not _text(value[-1]):  # questions may have fewer options than others
            value = value[:-1]
    texts = tuple(map(_text, value))
    if not 2 <= len(texts) <= len(LETTERS) or not all(texts):
        raise ValueError(f"expected 2 to {len(LETTERS)} options, none of them empty, got {list(texts)}")
    if len(set(texts)) < len(texts):
        raise ValueError(f"two options are the same: {list(texts)}")
    return texts


def _list_in(text: str, column: str) -> Any:
    """Read the list of options in a cell: a JSON list, or options with ``|`` between them."""
    if text.lstrip().startswith("["):
        try:
            return json.loads(text)
        except ValueError as error:
            raise ValueError(f"the options in the column {column!r} are not a JSON list ({error})") from error
    return text.split("|")


def _right_option(value: Any, choices: tuple[str, ...]) -> str:
    """Find the right option by its text, its letter, or its number from 0."""
    text = _text(value)
    found = {text} if text in choices else set()
    letters = LETTERS[: len(choices)]
    if len(text) == 1 and text.upper() in letters:
        found.add(choices[letters.index(text.upper())])
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < len(choices):
        found.add(choices[value])
    if len(found) == 1:
        return found.pop()
    if found:
        raise ValueError(f"the answer {text!r} may mean several options: {sorted(found)}; give the letter or the text")
    raise ValueError(
        f"the answer {text!r} is none of the options {list(choices)}: give its letter, A to {letters[-1]}, or its text"
    )
