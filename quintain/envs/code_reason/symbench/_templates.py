"""Word problems from templates: a text with blanks, ranges for the blanks, and the answer as a function of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np

from quintain.envs.text.draws import choose, randint

__all__ = ["Template", "answer", "draw", "text"]


class Template(NamedTuple):
    """A family of word problems.

    Attributes:
        text: The question, with blanks in braces.
        ranges: Lowest and highest value of every blank; ``scale`` multiplies the highest.
        answer: The exact answer, or ``None`` where the values make no sensible question.
    """

    text: str
    ranges: Mapping[str, tuple[int, int]]
    answer: Callable[..., Fraction | int | None]


def draw(rng: np.random.Generator, templates: Sequence[Template], scale: Fraction = Fraction(1)) -> dict[str, Any]:
    """Draw a template and values for its blanks that make a sensible question."""
    index = choose(rng, range(len(templates)))
    template = templates[index]
    while True:
        values = {
            name: randint(rng, low, max(low + 2, int(high * scale))) for name, (low, high) in template.ranges.items()
        }
        if template.answer(**values) is not None:
            return {"template": index, "values": values}


def text(templates: Sequence[Template], data: Mapping[str, Any]) -> str:
    """Write a question: fill the blanks of the drawn template with its values.

    Args:
        templates: The templates from which :func:`draw` drew.
        data: What :func:`draw` returned: the number of the template, ``"template"``, and its ``"values"`` by name.
    """
    template: Template = templates[data["template"]]
    return template.text.format(**data["values"])


def answer(templates: Sequence[Template], data: Mapping[str, Any]) -> Fraction:
    """Compute the right answer to a question that :func:`draw` drew; arguments as in :func:`text`."""
    value = templates[data["template"]].answer(**data["values"])
    assert value is not None  # values are drawn so that there is one
    return Fraction(value)
