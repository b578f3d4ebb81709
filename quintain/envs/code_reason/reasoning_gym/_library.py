"""Questions from the reasoning-gym library, judged by our own verifiers.

The library draws the question and knows its answer; everything that touches a model's text is ours: the library's
scorers, several of which evaluate what they judge or pay for junk, are never called. Seeds come from our stream, one
per item.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import copy
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar, NamedTuple, cast

import numpy as np

from quintain.envs.code_reason.draws import randint
from quintain.envs.code_reason.task import ExactTask, expect
from quintain.errors import TaskError, require

__all__ = ["Form", "LibraryTask", "Source", "entry", "library_task"]

_MAX_DRAWS = 100


class Form(NamedTuple):
    """A form of answer.

    Attributes:
        placeholder: What the question shows between the markers.
        parse: Reads an answer, or raises ``Malformed``.
        render: Writes a parsed value in the form asked for.
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
        reuse: Keep the library's data set between items: where making one is slow and draws nothing.
        keep: Whether an item can be used, from question and answer.
        hard: Level of the library's curriculum that the hard level stands for.
    """

    form: Form
    reuse: bool = False
    keep: Callable[[str, str], bool] = lambda question, answer: True
    hard: int = 1


@dataclass(frozen=True)
class LibraryTask(ExactTask[Any]):
    """A family of reasoning-gym with one right answer.

    Differences from the library: an answer is right or not, there is no credit for parts; the answer is parsed and
    compared by value. The oracle takes the answer that the library computed with the question.

    Attributes:
        level: Level of the library's curriculum for all its settings, from 0; -1 for the library's defaults. Families
            without a curriculum have one level only.
    """

    LEVELS: ClassVar = {"easy": {"level": 0}, "hard": {"level": 1}}
    SOURCE: ClassVar[Source]

    level: int = -1

    def __post_init__(self) -> None:
        """Check that the library is there."""
        expect(-1 <= self.level <= 10, "level in [-1, 10]")
        require("reasoning_gym", "reason", f"task {self.name!r}")

    def draw(self, rng: np.random.Generator) -> dict[str, Any]:
        """Draw an item, with the library's answer in canonical form."""
        source = self.SOURCE
        for _ in range(_MAX_DRAWS):
            item = entry(self.name, self.level, rng, reuse=source.reuse)
            answer = str(item["answer"])
            if source.keep(item["question"], answer):
                return {
                    "question": item["question"].strip(),
                    "expected": source.form.render(source.form.parse(answer.strip())),
                }
        raise TaskError(f"task {self.name!r} gave no usable item in {_MAX_DRAWS} draws: {self}")

    def ask(self, data: Mapping[str, Any]) -> str:
        """Add the form of the answer to the library's question."""
        return f"{data['question']}\nWrite the final answer as <<<{self.SOURCE.form.placeholder}>>>."

    def find(self, data: Mapping[str, Any]) -> Any:
        """Take the answer that came with the question."""
        return self.parse(data["expected"])

    def parse(self, text: str) -> Any:
        """Read an answer in the family's form."""
        return self.SOURCE.form.parse(text)

    def render(self, value: Any) -> str:
        """Write an answer in the family's form."""
        return self.SOURCE.form.render(value)

    def same(self, value: Any, right: Any) -> bool:
        """Compare by value."""
        return self.SOURCE.form.same(value, right)


def entry(name: str, level: int, rng: np.random.Generator, *, reuse: bool = False) -> dict[str, Any]:
    """Draw one item of the library: question, answer and metadata."""
    seed = randint(rng, 0, 2**31 - 1)
    if not reuse:
        return cast("dict[str, Any]", _data_set(name, level, seed)[0])
    data_set = copy(_shared_data_set(name, level))
    data_set.seed = seed
    return cast("dict[str, Any]", data_set[0])


@cache
def _shared_data_set(name: str, level: int) -> Any:
    return _data_set(name, level, 0)


def _data_set(name: str, level: int, seed: int) -> Any:
    library = require("reasoning_gym", "reason", f"task {name!r}")
    return library.create_dataset(name, seed=seed, size=1, **dict(_settings(name, level)))


@cache
def _settings(name: str, level: int) -> tuple[tuple[str, Any], ...]:
    """Settings at a level of the library's curriculum, bounded by how many levels each attribute has."""
    if level < 0:
        return ()
    factory = require("reasoning_gym.factory", "reason", f"task {name!r}")
    if not factory.has_curriculum(name):
        return ()
    curriculum = factory.create_curriculum(name)
    for attribute in curriculum.attributes.values():
        curriculum.set_attr_level(attribute.name, min(level, len(attribute.levels) - 1))
    config = curriculum.generate_configuration()
    fields = [*config.__dataclass_fields__]
    return tuple((field, getattr(config, field)) for field in fields if field not in ("seed", "size"))


def library_task(name: str, source: Source) -> type[LibraryTask]:
    """Make the class of a family that needs nothing but a form of answer."""
    body = {
        "__doc__": LibraryTask.__doc__,
        "__module__": __name__,
        "SOURCE": source,
        "LEVELS": {"easy": {"level": 0}, "hard": {"level": source.hard}},
        "name": name,
        "suite": "reasoning_gym",
    }
    return type("".join(part.capitalize() for part in name.split("_")), (LibraryTask,), body)
