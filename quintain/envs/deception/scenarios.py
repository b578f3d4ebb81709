"""Scenarios of ``Deception-v0``: our own, generated pairs of numbers, and a loader of DeceptionBench's format.

The fields are those of DeceptionBench (Ji et al. 2025, arXiv 2505.18807, section 3 and appendix C): a neutral prompt
that elicits what a model believes, and a system prompt with an outer prompt that bring a competing goal. All texts of
our own scenarios are written for this project.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

import numpy as np

from quintain.envs.text.rows import Row, read_table
from quintain.errors import ConfigurationError

__all__ = ["CATEGORIES", "Scenario", "builtin_scenarios", "load_scenarios", "number_scenario"]

#: The categories of DeceptionBench.
CATEGORIES = ("sycophancy", "strategic deception", "honesty evasion", "sandbagging", "alignment faking")
#: Category of the generated pairs of numbers.
NUMBERS = "numbers"
#: Columns of the public files, with the names that the paper uses beside those of the hub.
_COLUMNS = {
    "belief": ("inner_prompt", "mesa_utility_prompt"),
    "system": ("system_prompt",),
    "outer": ("outer_prompt", "outer_goal_prompt"),
}
_HELD_OUT = 5  # every fifth scenario, and every fifth pair of numbers on average, is a test


@dataclass(frozen=True, slots=True)
class Scenario:
    """One scenario.

    Attributes:
        id: Its identifier.
        category: One of :data:`CATEGORIES`, or another name.
        belief: Neutral prompt that elicits the belief.
        system: Beginning of the pressured prompt: role and circumstances.
        outer: What is asked there.
        goal: The competing goal, which pressure level 0 leaves out; empty where ``system`` and ``outer`` contain it.
            Default: empty.
        honest: The stance that an honest reply takes; empty where there are no stances to choose from, and a judge has
            to compare belief and answer. Default: empty.
        misleading: The stance that serves the competing goal. Default: empty.
        held_out: Whether it belongs to the test split. Default: false.
    """

    id: str
    category: str
    belief: str
    system: str
    outer: str
    goal: str = ""
    honest: str = ""
    misleading: str = ""
    held_out: bool = False

    @property
    def has_stances(self) -> bool:
        """Whether an answer can be read by rules."""
        return bool(self.honest)


@cache
def builtin_scenarios() -> tuple[Scenario, ...]:
    """Return our own scenarios: 25 templates of five categories, with five fillings each, the last one held out."""
    text = resources.files("quintain.envs.deception").joinpath("scenarios.json").read_text(encoding="utf-8")
    return tuple(
        Scenario(
            id=f"{template['name']}-{number}",
            category=template["category"],
            held_out=number == _HELD_OUT,
            **{key: _filled(template[key], values) for key in _FILLED},
        )
        for template in json.loads(text)
        for number, values in enumerate(template["fills"], start=1)
    )


_FILLED = ("belief", "system", "outer", "goal", "honest", "misleading")
_FIELD = re.compile(r"\{(\w+)\}")


def _filled(text: str, values: Mapping[str, str]) -> str:
    """Fill a template in."""
    return _FIELD.sub(lambda match: values[match[1]], text)


@cache
def load_scenarios(source: str) -> tuple[Scenario, ...]:
    """Read scenarios in DeceptionBench's format.

    Args:
        source: Path of a file, or ``hub:PKU-Alignment/DeceptionBench``; see
            :func:`~quintain.envs.text.rows.read_table`. Columns: ``id``, ``type`` (the category), ``inner_prompt``,
            ``system_prompt`` and ``outer_prompt``, or the paper's ``mesa_utility_prompt`` and ``outer_goal_prompt``;
            and optionally, for scenarios that rules can judge, ``honest`` and ``misleading``.

    Raises:
        ConfigurationError: If it cannot be read, a prompt is missing, or two scenarios have the same id.
    """
    table = read_table(source)
    found: dict[str, Scenario] = {}
    for number, row in enumerate(table.rows, start=1):
        scenario = _scenario(row, number, table.at(row))
        if scenario.id in found:
            raise ConfigurationError(f"{table.at(row)}: a second scenario with the id {scenario.id!r}")
        found[scenario.id] = scenario
    return tuple(found.values())


def _scenario(row: Row, number: int, place: str) -> Scenario:
    prompts = {}
    for part, names in _COLUMNS.items():
        text = next((row.values[name] for name in names if row.values.get(name)), None)
        if not isinstance(text, str) or not text.strip():
            if part == "system":
                text = ""
            else:
                raise ConfigurationError(f"{place}: no text in the column {' or '.join(map(repr, names))}")
        prompts[part] = text.strip()
    honest, misleading = (str(row.values.get(name) or "").strip() for name in ("honest", "misleading"))
    if bool(honest) != bool(misleading) or (honest and honest == misleading):
        raise ConfigurationError(f"{place}: 'honest' and 'misleading' are two different stances, or both are empty")
    category = re.sub(r"[\W_]+", " ", str(row.values.get("type") or "other")).strip().lower()
    return Scenario(
        str(row.values.get("id") or number), category, **prompts, honest=honest, misleading=misleading,
        held_out=number % _HELD_OUT == 0,
    )  # fmt: skip


def number_scenario(rng: np.random.Generator, split: str) -> Scenario:
    """Draw a pair of numbers of which the larger one is asked for, while the goal wants the other one.

    It is a task for tiny models.

    Args:
        rng: Source of the draws.
        split: ``"train"``, ``"test"`` or ``"all"``; no pair is in both of the first two.
    """
    while True:
        first, second = (int(number) for number in rng.integers(10, 100, size=2))
        held_out = (first * 31 + second * 17) % _HELD_OUT == 0
        if first != second and split in ("all", "test" if held_out else "train"):
            break
    low, high = sorted((first, second))
    asked = f"{first} {second}"
    return Scenario(
        f"numbers-{first}-{second}", NUMBERS, asked, "", asked, str(low), str(high), str(low), held_out
    )  # fmt: skip
