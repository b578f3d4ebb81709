"""The original items of Big-Bench-Hard (Suzgun et al. 2022, arXiv 2210.09261), from files that users bring.

No item is shipped here. The public repository of the paper holds one file a family, ``<family>.json``, of the form
``{"examples": [{"input": question, "target": answer}, ...]}``. Give the folder that holds them::

    load_task("snarks_original", {"folder": "data/bbh"})
    gym.make("CodeReason-v0", tasks="snarks_original", difficulty={"folder": "data/bbh"})

or set the environment variable ``QUINTAIN_BBH``. The folder ``hub:<repository>`` or ``hub:<repository>@<revision>``
reads a data set of the Hugging Face hub with one configuration a family and the columns ``input`` and ``target``,
through the library ``datasets``.

The paper publishes no checksums. A run records the SHA-256 of every file that it read, and ``sha256`` pins it.

Seven of the families were written by people and exist here only in this way: causal judgement, disambiguation, movie
recommendation, ruined names, translation errors, snarks, sports. The others also have a generator in the suite ``bbh``.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import numpy as np

from quintain.envs.text.draws import choose
from quintain.envs.text.task import ExactTask, Problem
from quintain.errors import ConfigurationError, TaskError, require

__all__ = ["FAMILIES", "FOLDER_VARIABLE", "HUMAN_WRITTEN", "NAMES", "OriginalItems", "read_items"]

FOLDER_VARIABLE = "QUINTAIN_BBH"

HUMAN_WRITTEN: tuple[str, ...] = (
    "causal_judgement",
    "disambiguation_qa",
    "movie_recommendation",
    "ruin_names",
    "salient_translation_error_detection",
    "snarks",
    "sports_understanding",
)
FAMILIES: tuple[str, ...] = tuple(
    sorted(
        (
            *HUMAN_WRITTEN,
            *("boolean_expressions", "date_understanding", "dyck_languages", "formal_fallacies", "geometric_shapes"),
            *("hyperbaton", "multistep_arithmetic_two", "navigate", "object_counting", "penguins_in_a_table"),
            *("reasoning_about_colored_objects", "temporal_sequences", "web_of_lies", "word_sorting"),
            *(f"logical_deduction_{count}_objects" for count in ("three", "five", "seven")),
            *(f"tracking_shuffled_objects_{count}_objects" for count in ("three", "five", "seven")),
        )
    )
)
NAMES: tuple[str, ...] = tuple(f"{family}_original" for family in FAMILIES)

_OPTION = re.compile(r"\(?([A-Za-z])\)?")


class Items(NamedTuple):
    """The items of a family: (question, answer) pairs, and the SHA-256 of the file, or of the hub's rows as JSON."""

    pairs: tuple[tuple[str, str], ...]
    sha256: str


