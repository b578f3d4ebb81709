"""Tools derived from typed Python methods: name, description and JSON schema, and the check of arguments against it."""

from __future__ import annotations

import inspect
import math
import re
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

__all__ = ["Parameter", "Tool", "ToolError", "reads", "tools_of", "writes"]

Method = typing.TypeVar("Method", bound=Callable[..., Any])
_ARGUMENT = re.compile(r"^ {4}(\w+): ", re.MULTILINE)


class ToolError(Exception):
    """A call that fits the schema and cannot be done, such as one of an unknown id; the agent reads the message."""


def reads(method: Method) -> Method:
    """Mark a method as a tool that reads the state. It cannot change it: tables refuse."""
    method.__tool_reads__ = True  # type: ignore[attr-defined]
    return method


def writes(method: Method) -> Method:
    """Mark a method as a tool that changes the state."""
    method.__tool_reads__ = False  # type: ignore[attr-defined]
    return method


@dataclass(frozen=True, slots=True)
class Parameter:
    """One argument of a tool.

    Attributes:
        name: Its name.
        schema: Its JSON schema, with a description.
        accepts: Whether a value of parsed JSON fits the schema.
        wanted: What fits, in words.
        required: Whether it has no default.
    """

    name: str
    schema: Mapping[str, Any]
    accepts: Callable[[Any], bool]
    wanted: str
    required: bool


@dataclass(frozen=True)
class Tool:
    """A tool as agents see it.

    Attributes:
        name: Name of the toolkit, ``_``, and the name of the method.
        description: What it does.
        parameters: Its arguments, in order.
        reads: Whether it only reads the state.
        toolkit: Name of its toolkit.
        method: Name of its method.
    """

    name: str
    description: str
    parameters: tuple[Parameter, ...]
    reads: bool
    toolkit: str
    method: str

    @cached_property
    def schema(self) -> dict[str, Any]:
        """JSON schema of the arguments."""
        return {
            "type": "object",
            "properties": {one.name: dict(one.schema) for one in self.parameters},
            "required": [one.name for one in self.parameters if one.required],
            "additionalProperties": False,
        }

    @cached_property
    def spec(self) -> dict[str, Any]:
        """Name, description and parameters, as chat APIs take them."""
        return {"name": self.name, "description": self.description, "parameters": self.schema}

    @cached_property
    def line(self) -> str:
        """Signature and description in one line."""
        shown = ", ".join(f"{p.name}: {p.wanted}" + ("" if p.required else " (optional)") for p in self.parameters)
        return f"{self.name}({shown}): {self.description}"

    def violation(self, arguments: Mapping[str, Any]) -> str:
        """Return how arguments violate the schema; empty if they fit.

        Args:
            arguments: The arguments, as parsed JSON.
        """
        left = len(arguments)
        for parameter in self.parameters:
            if parameter.name in arguments:
                left -= 1
                value = arguments[parameter.name]
                if not parameter.accepts(value):
                    return f"{parameter.name} must be {parameter.wanted}, got {_shown(value)}"
            elif parameter.required:
                return f"{parameter.name} is missing; it must be {parameter.wanted}"
        if left:
            known = {parameter.name for parameter in self.parameters}
            return f"there is no argument {_shown(next(name for name in arguments if name not in known))}"
        return ""


def tools_of(toolkit: type[Any]) -> tuple[Tool, ...]:
    """Derive the tools of a toolkit: its methods that are marked with :func:`reads` or :func:`writes`.

    Args:
        toolkit: A class with a ``name``. The first paragraph of a method's docstring is the tool's description, its
            section ``Args`` describes the arguments, and its annotations give their types: ``str``, ``int``, ``float``,
            ``bool``, ``list[str]`` or a ``Literal`` of strings.

    Raises:
        TypeError: If an argument has another type, or no description.
    """
    found = []
    for method, function in vars(toolkit).items():
        is_reader = getattr(function, "__tool_reads__", None)
        if is_reader is None:
            continue
        text = inspect.cleandoc(function.__doc__ or "")
        about, _, arguments = text.partition("\n\nArgs:\n")
        pieces = _ARGUMENT.split(arguments)
        told = {name: " ".join(each.split()) for name, each in zip(pieces[1::2], pieces[2::2], strict=True)}
        hints = typing.get_type_hints(function)
        parameters = []
        for name, one in list(inspect.signature(function).parameters.items())[1:]:
            if name not in told:
                raise TypeError(f"{toolkit.__name__}.{method} does not describe its argument {name!r}")
            required = one.default is inspect.Parameter.empty
            parameters.append(_parameter(name, hints[name], told[name], required))
        description = " ".join(about.split())
        name = f"{toolkit.name}_{method}"
        found.append(Tool(name, description, tuple(parameters), is_reader, toolkit.name, method))
    return tuple(found)


_KINDS: dict[Any, tuple[dict[str, Any], Callable[[Any], bool], str]] = {
    str: ({"type": "string"}, lambda v: type(v) is str, "string"),
    int: ({"type": "integer"}, lambda v: type(v) is int, "integer"),
    float: (
        {"type": "number"},
        lambda v: (type(v) is float and math.isfinite(v)) or (type(v) is int and abs(v) < 1e15),
        "number",
    ),
    bool: ({"type": "boolean"}, lambda v: type(v) is bool, "boolean"),
    list[str]: (
        {"type": "array", "items": {"type": "string"}},
        lambda v: type(v) is list and all(type(part) is str for part in v),
        "list of strings",
    ),
}


def _parameter(name: str, hint: Any, description: str, required: bool) -> Parameter:
    if isinstance(hint, types.UnionType):  # an optional argument: None is its default and no value for callers
        [hint] = [part for part in typing.get_args(hint) if part is not type(None)]
    if typing.get_origin(hint) is Literal:
        options = typing.get_args(hint)
        schema: dict[str, Any] = {"type": "string", "enum": list(options)}
        accepts, wanted = frozenset(options), "one of " + "|".join(options)
        return Parameter(
            name, schema | {"description": description}, lambda v: type(v) is str and v in accepts, wanted, required
        )
    if hint not in _KINDS:
        raise TypeError(f"argument {name!r} has the type {hint!r}; a tool takes {list(_KINDS)} or a Literal of strings")
    schema, fits, wanted = _KINDS[hint]
    return Parameter(name, schema | {"description": description}, fits, wanted, required)


def _shown(value: Any) -> str:
    """Show a value in a bounded number of characters, however large or deep it is."""
    if isinstance(value, str):
        return repr(value if len(value) <= 40 else value[:40] + "...")
    if isinstance(value, (dict, list)):
        return f"an object with {len(value)} entries" if isinstance(value, dict) else f"a list of {len(value)}"
    return repr(value)[:40]
