"""The contract of a task family: a generator, a verifier and a reference solution in one small file.

A task is a pure function of its configuration and a random stream: ``generate(rng)`` draws a problem,
``score(problem, text)`` judges an answer, ``solve(problem)`` finds one from the problem's own data. Difficulty
parameters are the fields of a frozen dataclass.
"""

from __future__ import annotations

import abc
import dataclasses
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any, ClassVar, Generic, Literal, Self, TypeVar

import numpy as np

from quintain.errors import ConfigurationError, TaskError, UnknownNameError
from quintain.notation import readings

__all__ = [
    "ITEM_KEY",
    "MAX_ANSWER_CHARS",
    "SPLITS",
    "ExactTask",
    "Malformed",
    "Problem",
    "Score",
    "Split",
    "Task",
    "expect",
    "fixed_items_of",
    "parse_task_id",
    "pose",
    "sample_problem",
    "split_of",
]

#: A side of the split of items.
Split = Literal["train", "test"]
#: Both sides of the split of items.
SPLITS: tuple[Split, ...] = ("train", "test")

#: How the key of an item begins that is one of a finite set.
ITEM_KEY = "item"

#: Maximum length of an answer, in characters; longer ones are malformed.
MAX_ANSWER_CHARS = 20_000

# A draw falls into either split with probability 1/2; if none of these does, the family has (almost) no items in it.
_MAX_DRAWS = 200

_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"))

Value = TypeVar("Value")


class Malformed(ValueError):
    """An answer does not have the form that the question specifies."""


