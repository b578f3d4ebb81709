"""Scorers of replies: exact, contains, number, choice, regex, and users' own functions.

A scorer is a callable ``scorer(reply, item) -> Verdict``. Its settings are the fields of a frozen dataclass.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from typing import Any, ClassVar, Protocol

from quintain.arguments import check_arguments
from quintain.envs.question_answering.items import LETTERS, Item
from quintain.envs.question_answering.replies import final_answer, matches, normalised, spoken
from quintain.envs.text.answers import parse_number
from quintain.envs.text.notation import readings
from quintain.envs.text.task import Malformed
from quintain.errors import ConfigurationError, TaskError
from quintain.provenance import describe_function
from quintain.registry import Registry

__all__ = ["SCORERS", "Choice", "Contains", "Exact", "FunctionScorer", "Numeric", "Regex", "Scorer", "ScorerFacts",
           "Verdict", "make_scorer"]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Verdict:
    """The result of scoring one reply.

    Attributes:
        value: Share of the full score, in [0, 1]; 1 counts as success. ``None`` if the reply was not judged, as after a
            malformed verdict of a judge.
        answer: What was taken as the answer; ``None`` if the reply has none.
        detail: Why the value is below 1; empty for none. Default: ``""``.
        malformed: Whether the reply has no answer of the required form, which is the outcome ``parse_error``. Default:
            false.
        info: Further facts, added to the ``info`` of the step.
    """

    value: float | None
    answer: str | None = None
    detail: str = ""
    malformed: bool = False
    info: Mapping[str, Any] = field(default_factory=dict)


class Scorer(Protocol):
    """What :func:`make_scorer` returns."""

    def __call__(self, reply: str, item: Item) -> Verdict:
        """Score a reply."""
        ...

    def check(self, item: Item) -> None:
        """Raise ``ValueError`` if the scorer cannot work with an item."""
        ...


@dataclass(frozen=True, slots=True)
class ScorerFacts:
    """What is known of a scorer before it is imported.

    Attributes:
        summary: One line for listings.
        needs_answer: Whether every item needs a right answer.
        waits: Whether scoring waits for something outside this process, such as a server.
    """

    summary: str = ""
    needs_answer: bool = True
    waits: bool = False


@dataclass(frozen=True)
class Exact:
    """The answer equals a right one; see :func:`~quintain.envs.question_answering.replies.final_answer`.

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


@dataclass(frozen=True)
class Contains:
    """The reply contains a right answer, as a whole word: ``4`` is not in ``14``. Reasoning does not count.

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

    It is the marked answer, ``Answer: B`` or ``the answer is (B)``; else the reply as a whole is an option, or begins
    with its letter. The letter or the text of an option will do. A reply that chooses none is a ``parse_error``.
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
    """A regular expression takes the answer out of the reply, and it equals a right one. The last match counts.

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
            raise ConfigurationError(f"{self.pattern!r} is no regular expression: {error}") from error

    @cached_property
    def _compiled(self) -> re.Pattern[str]:
        return re.compile(self.pattern, re.MULTILINE | (re.IGNORECASE if self.ignore_case else 0))

    def check(self, item: Item) -> None:
        """Accept every item."""

    def __call__(self, reply: str, item: Item) -> Verdict:
        """Search, and compare with every right answer."""
        found = list(self._compiled.finditer(spoken(reply)))
        if not found:
            return _no_answer(reply, f"the reply does not match {self.pattern!r}")
        match = found[-1]
        return _compared(next(filter(None, match.groups()), match[0]), item, self.ignore_case)


@dataclass(frozen=True)
class FunctionScorer:
    """A function of the user's own.

    Attributes:
        function: ``function(reply, item)`` with the reply without its reasoning. Returns a bool, a number in [0, 1], a
            pair of one of these and why it is not 1, or a :class:`Verdict`.
    """

    function: Callable[[str, Item], Any]

    def check(self, item: Item) -> None:
        """Accept every item."""

    def __call__(self, reply: str, item: Item) -> Verdict:
        """Call the function.

        Raises:
            TaskError: If it returns anything else.
        """
        text = spoken(reply)
        result = self.function(text, item)
        if isinstance(result, Verdict):
            return result
        value, detail = result if isinstance(result, tuple) and len(result) == 2 else (result, "")
        try:
            number = float(value)
        except (TypeError, ValueError):
            number = -1.0
        if not 0 <= number <= 1 or not isinstance(detail, str):
            raise TaskError(
                f"{describe_function(self.function)['function']} must return a bool, a number in [0, 1], a pair of one "
                f"and a reason, or a Verdict; it returned {result!r}"
            )
        return Verdict(number, text, detail)


#: Every scorer by name. A function of the user's own is ``"module:function"``.
SCORERS: Registry[Scorer, ScorerFacts] = Registry("scorer", ScorerFacts, "quintain.scorers")
SCORERS.add("exact", Exact, summary="the answer equals a right one")
SCORERS.add("contains", Contains, summary="the reply contains a right answer as a whole word")
SCORERS.add("number", Numeric, summary="the number in the reply equals a right one")
SCORERS.add("choice", Choice, summary="the reply chooses the right option")
SCORERS.add("regex", Regex, summary="a pattern takes the answer out of the reply")


def make_scorer(scorer: str | Mapping[str, Any] | Callable[..., Any]) -> tuple[Scorer, ScorerFacts]:
    """Make a scorer, and return it with what is known of it.

    Args:
        scorer: A name of :data:`SCORERS` or ``"module:function"``; a mapping with the ``"name"`` and the scorer's
            settings, such as ``{"name": "number", "rel_tol": 0.01}``; or a function ``function(reply, item)``.

    Raises:
        UnknownNameError: If there is no scorer of that name.
        ConfigurationError: If a setting does not exist or cannot work.
    """
    if isinstance(scorer, Mapping):
        options = dict(scorer)
        name = options.pop("name", None)
        if not isinstance(name, str):
            raise ConfigurationError(f"a scorer's settings need its 'name', got {dict(scorer)!r}")
    elif isinstance(scorer, str):
        name, options = scorer, {}
    elif callable(scorer):
        return FunctionScorer(scorer), ScorerFacts(needs_answer=False)
    else:
        raise ConfigurationError(f"scorer must be a name, settings with a 'name', or a function, got {scorer!r}")
    target = SCORERS.load(name)
    if name not in SCORERS and not isinstance(target, type):
        if options:
            raise ConfigurationError(f"the function {name!r} takes no settings, got {sorted(options)}")
        return FunctionScorer(target), ScorerFacts(needs_answer=False)
    check_arguments("scorer", name, target, (), options)
    return target(**options), SCORERS.facts(name)


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
