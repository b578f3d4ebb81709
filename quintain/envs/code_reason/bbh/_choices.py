"""Multiple choice: options under letters, of which one is right."""

from __future__ import annotations

import abc
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from quintain.envs.text.task import ExactTask, Malformed

__all__ = ["ChoiceTask", "listed"]

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_LETTER = re.compile(r"\(([A-Za-z])\)|([A-Za-z])")


@dataclass(frozen=True)
class ChoiceTask(ExactTask[str]):
    """The answer is the letter of an option. Subclasses put the options into ``data["options"]``."""

    @abc.abstractmethod
    def question(self, data: Mapping[str, Any]) -> str:
        """Ask, without the options."""

    @abc.abstractmethod
    def right(self, data: Mapping[str, Any]) -> str:
        """Work out the right option's text from the data."""

    def ask(self, data: Mapping[str, Any]) -> str:
        """Ask and list the options."""
        options = "\n".join(f"({letter}) {text}" for letter, text in zip(_LETTERS, data["options"], strict=False))
        return f"{self.question(data)}\nOptions:\n{options}\nWrite the letter of the right option as <<<(letter)>>>."

    def find(self, data: Mapping[str, Any]) -> str:
        """Find the letter of the right option."""
        return f"({_LETTERS[data['options'].index(self.right(data))]})"

    def parse(self, text: str) -> str:
        """Read a letter, with or without brackets."""
        match = _LETTER.fullmatch(text)
        if match is None:
            raise Malformed("expected the letter of one option, such as (A)")
        return f"({(match[1] or match[2]).upper()})"


def listed(items: Sequence[str]) -> str:
    """Write ``a, b, and c``."""
    if len(items) < 3:
        return " and ".join(items)
    return f"{', '.join(items[:-1])}, and {items[-1]}"
