"""Templates: how an item is put to the respondent, as data; each has its own labels and cue."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, Literal, TypeAlias, get_args

from quintain.envs.questionnaires.instrument import Item
from quintain.errors import ConfigurationError, UnknownNameError

__all__ = ["Labels", "Template", "load_template", "template_names"]

#: What an answer is called: a letter or a number by position, a point of a scale by option, or the option itself.
Labels: TypeAlias = Literal["letters", "numbers", "scale", "words"]


@dataclass(frozen=True, slots=True)
class Template:
    """A way of asking.

    Attributes:
        name: Its name.
        kind: The kind of instrument that it is for.
        text: The prompt, with ``{item}`` and ``{options}``.
        option: How an option is listed, with ``{label}`` and ``{option}``.
        labels: ``"letters"`` (A, B ...) and ``"numbers"`` (1, 2 ...) go by position, so that they move to other options
            when the list is reversed; on a ``"scale"`` the first option has the largest number, wherever it is listed;
            ``"words"``: the option's own text.
        cue: Beginning of the answer.
        separator: What stands between two options. Default: a line break.
        origin: Which study's template this is in other words. Default: none.
    """

    name: str
    kind: str
    text: str
    option: str
    labels: Labels
    cue: str
    separator: str = "\n"
    origin: str = ""

    def __post_init__(self) -> None:
        if "{item}" not in self.text or "{options}" not in self.text:
            raise ConfigurationError(f"the template {self.name!r} must contain {{item}} and {{options}}")
        if "{option}" not in self.option or (self.labels != "words" and "{label}" not in self.option):
            raise ConfigurationError(f"the options of template {self.name!r} must show {{label}} and {{option}}")
        if self.labels not in get_args(Labels):
            raise ConfigurationError(f"labels must be one of {', '.join(get_args(Labels))}, got {self.labels!r}")

    def labels_of(self, item: Item, order: Sequence[int], flip: bool = False) -> tuple[str, ...]:
        """Return the label at each position.

        Args:
            item: The item.
            order: ``order[p]`` is the option at position ``p``.
            flip: Whether the ends of a scale are exchanged, so that the first option has the number 1. Default: false.

        Raises:
            ConfigurationError: If ``flip`` is given for labels that are no scale.
        """
        n = len(order)
        if flip and self.labels != "scale":
            raise ConfigurationError(
                f"template {self.name!r} has no numeric scale whose ends could be exchanged, but {self.labels}"
            )
        if self.labels == "letters":
            return tuple(chr(ord("A") + k) for k in range(n))
        if self.labels == "numbers":
            return tuple(str(k + 1) for k in range(n))
        if self.labels == "scale":
            return tuple(str(k + 1 if flip else n - k) for k in order)
        return tuple(item.options[k].text for k in order)

    def fill(self, item: Item, order: Sequence[int], *, flip: bool = False, paraphrase: bool = False) -> str:
        """Return the prompt of an item, without the cue.

        Raises:
            ConfigurationError: If a paraphrase is asked for and the item has none.
        """
        if paraphrase and not item.paraphrase:
            raise ConfigurationError(f"item {item.id!r} has no paraphrase")
        labels = self.labels_of(item, order, flip)
        listed = self.separator.join(
            self.option.replace("{label}", label).replace("{option}", item.options[k].text)
            for label, k in zip(labels, order, strict=True)
        )
        text = self.text.replace("{options}", listed)
        return text.replace("{item}", item.paraphrase if paraphrase else item.text)


@cache
def _bundled() -> dict[str, Template]:
    file = resources.files("quintain.envs.questionnaires") / "data" / "templates.json"
    rows = json.loads(file.read_text(encoding="utf-8"))
    return {row["name"]: Template(**row) for row in rows}


def template_names(kind: str | None = None) -> tuple[str, ...]:
    """Return the names of the templates that come with the package, the default of each kind first.

    Args:
        kind: ``"self-report"`` or ``"scenario"``; ``None`` for both. Default: ``None``.
    """
    return tuple(name for name, template in _bundled().items() if kind in (None, template.kind))


def load_template(source: str | Mapping[str, Any], kind: str) -> Template:
    """Return a template by name, or one of your own.

    Args:
        source: A name of :func:`template_names`, or the fields of a :class:`Template` but for ``kind``.
        kind: Kind of the instrument.

    Raises:
        ConfigurationError: If it does not fit the instrument, or fields are missing.
    """
    if isinstance(source, Mapping):
        try:
            return Template(**{"name": "own", "cue": "Answer:", **source, "kind": kind})
        except TypeError as error:
            raise ConfigurationError(f"a template needs text, option and labels, got {dict(source)!r}") from error
    known = template_names(kind)
    if source not in known:
        raise UnknownNameError("template", source, known, f"; for a {kind} instrument there are {', '.join(known)}")
    return _bundled()[source]
