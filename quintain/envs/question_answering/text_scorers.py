"""Scorers that compare texts: exact, contains, number, choice and regex. Each is a dataclass of its settings."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import ClassVar

from quintain.envs.question_answering.items import LETTERS, Item
from quintain.envs.question_answering.replies import final_answer, matches, normalised, spoken
from quintain.envs.question_answering.verdict import Verdict
from quintain.envs.text.answers import parse_number
from quintain.envs.text.task import Malformed
from quintain.errors import ConfigurationError
from quintain.notation import readings

__all__ = ["Choice", "Contains", "Exact", "Numeric", "Regex"]


@dataclass(frozen=True)
class Exact:
    """The final answer of the reply equals a right answer of the item.

    What counts as the final answer: :func:`~quintain.envs.question_answering.replies.final_answer`.

    White space and notation around the answer, such as ``**Paris**.``, do not matter.

    Attributes:
        ignore_case: Whether letter case does not matter. Default: true.
    """

    ignore_case: bool = True

    def check(self, item: Item) -> None:
        """Accept every item."""

    def __call__(self, reply: str, item: Item) -> Verdict:
        """Compare with every right answer."""
        answer, _ = final_answer(reply, item.question)
        return _compared(answer, item, self.ignore_case)

    def read(self, reply: str, item: Item) -> str | None:
        """Return the final answer without the notation around it."""
        *_, plain = readings(final_answer(reply, item.question)[0])
        return normalised(plain, ignore_case=self.ignore_case) or None


@dataclass(frozen=True)
class Contains:
    """The reply contains a right answer, as a whole word: ``14`` does not contain ``4``. Reasoning is not searched.

    Attributes:
        ignore_case: Whether letter case does not matter. Default: true.
    """

    ignore_case: bool = True

    def check(self, item: Item) -> None:
        """Accept every item."""

    def __call__(self, reply: str, item: Item) -> Verdict:
        """Search for every right answer."""
        text = spoken(reply)
        if not text:
            return _no_answer(reply)
        inside = normalised(text, ignore_case=self.ignore_case)
        found = any(_has_word(inside, normalised(right, ignore_case=self.ignore_case)) for right in item.answers)
        return Verdict(float(found), text, "" if found else f"the reply does not contain {item.answer!r}")


@dataclass(frozen=True)
class Numeric:
    """The number in the reply equals a right one: the marked answer, else the last number.

    Thousands separators and signs of currency do not matter; ``3/4`` is ``0.75``.

    Attributes:
        rel_tol: Maximum difference relative to the right number, >= 0. Default: 0.
        abs_tol: Maximum difference, >= 0. Default: 0.
    """

    rel_tol: float = 0
    abs_tol: float = 0

    _NUMBER: ClassVar = re.compile(
        r"(?<![\w.])[-+−]?[$€£]?\s?(?:\d{1,3}(?:,\d{3})+|\d+)?(?:\.\d+|(?<=\d))(?:[eE][-+]?\d{1,2})?(?:\s?/\s?\d+)?"
    )

    def __post_init__(self) -> None:
        """Check the tolerances."""
        for name in ("rel_tol", "abs_tol"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float) or not value >= 0:
                raise ConfigurationError(f"{name} must be a number >= 0, got {value!r}")

    def check(self, item: Item) -> None:
        """Check that the right answers are numbers."""
        for right in item.answers:
            try:
                parse_number(right)
            except Malformed as error:
                raise ValueError(f"the answer {right!r} is not a number") from error

    def __call__(self, reply: str, item: Item) -> Verdict:
        """Compare with every right number."""
        text, _ = final_answer(reply, item.question)
        found = self._read(text)
        if found is None:
            return _no_answer(reply, "the reply has no number")
        answer, number = found
        for right in map(parse_number, item.answers):
            if abs(number - right) <= max(Fraction(self.abs_tol), Fraction(self.rel_tol) * abs(right)):
                return Verdict(1.0, answer)
        return Verdict(0.0, answer, f"the answer is {item.answer}")

    def read(self, reply: str, item: Item) -> str | None:
        """Return the number, as an integer or a fraction in lowest terms."""
        found = self._read(final_answer(reply, item.question)[0])
        return None if found is None else str(found[1])

    def _read(self, text: str) -> tuple[str, Fraction] | None:
        for reading in (*readings(text), *reversed([found[0] for found in self._NUMBER.finditer(text)])):
            try:
                return reading.strip(), parse_number(reading.strip().rstrip("%"))
            except Malformed:
                continue
        return None


@dataclass(frozen=True)
class Choice:
    """The reply chooses the right option of a multiple-choice question.

    The choice is looked for in the marked answer, then in phrases such as ``Answer: B`` or ``the answer is (B)``, then
    in the reply as a whole, which may be an option or begin with its letter. An option is recognised by its letter or
    its text. A reply without a choice is a ``parse_error``.
    """

    _SAID: ClassVar = re.compile(
        r"(?i:\b(?:answer|option|choice)\b(?:\s+is)?)\s*:?\s*[*_]*[(\[]?([A-Z])[)\]]?[*_]*(?![A-Za-z])"
    )
    _BEGINS: ClassVar = re.compile(r"\s*[*_]*(?:\(([A-Z])\)|([A-Z])[).:](?=\s|[*_]|$))")

    def check(self, item: Item) -> None:
        """Check that there are options."""
        if not item.choices:
            raise ValueError("no options; the scorer 'choice' needs them in a column 'choices'")

    def __call__(self, reply: str, item: Item) -> Verdict:
        """Read the chosen option, and compare it."""
        letter = self._letter(reply, item)
        if letter is None:
            return _no_answer(reply, f"the reply chooses none of the options A to {LETTERS[len(item.choices) - 1]}")
        shown = f"{letter}) {item.choices[LETTERS.index(letter)]}"
        right = letter == item.letter
        return Verdict(float(right), shown, "" if right else f"the answer is {item.letter}) {item.answer}")

    def read(self, reply: str, item: Item) -> str | None:
        """Return the letter of the chosen option."""
        return self._letter(reply, item)

    def _letter(self, reply: str, item: Item) -> str | None:
        answer, marked = final_answer(reply, item.question)
        found = self._option(answer, item) or (self._leading(answer, item) if marked else None)
        if found is not None:
            return found
        letters = LETTERS[: len(item.choices)]
        said: list[str] = [letter for letter in self._SAID.findall(spoken(reply)) if letter in letters]
        return said[-1] if said else self._leading(answer, item)

    def _option(self, text: str, item: Item) -> str | None:
        """Read a text that is an option and nothing else."""
        texts = _letters_of(item)
        for reading in readings(text):
            bare = reading.strip("()[]. :")
            if len(bare) == 1 and bare.upper() in LETTERS[: len(item.choices)]:
                return bare.upper()
            plain = normalised(reading, ignore_case=True)
            if plain in texts:
                return texts[plain]
        return None

    def _leading(self, text: str, item: Item) -> str | None:
        """Read the letter with which a text begins, unless the text of another option follows."""
        begins = self._BEGINS.match(text)
        if begins is None:
            return None
        letter = str(begins[1] or begins[2])
        if letter not in LETTERS[: len(item.choices)]:
            return None
        rest = (normalised(reading, ignore_case=True) for reading in readings(text[begins.end() :]))
        return letter if all(_letters_of(item).get(each) in (None, letter) for each in rest) else None


@dataclass(frozen=True)
class Regex:
    """The text that a regular expression matches in the reply equals a right answer. The last match counts.

    A reply without a match is a ``parse_error``. Reasoning is not searched.

    Attributes:
        pattern: Python regular expression; the answer is its first group, or the whole match without a group.
        ignore_case: Whether letter case does not matter, in the pattern and the comparison. Default: true.
    """

    pattern: str
    ignore_case: bool = True

    def __post_init__(self) -> None:
        """Compile the pattern."""
        try:
            _ = self._compiled
        except (re.error, TypeError) as error:
            raise ConfigurationError(f"{self.pattern!r} is not a regular expression: {error}") from error

    @cached_property
    def _compiled(self) -> re.Pattern[str]:
        return re.compile(self.pattern, re.MULTILINE | (re.IGNORECASE if self.ignore_case else 0))

    def check(self, item: Item) -> None:
        """Accept every item."""

    def __call__(self, reply: str, item: Item) -> Verdict:
        """Search, and compare with every right answer."""
        found = self._find(reply)
        if found is None:
            return _no_answer(reply, f"the reply does not match {self.pattern!r}")
        return _compared(found, item, self.ignore_case)

    def read(self, reply: str, item: Item) -> str | None:
        """Return the text of the last match."""
        return normalised(self._find(reply) or "", ignore_case=self.ignore_case) or None

    def _find(self, reply: str) -> str | None:
        found = list(self._compiled.finditer(spoken(reply)))
        return next(filter(None, found[-1].groups()), found[-1][0]) if found else None


def _letters_of(item: Item) -> dict[str, str]:
    return {normalised(option, ignore_case=True): letter for letter, option in zip(LETTERS, item.choices, strict=False)}


def _compared(answer: str, item: Item, ignore_case: bool) -> Verdict:
    if not answer.strip():
        return _no_answer(answer)
    right = any(matches(answer, one, ignore_case=ignore_case) for one in item.answers)
    return Verdict(float(right), answer, "" if right else f"the answer is {item.answer}")


def _no_answer(reply: str, why: str = "the reply is empty") -> Verdict:
    if not spoken(reply):
        why = "the reply is empty" if not reply.strip() else "the reply ends within its reasoning"
    return Verdict(0.0, None, why, malformed=True)


def _has_word(text: str, word: str) -> bool:
    start = text.find(word)
    while word and start >= 0:
        end = start + len(word)
        if not _continues(text[start - 1 : start], word[:1]) and not _continues(word[-1:], text[end : end + 1]):
            return True
        start = text.find(word, start + 1)
    return False


def _continues(left: str, right: str) -> bool:
    """Return whether two neighbours are parts of one word. Scripts without spaces have no such parts."""
    return bool(left and right) and all(c.isalnum() and ord(c) < 0x2E80 for c in (left, right))
