"""Dyck languages: close all open brackets in the right order (Big-Bench-Hard)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from quintain.envs.text.draws import choose, randint
from quintain.envs.text.task import ExactTask, Malformed, expect

__all__ = ["DyckLanguages"]

_PAIRS = {"(": ")", "[": "]", "{": "}"}


@dataclass(frozen=True)
class DyckLanguages(ExactTask[str]):
    """Brackets of three kinds are opened and closed; the answer closes what is left open. There is one way to do it.

    Differences from the original: there are no angle brackets, which are the answer's markers.

    Attributes:
        min_length: Minimum number of brackets shown, in [2, ``max_length``]. Default: 8.
        max_length: Maximum number of brackets shown, in [``min_length``, 500]. Default: 30.
    """

    LEVELS: ClassVar = {"easy": {"min_length": 3, "max_length": 8}, "hard": {"min_length": 40, "max_length": 80}}

    min_length: int = 8
    max_length: int = 30

    def __post_init__(self) -> None:
        """Check the parameters."""
        expect(2 <= self.min_length <= self.max_length <= 500, "2 <= min_length <= max_length <= 500")

    def draw(self, rng: np.random.Generator) -> dict[str, Any]:
        """Open and close at random until something is open at the end."""
        while True:
            shown, still_open = "", ""
            for _ in range(randint(rng, self.min_length, self.max_length)):
                if still_open and rng.random() < 0.45:
                    shown += _PAIRS[still_open[-1]]
                    still_open = still_open[:-1]
                else:
                    bracket = choose(rng, "([{")
                    shown += bracket
                    still_open += bracket
            if still_open:
                return {"shown": shown}

    def ask(self, data: Mapping[str, Any]) -> str:
        """Show the beginning."""
        return (
            "Complete the sequence, so that every bracket is closed properly, with as few brackets as possible. "
            f"Write only the brackets that are missing at the end.\n{' '.join(data['shown'])}\n"
            "Write them in order, separated by spaces, as <<<closing brackets>>>."
        )

    def find(self, data: Mapping[str, Any]) -> str:
        """Keep a stack of open brackets."""
        stack: list[str] = []
        for bracket in data["shown"]:
            if bracket in _PAIRS:
                stack.append(_PAIRS[bracket])
            else:
                stack.pop()
        return " ".join(reversed(stack))

    def parse(self, text: str) -> str:
        """Read closing brackets, with or without spaces between them."""
        if re.fullmatch(r"""\[\s*(?:(['"])[)\]}>]\1\s*(?:,\s*|(?=\])))+\]""", text):  # a list, as Python prints it
            text = re.sub(r"""['",]""", "", text[1:-1])
        if not re.fullmatch(r"[)\]}\s]+", text):
            raise Malformed("expected closing brackets")
        return " ".join("".join(text.split()))
