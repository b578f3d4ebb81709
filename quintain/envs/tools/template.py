"""Task templates: functions that draw a request over populated toolkits, its reference solution and its goal."""

from __future__ import annotations

import hashlib
import inspect
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar, get_type_hints

from quintain.envs.tools.calls import Call
from quintain.envs.tools.toolkit import Toolkit

__all__ = ["Request", "Template", "TemplateSet", "call", "content_hash", "number_in"]

F = TypeVar("F", bound=Callable[..., "Request"])


def call(name: str, /, **arguments: Any) -> Call:
    """Write a call of a solution: ``call("mail_read", id="m3")``."""
    return Call(name, arguments)


@dataclass(frozen=True, slots=True)
class Request:
    """What a template draws.

    Attributes:
        text: What the user asks for.
        calls: The reference solution: calls that lead to the goal, without detours.
        goal: Whether the goal is reached, given the agent's final answer; it reads the tables of the toolkits that the
            template was called with, not the calls.
        answer: Final answer of the reference solution. Default: ``"Done."``.
    """

    text: str
    calls: Sequence[Call]
    goal: Callable[[str], bool]
    answer: str = "Done."


@dataclass(frozen=True, slots=True)
class Template:
    """A kind of task.

    Attributes:
        name: Unique name, such as ``"mail-reply"``.
        suite: Name of the set that it belongs to, such as ``"mail"``.
        toolkits: The toolkits that it uses, in the order of the function's arguments after ``rng``.
        draw: The function: called with a generator and one populated toolkit each.
    """

    name: str
    suite: str
    toolkits: tuple[type[Toolkit], ...]
    draw: Callable[..., Request]


@dataclass
class TemplateSet:
    """The templates of one module.

    Attributes:
        suite: Name of the set, with which the names of its templates begin.
        templates: The templates, in order.

    Example:
        >>> MAIL = TemplateSet("mail")
        >>> @MAIL.add
        ... def read_aloud(rng: Draw) -> Request:
        ...     return Request("Say hello.", [], lambda answer: "hello" in answer, "hello")
        >>> [template.name for template in MAIL.templates]
        ['mail-read-aloud']
    """

    suite: str
    templates: list[Template] = field(default_factory=list)

    def add(self, function: F) -> F:
        """Add a template; its toolkits are the annotations of the arguments after ``rng``."""
        names = list(inspect.signature(function).parameters)[1:]
        hints = get_type_hints(function) if names else {}
        name = f"{self.suite}-{function.__name__.replace('_', '-')}"
        self.templates.append(Template(name, self.suite, tuple(hints[each] for each in names), function))
        return function


def number_in(answer: str, value: float) -> bool:
    """Return whether a text has a number, in digits: ``1234.5`` also as ``1,234.50``."""
    words = answer.replace(",", "").replace("$", " ").replace("€", " ").split()
    for word in words:
        try:
            if abs(float(word.strip(".;:!?()'\"*%")) - value) < 0.005:
                return True
        except ValueError:
            continue
    return False


def content_hash(*parts: Any) -> str:
    """Hash JSON-able data."""
    text = json.dumps(parts, separators=(",", ":"), default=str)
    return hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=12).hexdigest()
