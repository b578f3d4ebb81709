"""Questions from the reasoning-gym library, judged by our own verifiers.

The library draws the question and knows its answer, which most families here compute a second time from the question
alone. Everything that touches a model's text is ours: the library's scorers, several of which evaluate answers as code
or accept junk, are never called. Seeds come from our stream, one per item.
"""

from __future__ import annotations

import random
import sys
import warnings
from collections.abc import Callable, Mapping
from copy import copy
from dataclasses import dataclass
from decimal import Context, localcontext
from fractions import Fraction
from functools import cache
from types import MappingProxyType
from typing import Any, ClassVar, NamedTuple, TypeAlias, cast

import numpy as np

from quintain.envs.code_reason.reasoning_gym._solvers import Unclear
from quintain.envs.text.draws import randint
from quintain.envs.text.task import ExactTask, Problem, expect
from quintain.errors import TaskError, UnknownNameError, require

__all__ = ["Form", "LibraryTask", "Source", "entry", "library_task"]

_MAX_DRAWS = 200
#: Maximum number of random numbers in one item of the library. At the hardest level they take 3,000 at most; some items
#: of arc_1d look for a tenth colour among nine, for ever.
_MAX_RANDOM_NUMBERS = 300_000

#: Settings of the library by name; any mapping will do where a user gives them.
Settings: TypeAlias = tuple[tuple[str, Any], ...]


class Form(NamedTuple):
    """A form of answer.

    Attributes:
        placeholder: Placeholder that the question shows between the markers.
        parse: Reads an answer, or raises ``Malformed``.
        render: Writes a parsed value in the form that the question specifies.
        same: Compares an answer with the right value.
    """

    placeholder: str
    parse: Callable[[str], Any]
    render: Callable[[Any], str] = str
    same: Callable[[Any, Any], bool] = lambda value, right: bool(value == right)


class Source(NamedTuple):
    """How one family is drawn and judged.

    Attributes:
        form: The form of its answers.
        solve: Our own solution of a question, from its text alone; ``None`` where there is none.
        easy: The library's settings at the easy level, beside its defaults.
        hard: The library's settings at the hard level, beside its defaults.
        always: The library's settings at every level, beside its defaults.
        note: Text added to the question, so that it has exactly one answer.
        tolerance: Largest error of a number that the question allows, from question and right number; ``None`` to
            compare as the form does.
        reuse: Keep the library's data set between items: where making one is slow and draws nothing.
        keep: Decides from question and answer whether an item can be used.
    """

    form: Form
    solve: Callable[[str], str] | None = None
    easy: Mapping[str, Any] = MappingProxyType({})
    hard: Mapping[str, Any] = MappingProxyType({})
    always: Mapping[str, Any] = MappingProxyType({})
    note: str = ""
    tolerance: Callable[[str, Fraction], Fraction] | None = None
    reuse: bool = False
    keep: Callable[[str, str], bool] = lambda question, answer: True


@dataclass(frozen=True)
class LibraryTask(ExactTask[Any]):
    """A family of reasoning-gym with one right answer.

    Differences from the library: an answer is right or not, there is no credit for parts; the answer is parsed and
    compared by value. Most families have a solver of our own, which reads nothing but the question: it is the oracle,
    and items on which it differs from the library, or which have several answers, are drawn again. The medium level is
    the library's defaults, the easy one is smaller and the hard one larger.

    Attributes:
        settings: Settings of the library by name, in place of its defaults.
        level: Level of the library's curriculum, which the settings modify, from 0; -1 for the library's defaults.
    """

    SOURCE: ClassVar[Source]

    settings: Settings = ()
    level: int = -1

    def __post_init__(self) -> None:
        """Check that the library is there and knows the settings."""
        expect(-1 <= self.level <= 10, "level in [-1, 10]")
        given = dict(self.settings)
        known = _reasoning_gym(self.name).factory.DATASETS[self.name][1]
        for name in given:
            if name not in known.__dataclass_fields__ or name in ("seed", "size"):
                raise UnknownNameError(f"setting of task {self.name!r}", name, known.__dataclass_fields__)
        frozen = tuple(sorted((k, tuple(v) if isinstance(v, list) else v) for k, v in given.items()))
        object.__setattr__(self, "settings", frozen)
        try:
            known(**dict(_curriculum(self.name, self.level)) | dict(self._settings())).validate()
        except AssertionError as error:
            raise ValueError(str(error)) from error

    def _settings(self) -> Settings:
        return tuple((dict(self.SOURCE.always) | dict(self.settings)).items())

    def draw(self, rng: np.random.Generator) -> dict[str, Any]:
        """Draw an item, with the library's answer in canonical form."""
        form, keep = self.SOURCE.form, self.SOURCE.keep
        trouble = ""
        for _ in range(_MAX_DRAWS):
            try:
                item = entry(self.name, rng, self._settings(), level=self.level, reuse=self.SOURCE.reuse)
                question, answer = item["question"].strip(), str(item["answer"])
                if keep(question, answer) and self._agrees(question, expected := form.parse(answer.strip())):
                    return {"question": question, "expected": form.render(expected)}
            except Exception as error:  # whatever the library raises on numbers it drew badly: it draws others
                trouble = f"; the last one failed with {type(error).__name__}: {error}"
        raise TaskError(f"task {self.name!r} gave no usable item in {_MAX_DRAWS} draws{trouble}: {self}")

    def _agrees(self, question: str, expected: Any) -> bool:
        """Return whether our own solution, where there is one, is the library's answer."""
        if self.SOURCE.solve is None:
            return True
        try:
            return self.same(self.parse(self.SOURCE.solve(question)), expected)
        except Unclear:
            return False

    def ask(self, data: Mapping[str, Any]) -> str:
        """Add the form of the answer to the library's question."""
        note = f"\n{self.SOURCE.note}" if self.SOURCE.note else ""
        return f"{data['question']}{note}\nWrite the final answer as <<<{self.SOURCE.form.placeholder}>>>."

    def find(self, data: Mapping[str, Any]) -> Any:
        """Take the answer that came with the question."""
        return self.parse(data["expected"])

    def solve(self, problem: Problem) -> str:
        """Solve the question ourselves; without a solver, take the answer that came with it."""
        if self.SOURCE.solve is None:
            return super().solve(problem)
        return self.render(self.parse(self.SOURCE.solve(problem.data["question"])))

    def parse(self, text: str) -> Any:
        """Read an answer in the family's form."""
        return self.SOURCE.form.parse(text)

    def render(self, value: Any) -> str:
        """Write an answer in the family's form."""
        return self.SOURCE.form.render(value)

    def check(self, problem: Problem, value: Any) -> str:
        """Only the answer that came with the question is right, within what the question allows.

        The library rounds between the operations of an expression, so the exact result may differ from its answer by
        more than a rounding; where a solver of ours computes it, both are right.
        """
        if self.SOURCE.tolerance is None:
            return super().check(problem, value)
        right, question = self.find(problem.data), problem.data["question"]
        if abs(value - right) <= self.SOURCE.tolerance(question, right):
            return ""
        exact = right if self.SOURCE.solve is None else self.parse(self.SOURCE.solve(question))
        is_exact = abs(value - exact) <= self.SOURCE.tolerance(question, exact)
        return "" if is_exact else f"the answer is {self.render(right)}"

    def same(self, value: Any, right: Any) -> bool:
        """Compare by value."""
        return self.SOURCE.form.same(value, right)


