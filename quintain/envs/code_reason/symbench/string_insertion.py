"""String insertion: insert a letter after every occurrence of a pattern (SymBench)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from quintain.envs.text.draws import choose, randint, text
from quintain.envs.text.forms import StringTask
from quintain.envs.text.task import expect

__all__ = ["StringInsertion"]

_RULES = {"ABCD": "A", "BCDE": "B", "CDEA": "C", "DEAB": "D", "EABC": "E"}


@dataclass(frozen=True)
class StringInsertion(StringTask):
    """Each of five four-letter patterns calls for one letter after it; inserted letters take part in no pattern.

    Attributes:
        min_length: Minimum length of the string, in characters, in [4, ``max_length``]. Default: 12.
        max_length: Maximum length of the string, in characters, in [``min_length``, 2000]. Default: 40.
    """

    LEVELS: ClassVar = {"easy": {"min_length": 5, "max_length": 10}, "hard": {"min_length": 60, "max_length": 120}}
    ALPHABET: ClassVar = "[A-E]"

    min_length: int = 12
    max_length: int = 40

    def __post_init__(self) -> None:
        """Check the parameters."""
        expect(4 <= self.min_length <= self.max_length <= 2000, "4 <= min_length <= max_length <= 2000")

    def draw(self, rng: np.random.Generator) -> dict[str, Any]:
        """Mix patterns with random letters, so that patterns occur and overlap."""
        length = randint(rng, self.min_length, self.max_length)
        string = ""
        while len(string) < length:
            string += choose(rng, list(_RULES)) if rng.random() < 0.4 else text(rng, "ABCDE", 1)
        return {"string": string[:length]}

    def ask(self, data: Mapping[str, Any]) -> str:
        """Give the rules and the string."""
        rules = "; ".join(f"after {pattern} insert {letter}" for pattern, letter in _RULES.items())
        return (
            f"Read this string once from left to right and apply the rules: {rules}. Patterns are looked for in the "
            "original string only (inserted letters are not part of any pattern), and they may overlap.\n"
            f"String: {data['string']}\nWrite the resulting string as <<<string>>>."
        )

    def find(self, data: Mapping[str, Any]) -> str:
        """Append the called-for letter at the end of each pattern."""
        string = data["string"]
        return "".join(letter + _RULES.get(string[max(0, i - 3) : i + 1], "") for i, letter in enumerate(string))