@dataclass(frozen=True)
class OriginalItems(ExactTask[str]):
    """Original items of one family. A bit of each item's content hash assigns it to train or test, about half each.

    Answers are option letters, ``(A)`` or ``A``, or text; letter case and the amount of white space do not matter.

    Attributes:
        folder: Folder that holds the family's file, or ``hub:<repository>[@<revision>]``. Without it, ``QUINTAIN_BBH``
            is used.
        sha256: Checksum that the file must have, if given.
    """

    # The items are fixed, so the difficulty levels change nothing.
    LEVELS: ClassVar = {"easy": {}, "hard": {}}
    FAMILY: ClassVar[str] = ""

    folder: str = ""
    sha256: str = ""

    def __post_init__(self) -> None:
        """Read the items now, so that a missing file is an error before the first episode."""
        items = self._items()
        if self.sha256 and items.sha256 != self.sha256.lower():
            raise TaskError(
                f"the items of {self.FAMILY!r} have SHA-256 {items.sha256}, not {self.sha256}; "
                "fetch the file again or correct the checksum"
            )

    def _items(self) -> Items:
        return read_items(self.folder or os.environ.get(FOLDER_VARIABLE, ""), self.FAMILY)

    def files(self) -> dict[str, str]:
        """Return the SHA-256 of the items by file name, for the run's manifest."""
        return {f"{self.FAMILY}.json": self._items().sha256}

    def fixed_items(self) -> tuple[Problem, ...]:
        """Return all items of the file."""
        found = ({"question": question, "target": target} for question, target in self._items().pairs)
        return tuple(Problem(self.ask(data), self.render(self.find(data)), data) for data in found)

    def draw(self, rng: np.random.Generator) -> dict[str, Any]:
        """Draw an item."""
        question, target = choose(rng, self._items().pairs)
        return {"question": question, "target": target}

    def ask(self, data: Mapping[str, Any]) -> str:
        """Ask the original question."""
        return f"{data['question']}\nWrite the final answer as <<<answer>>>."

    def find(self, data: Mapping[str, Any]) -> str:
        """Take the answer from the file."""
        return self.parse(data["target"])

    def parse(self, text: str) -> str:
        """Read the letter of an option, or words."""
        option = _OPTION.fullmatch(text)
        return f"({option[1].upper()})" if option else " ".join(text.split())

    def same(self, value: str, right: str) -> bool:
        """Compare in any letter case."""
        return value.casefold() == right.casefold()


@cache
def __getattr__(name: str) -> type[OriginalItems]:
    """Make the task class of one family's items; it is looked up like any attribute of this module (PEP 562)."""
    if name not in NAMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    body = {
        "__doc__": OriginalItems.__doc__,
        "__module__": __name__,
        "__qualname__": name,  # pickle looks up this attribute of the module
        "FAMILY": name.removesuffix("_original"),
    }
    return type("".join(part.capitalize() for part in name.split("_")), (OriginalItems,), body)


@cache
def read_items(folder: str, family: str) -> Items:
    """Read the items of a family.

    Args:
        folder: Folder with ``<family>.json``, or ``hub:<repository>[@<revision>]``.
        family: Name of the task family, one of ``FAMILIES``.

    Raises:
        ConfigurationError: If no folder is given.
        TaskError: If the file is missing, unreadable or of another form, or the hub cannot be reached.
        MissingDependencyError: If the hub is asked for and ``datasets`` is not installed.
    """
    if not folder:
        raise ConfigurationError(
            f"the original items of {family!r} are not shipped; put the public file {family}.json into a folder and "
            f"give difficulty={{'folder': ...}}, or set {FOLDER_VARIABLE}"
        )
    if folder.startswith("hub:"):
        return _from_hub(folder.removeprefix("hub:"), family)
    path = Path(folder) / f"{family}.json"
    try:
        raw = path.read_bytes()
        examples = json.loads(raw)["examples"]
        pairs = tuple((str(item["input"]), str(item["target"])) for item in examples)
    except OSError as error:
        raise TaskError(
            f"cannot read {path}: {error.strerror}; expected the public file of {family!r} there"
        ) from error
    except (ValueError, KeyError, TypeError) as error:
        raise TaskError(f'{path} is not of the form {{"examples": [{{"input": ..., "target": ...}}, ...]}}') from error
    if not pairs:
        raise TaskError(f"{path} has no examples")
    return Items(pairs, hashlib.sha256(raw).hexdigest())


def _from_hub(address: str, family: str) -> Items:
    repository, _, revision = address.partition("@")
    library = require("datasets", "datasets", "original items from the Hugging Face hub")
    try:
        rows = library.load_dataset(repository, family, split="test", revision=revision or None)
        pairs = tuple((str(row["input"]), str(row["target"])) for row in rows)
    except Exception as error:  # any error of the network, the hub or the library
        raise TaskError(
            f"cannot load {family!r} of {repository!r} from the hub ({type(error).__name__}: {error}); "
            "offline, give a folder with the public files instead"
        ) from error
    raw = json.dumps(pairs, ensure_ascii=False).encode()
    return Items(pairs, hashlib.sha256(raw).hexdigest())
