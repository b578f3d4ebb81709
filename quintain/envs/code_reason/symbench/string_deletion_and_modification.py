"""String deletion and modification: rewrite a string until no rule applies (SymBench)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from quintain.envs.text.draws import randint, sample, text
from quintain.envs.text.forms import StringTask
from quintain.envs.text.task import expect

__all__ = ["StringDeletionAndModification"]

#: Every rule in words, with the function that applies it (and gives the string back where it does not apply).
_RULES: dict[str, Callable[[str], str]] = {
    "If the string starts with 'ab', delete these two letters.": lambda s: s[2:] if s.startswith("ab") else s,
    "If the string starts with 'aa', delete the first letter.": lambda s: s[1:] if s.startswith("aa") else s,
    "If the string starts with 'cb', replace these two letters by 'a'.": lambda s: (
        "a" + s[2:] if s.startswith("cb") else s
    ),
    "If the string starts with 'bc', move the first letter to the end.": lambda s: (
        s[1:] + s[0] if s.startswith("bc") else s
    ),
    "If the string starts with 'ca', delete the first letter and append 'b' to the end.": lambda s: (
        s[1:] + "b" if s.startswith("ca") else s
    ),
    "If the string ends with 'ba', replace these two letters by 'c'.": lambda s: (
        s[:-2] + "c" if s.endswith("ba") else s
    ),
    "If the string ends with 'cc', delete the last letter.": lambda s: s[:-1] if s.endswith("cc") else s,
    "If the string ends with 'ac', delete these two letters.": lambda s: s[:-2] if s.endswith("ac") else s,
    "If the string ends with 'bb', replace these two letters by 'a'.": lambda s: (
        s[:-2] + "a" if s.endswith("bb") else s
    ),
    "If the string ends with 'ca', delete the last letter and put 'b' in front.": lambda s: (
        "b" + s[:-1] if s.endswith("ca") else s
    ),
    "If the string contains 'abc', replace its first occurrence by 'cab'.": lambda s: s.replace("abc", "cab", 1),
    "If the string contains 'bca', delete its first occurrence.": lambda s: s.replace("bca", "", 1),
    "If the string contains 'aca', replace its first occurrence by 'b'.": lambda s: s.replace("aca", "b", 1),
    "If the string contains 'acb', replace its first occurrence by 'bca'.": lambda s: s.replace("acb", "bca", 1),
    "If the string contains 'bb', replace its first occurrence by 'c'.": lambda s: s.replace("bb", "c", 1),
    "If the string contains 'ccc', replace its first occurrence by 'a'.": lambda s: s.replace("ccc", "a", 1),
    "If the string contains 'aab', delete the 'b' of its first occurrence.": lambda s: s.replace("aab", "aa", 1),
    "If the length of the string is above 12, delete its last letter.": lambda s: s[:-1] if len(s) > 12 else s,
    "If the string has more 'b' than 'a', delete its first 'b'.": lambda s: (
        s.replace("b", "", 1) if s.count("b") > s.count("a") else s
    ),
    "If the string starts and ends with the same letter and has at least three letters, delete its first letter.": (
        lambda s: s[1:] if len(s) >= 3 and s[0] == s[-1] else s
    ),
}
_MAX_STEPS = 200


@dataclass(frozen=True)
class StringDeletionAndModification(StringTask):
    """Six rules over {a, b, c}: the first one that applies is applied, over and over, until none applies.

    Attributes:
        min_length: Minimum length of the string, in characters, in [3, ``max_length``]. Default: 8.
        max_length: Maximum length of the string, in characters, in [``min_length``, 200]. Default: 18.
        rules: Number of rules, in [2, 12]. Default: 6.
    """

    LEVELS: ClassVar = {
        "easy": {"min_length": 4, "max_length": 8, "rules": 3},
        "hard": {"min_length": 25, "max_length": 40, "rules": 8},
    }
    ALPHABET: ClassVar = "[abc]"

    min_length: int = 8
    max_length: int = 18
    rules: int = 6

    def __post_init__(self) -> None:
        """Check the parameters."""
        expect(3 <= self.min_length <= self.max_length <= 200, "3 <= min_length <= max_length <= 200")
        expect(2 <= self.rules <= 12, "rules in [2, 12]")

    def draw(self, rng: np.random.Generator) -> dict[str, Any]:
        """Draw until the rewriting ends after at least one step, and with something left."""
        while True:
            rules = sample(rng, list(_RULES), self.rules)
            string = text(rng, "abc", randint(rng, self.min_length, self.max_length))
            final = _rewrite(string, rules)
            if final and final != string:
                return {"string": string, "rules": rules}

    def ask(self, data: Mapping[str, Any]) -> str:
        """Number the rules."""
        rules = "\n".join(f"{i}. {rule}" for i, rule in enumerate(data["rules"], 1))
        return (
            f"A string is rewritten by these rules:\n{rules}\n"
            "At each step, go through the rules from number 1 on, apply the first one that applies, once, and start "
            f"again from rule 1 with the new string. Stop when no rule applies.\nString: {data['string']}\n"
            "Write the final string as <<<STRING>>>."
        )

    def find(self, data: Mapping[str, Any]) -> str:
        """Rewrite."""
        final = _rewrite(data["string"], data["rules"])
        assert final is not None  # problems are drawn so that the rewriting ends
        return final


def _rewrite(string: str, rules: list[str]) -> str | None:
    """Apply the first applicable rule until none applies; ``None`` if that takes too long."""
    for _ in range(_MAX_STEPS):
        for rule in rules:
            after = _RULES[rule](string)
            if after != string:
                string = after
                break
        else:
            return string
    return None