def entry(
    name: str, rng: np.random.Generator, settings: Settings = (), *, level: int = -1, reuse: bool = False
) -> dict[str, Any]:
    """Draw one item of the library, as it is: question, answer and metadata."""
    seed = randint(rng, 0, 2**31 - 1)
    with localcontext(Context()):  # some families set the precision of decimal numbers for the whole thread
        if not reuse:
            return cast("dict[str, Any]", _data_set(name, level, settings, seed)[0])
        data_set = copy(_shared_data_set(name, level, settings))
        data_set.seed = seed
        return cast("dict[str, Any]", data_set[0])


class _BoundedRandom(random.Random):
    """Python's generator, with the same numbers, that raises where a loop asks it for ever."""

    _left = _MAX_RANDOM_NUMBERS

    def random(self) -> float:
        self._count()
        return super().random()

    def getrandbits(self, k: int, /) -> int:
        self._count()
        return super().getrandbits(k)

    def _count(self) -> None:
        self._left -= 1
        if self._left < 0:
            raise TaskError(f"an item took more than {_MAX_RANDOM_NUMBERS:,} random numbers")


@cache
def _bound(module: Any) -> None:
    """Let a family of the library draw from bounded generators."""
    if getattr(module, "Random", None) is random.Random:
        module.Random = _BoundedRandom


def _reasoning_gym(name: str) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SyntaxWarning)  # of one of its dependencies
        library = require("reasoning_gym", "reason", f"task {name!r}")
    if name in library.factory.DATASETS:
        _bound(sys.modules[library.factory.DATASETS[name][0].__module__])
    return library


@cache
def _shared_data_set(name: str, level: int, settings: Settings) -> Any:
    return _data_set(name, level, settings, 0)


def _data_set(name: str, level: int, settings: Settings, seed: int) -> Any:
    return _reasoning_gym(name).create_dataset(
        name, seed=seed, size=1, **dict(_curriculum(name, level)) | dict(settings)
    )


@cache
def _curriculum(name: str, level: int) -> Settings:
    """Settings at a level of the library's curriculum, bounded by how many levels each attribute has."""
    if level < 0:
        return ()
    factory = _reasoning_gym(name).factory
    if not factory.has_curriculum(name):
        return ()
    curriculum = factory.create_curriculum(name)
    for attribute in curriculum.attributes.values():
        curriculum.set_attr_level(attribute.name, min(level, len(attribute.levels) - 1))
    config = curriculum.generate_configuration()
    fields = [*config.__dataclass_fields__]
    return tuple((field, getattr(config, field)) for field in fields if field not in ("seed", "size"))


def library_task(name: str, source: Source, module: str) -> type[LibraryTask]:
    """Make the class of a family that needs nothing but a form of answer.

    Args:
        name: Name of the family in the library.
        source: How its items are read.
        module: Name of the module that has the class as an attribute, called like the family, for pickle.
    """
    body = {
        "__doc__": LibraryTask.__doc__,
        "__module__": module,
        "__qualname__": name,
        "SOURCE": source,
        "LEVELS": {
            level: {"settings": dict(settings)} if settings else {}
            for level, settings in (("easy", source.easy), ("hard", source.hard))
        },
        "name": name,
        "suite": "reasoning_gym",
    }
    return type("".join(part.capitalize() for part in name.split("_")), (LibraryTask,), body)