@dataclass(frozen=True)
class Problem:
    """One item of a task.

    Attributes:
        prompt: The question, ending with the form of the answer, ``<<<...>>>``. The form is shown with placeholders
            that do not parse, so that an echo of the question is never right.
        answer: A right answer, without the markers. Other answers may be right as well.
        data: Everything that the verifier and the solver need, as plain JSON-able data.
    """

    prompt: str
    answer: str
    data: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @cached_property
    def hash(self) -> str:
        """Content hash of question and data, equal on every machine."""
        canonical = _CANONICAL.encode([self.prompt, self.data])
        return hashlib.blake2b(canonical.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


@dataclass(frozen=True, slots=True)
class Score:
    """The verdict on one answer.

    Attributes:
        correct: The answer is right, in any harmless notation: see :mod:`~quintain.notation`.
        strict: The answer is right and written exactly in the specified form.
        detail: Why the answer is not right; empty if it is right.
        malformed: The answer is not right because it does not have the specified form.
    """

    correct: bool
    strict: bool
    detail: str = ""
    malformed: bool = False


@dataclass(frozen=True)
class Task(abc.ABC, Generic[Value]):
    """A family of problems with its verifier. Subclasses are frozen dataclasses whose fields set the difficulty.

    Subclasses define ``generate``, ``parse``, ``check`` and ``solve``, and ``render`` where ``str`` does not give the
    specified form. In a suite, the module's file name is the task's name.
    """

    #: Parameters of the named difficulties; ``"medium"`` is the class's defaults and need not be listed.
    LEVELS: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    name: ClassVar[str] = ""
    suite: ClassVar[str] = ""

    @classmethod
    def configure(cls, difficulty: str | Mapping[str, Any] = "medium") -> Self:
        """Make the task at a named difficulty, or with parameters given by name.

        Raises:
            UnknownNameError: If the level or a parameter does not exist.
            ConfigurationError: If a parameter's value cannot work.
        """
        if isinstance(difficulty, str):
            if difficulty != "medium" and difficulty not in cls.LEVELS:
                raise UnknownNameError(f"difficulty of task {cls.name!r}", difficulty, {"medium", *cls.LEVELS})
            parameters = cls.LEVELS.get(difficulty, {})
        else:
            parameters = difficulty
        known = {f.name for f in dataclasses.fields(cls)}
        for name in parameters:
            if name not in known:
                raise UnknownNameError(f"parameter of task {cls.name!r}", name, known)
        try:
            # JSON has no tuples, and lists are not hashable.
            return cls(**{k: tuple(v) if isinstance(v, list) else v for k, v in parameters.items()})
        except (TypeError, ValueError) as error:
            raise ConfigurationError(
                f"task {cls.name!r} cannot be configured with {dict(parameters)}: {error}"
            ) from error

    @abc.abstractmethod
    def generate(self, rng: np.random.Generator) -> Problem:
        """Draw a problem. Every draw comes from ``rng``; the result is the same under any PYTHONHASHSEED."""

    @abc.abstractmethod
    def parse(self, text: str) -> Value:
        """Read an answer.

        Args:
            text: A reading of the text between the markers: without surrounding white space and without one pair of
                quotes around the whole, at most a little longer than ``MAX_ANSWER_CHARS``. Where it is malformed or
                wrong, readings without Markdown, LaTeX and the like follow.

        Raises:
            Malformed: If the text is anything but an answer of the specified form. Text is never evaluated as code.
        """

    @abc.abstractmethod
    def check(self, problem: Problem, value: Value) -> str:
        """Return what is wrong with a well-formed answer; an empty string if it is right."""

    @abc.abstractmethod
    def solve(self, problem: Problem) -> str:
        """Find a right answer from ``problem.prompt`` and ``problem.data``, without looking at ``problem.answer``."""

    def files(self) -> dict[str, str]:
        """Name the files whose items the task poses, with their SHA-256; empty for a task that draws its own items."""
        return {}

    def fixed_items(self) -> Sequence[Problem] | None:
        """Return all items, in order, of a task that poses those of a file; ``None`` for one that draws its own."""
        return None

    def render(self, value: Value) -> str:
        """Write a value exactly in the form that the question specifies."""
        return str(value)

    def canonical(self, text: str) -> str:
        """Write an answer so that equal answers in different notation are equal texts, without judging it.

        It is the first reading that has the specified form, in that form; an answer that has none is returned with
        single spaces.
        """
        if len(text) <= MAX_ANSWER_CHARS:
            for reading in readings(text.strip()):
                try:
                    return self.render(self.parse(reading))
                except Malformed:
                    continue
        return " ".join(text.split())

    def score(self, problem: Problem, text: object) -> Score:
        """Score an answer. Never raises, whatever text or object it is."""
        if not isinstance(text, str):
            return Score(False, False, f"expected a string, got {type(text).__name__}", malformed=True)
        if len(text) > MAX_ANSWER_CHARS:
            return Score(False, False, f"answer longer than {MAX_ANSWER_CHARS} characters", malformed=True)
        stripped = text.strip()
        if not stripped:
            return Score(False, False, "empty answer", malformed=True)
        unreadable = wrong = ""
        for reading in readings(stripped):
            try:
                value = self.parse(reading)
            except Malformed as error:
                unreadable = unreadable or str(error)
                continue
            detail = self.check(problem, value)
            if not isinstance(detail, str):  # a bool would be interpreted the wrong way round
                raise TypeError(
                    f"{type(self).__name__}.check must return what is wrong as text, and an empty string for a right "
                    f"answer; it returned {detail!r}"
                )
            if not detail:
                return Score(True, text == self.render(value))
            wrong = wrong or detail
        return Score(False, False, wrong or unreadable or "empty answer", malformed=not wrong)


class ExactTask(Task[Value]):
    """A task whose problems have exactly one right answer, computed from their data.

    Subclasses define ``draw`` (random data), ``ask`` (the question) and ``find`` (the answer). The classes in ``forms``
    define ``parse`` and ``render`` for common types of answer.
    """

    @abc.abstractmethod
    def draw(self, rng: np.random.Generator) -> dict[str, Any]:
        """Draw the data of a problem."""

    @abc.abstractmethod
    def ask(self, data: Mapping[str, Any]) -> str:
        """Write the question about the data; it ends with the form of the answer."""

    @abc.abstractmethod
    def find(self, data: Mapping[str, Any]) -> Value:
        """Compute the right answer from the data."""

    def generate(self, rng: np.random.Generator) -> Problem:
        """Draw the data, write the question and compute the answer."""
        data = self.draw(rng)
        return Problem(self.ask(data), self.render(self.find(data)), data)

    def check(self, problem: Problem, value: Value) -> str:
        """Compare with the computed answer."""
        right = self.find(problem.data)
        return "" if self.same(value, right) else f"the answer is {self.render(right)}"

    def same(self, value: Value, right: Value) -> bool:
        """Return whether an answer equals the right value."""
        return bool(value == right)

    def solve(self, problem: Problem) -> str:
        """Compute the answer from the data."""
        return self.render(self.find(problem.data))


def split_of(problem: Problem) -> Split:
    """Return the split of an item: one bit of its hash, so that no item is in both."""
    return SPLITS[int(problem.hash[-1], 16) & 1]


def fixed_items_of(task: Task[Any], split: Split) -> tuple[Problem, ...] | None:
    """Return the items of a split, in order, of a task with a finite set of them; ``None`` of any other."""
    return _fixed_items_of(task, split, tuple(task.files().items()))


@lru_cache(64)
def _fixed_items_of(task: Task[Any], split: Split, files: tuple[tuple[str, str], ...]) -> tuple[Problem, ...] | None:
    items = task.fixed_items()
    return None if items is None else tuple(problem for problem in items if split_of(problem) == split)


def sample_problem(task: Task[Any], split: Split, key: int) -> Problem:
    """Draw item ``key`` of a split: a pure function of task, split and key.

    Args:
        task: The task, configured with its difficulty.
        split: ``"train"`` or ``"test"``; their streams come from different seed sequences and their items are disjoint.
        key: Index of the item, any integer in [0, 2**63).

    Raises:
        TaskError: If the generator gives (almost) no items of this split, because it has too few distinct ones.
    """
    stream = np.random.SeedSequence(key, spawn_key=(SPLITS.index(split),))
    rng = np.random.Generator(np.random.PCG64(stream))
    for _ in range(_MAX_DRAWS):
        problem = task.generate(rng)
        if split_of(problem) == split:
            return problem
    raise TaskError(f"task {task.name!r} gave no {split!r} item in {_MAX_DRAWS} draws; raise its difficulty: {task}")


def pose(task: Task[Any], split: Split, key: str) -> Problem:
    """Return the item of a key.

    Args:
        task: The task, configured with its difficulty.
        split: Part of the items that the draw is from, ``"train"`` or ``"test"``.
        key: Number of a draw (see :func:`sample_problem`); or ``"item"`` and the number of one of a finite set, from 0.

    Raises:
        ConfigurationError: If the set has no such item.
        TaskError: As :func:`sample_problem`.
    """
    if not key.startswith(ITEM_KEY):
        return sample_problem(task, split, int(key))
    items = fixed_items_of(task, split) or ()
    number = int(key.removeprefix(ITEM_KEY))
    if number >= len(items):
        raise ConfigurationError(f"task {task.name!r} has {len(items)} items in its split {split!r}, not {number + 1}")
    return items[number]


def parse_task_id(task_id: object) -> tuple[str, Split, str]:
    """Split an id such as ``"letters/test/123"`` into task, split and key.

    Raises:
        ConfigurationError: If it is not of this form.
    """
    name, split, key = task_id.rsplit("/", 2) if isinstance(task_id, str) and task_id.count("/") > 1 else ("", "", "")
    if split not in SPLITS or not key.removeprefix(ITEM_KEY).isdecimal():
        raise ConfigurationError(f"expected a task id such as 'letters/test/123', got {task_id!r}")
    return name, split, key


def expect(condition: bool, wanted: str) -> None:
    """Check a task's parameter.

    Raises:
        ValueError: With "expected ..." if the condition does not hold.
    """
    if not condition:
        raise ValueError(f"expected {wanted}")
