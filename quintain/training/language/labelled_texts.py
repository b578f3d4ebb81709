"""Texts labelled by whether they show a behaviour, from a file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from quintain.envs.text.rows import read_table
from quintain.errors import ConfigurationError

__all__ = ["LabelledTexts", "read_labelled_texts"]

_LABELS = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}


@dataclass(frozen=True, slots=True)
class LabelledTexts:
    """Texts and their labels.

    Attributes:
        texts: The texts, none of them empty.
        unwanted: For each, whether it shows the unwanted behaviour.
    """

    texts: tuple[str, ...]
    unwanted: tuple[bool, ...]


def read_labelled_texts(source: str) -> LabelledTexts:
    """Read the columns ``text`` and ``unwanted`` of a data set.

    Args:
        source: A file or a data set of the hub; see :func:`~quintain.envs.text.rows.read_table`. ``unwanted`` is true
            or false, yes or no, 1 or 0.

    Raises:
        ConfigurationError: If it cannot be read, or a row lacks one of them; the message names the line.
    """
    table = read_table(source)
    texts, unwanted = [], []
    for row in table.rows:
        text, label = row.values.get("text"), _LABELS.get(_written(row.values.get("unwanted")))
        if not isinstance(text, str) or not text.strip():
            raise ConfigurationError(f"{table.at(row)}: expected a column 'text' with a text, got {text!r}")
        if label is None:
            raise ConfigurationError(
                f"{table.at(row)}: expected a column 'unwanted' with true or false, got {row.values.get('unwanted')!r}"
            )
        texts.append(text)
        unwanted.append(label)
    return LabelledTexts(tuple(texts), tuple(unwanted))


def _written(value: Any) -> str:
    return str(value).strip().lower()
