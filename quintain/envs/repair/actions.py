"""The commands of an agent: one JSON object in a reply, such as ``{"tool": "view_code", "path": "a/b.py"}``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["TOOLS", "Command", "Tool", "manual", "parse"]

#: Maximum number of opening braces of a reply at which a command is looked for.
_MAX_ATTEMPTS = 64


@dataclass(frozen=True)
class Tool:
    """One tool.

    Attributes:
        about: One line for the rules.
        required: Type of each argument, by name.
        optional: Type of each argument that may be left out, by name.
        kind: ``"search"``, ``"view"``, ``"edit"``, ``"test"`` or ``"end"``.
    """

    about: str
    required: Mapping[str, type]
    optional: Mapping[str, type]
    kind: str


#: The tools by name; the names are those of the Moatless tools.
TOOLS: dict[str, Tool] = {
    "list_files": Tool("list the files", {}, {}, "search"),
    "find_class": Tool("find classes by name", {"name": str}, {}, "search"),
    "find_function": Tool("find functions and methods by name", {"name": str}, {}, "search"),
    "find_code_snippet": Tool("find lines that contain a text", {"text": str}, {"path": str}, "search"),
    "view_code": Tool("show lines of a file", {"path": str}, {"start": int, "end": int}, "view"),
    "string_replace": Tool(
        "replace a text that occurs exactly once in a file", {"path": str, "old": str, "new": str}, {}, "edit"
    ),
    "insert_line": Tool(
        "insert text after a line (0: at the top)", {"path": str, "line": int, "text": str}, {}, "edit"
    ),
    "create_file": Tool("create a file, or replace all of it", {"path": str, "text": str}, {}, "edit"),
    "append_string": Tool("add text to the end of a file", {"path": str, "text": str}, {}, "edit"),
    "run_tests": Tool("run the tests, of one file if you name it", {}, {"path": str}, "test"),
    "finish": Tool("submit the repository as it is now", {}, {}, "end"),
    "reject": Tool("give up", {}, {}, "end"),
}


@dataclass(frozen=True)
class Command:
    """A well-formed command.

    Attributes:
        tool: Name of the tool.
        arguments: Its arguments, of the right types.
    """

    tool: str
    arguments: Mapping[str, Any]

    @property
    def kind(self) -> str:
        """Kind of the tool; see :class:`Tool`."""
        return TOOLS[self.tool].kind


def manual() -> str:
    """Return one line for each tool, for the rules."""
    lines = []
    for name, tool in TOOLS.items():
        shown = [f'"{key}": {_NAMES[kind]}' for key, kind in tool.required.items()]
        shown += [f'["{key}": {_NAMES[kind]}]' for key, kind in tool.optional.items()]
        lines.append(f"{{{', '.join([f'{chr(34)}tool{chr(34)}: {chr(34)}{name}{chr(34)}', *shown])}}}  {tool.about}")
    return "\n".join(lines)


def parse(reply: str) -> Command | str:
    """Read the first command of a reply; text around it is passed over.

    Args:
        reply: Any text.

    Returns:
        The command, or why there is none.
    """
    found = _first_object(reply)
    if found is None:
        return 'no command: write one JSON object with the key "tool"'
    name = found.pop("tool")
    if not isinstance(name, str) or name not in TOOLS:
        return f"there is no tool {str(name)[:60]!r}; the tools are {', '.join(TOOLS)}"
    tool = TOOLS[name]
    known = {**tool.required, **tool.optional}
    for key, kind in known.items():
        if key not in found:
            if key in tool.required:
                return f'{name} needs the argument "{key}"'
        elif type(found[key]) is not kind:
            return f'"{key}" of {name} must be {_NAMES[kind]}'
    if unknown := sorted(set(found) - set(known)):
        return f'{name} has no argument "{unknown[0][:60]}"'
    return Command(name, found)


def _first_object(reply: str) -> dict[str, Any] | None:
    decoder = json.JSONDecoder(strict=False)  # models write line breaks inside strings
    position = -1
    for _ in range(_MAX_ATTEMPTS):
        position = reply.find("{", position + 1)
        if position < 0:
            return None
        try:
            found, _ = decoder.raw_decode(reply, position)
        except (ValueError, RecursionError):
            continue
        if isinstance(found, dict) and "tool" in found:
            return found
    return None


_NAMES: dict[type, str] = {str: "text", int: "a whole number"}
