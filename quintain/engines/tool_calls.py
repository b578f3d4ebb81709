"""Tool calls in the form of chat APIs: reading them, finding them in generated text, and rendering for templates."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

__all__ = ["ToolCall", "find_tool_calls", "function_tools", "read_tool_calls", "template_message"]

# What models write that were trained on the format of Hermes, Qwen among them.
_TAGGED = re.compile(r"<tool_call>\s*(\{.*?\})\s*(?:</tool_call>|\Z)", re.DOTALL)


class ToolCall(NamedTuple):
    """One call of a tool.

    Attributes:
        name: Name of the tool.
        arguments: Its arguments, as the model wrote them: JSON, if it is well-formed.
        id: Id of the call, with which its result is sent back; empty where there is none.
    """

    name: str
    arguments: str
    id: str = ""


def read_tool_calls(text: str | None) -> tuple[ToolCall, ...]:
    """Read what :attr:`Reply.tool_calls <quintain.engines.Reply.tool_calls>` holds.

    Args:
        text: JSON: a list of objects with ``function`` and ``id``, as chat APIs return them, or one object with
            ``name`` and ``arguments``; ``None`` for no calls. Entries of another form are left out.
    """
    if not text:
        return ()
    found = json.loads(text)
    calls = []
    for entry in found if isinstance(found, list) else [found]:
        function = entry.get("function", entry) if isinstance(entry, Mapping) else {}
        name, arguments = function.get("name"), function.get("arguments", "")
        if isinstance(name, str):
            written = arguments if isinstance(arguments, str) else json.dumps(arguments)
            calls.append(ToolCall(name, written or "{}", str(entry.get("id") or "")))
    return tuple(calls)


def find_tool_calls(text: str) -> tuple[str, str | None]:
    """Find the calls in what a model has generated.

    Args:
        text: The generated text.

    Returns:
        The text before the first call, and the calls as JSON in the form of chat APIs; ``None`` without any.
    """
    blocks, before = _TAGGED.findall(text), text.partition("<tool_call>")[0]
    if not blocks and text.lstrip().startswith("{"):
        blocks, before = [text.strip()], ""
    calls: list[dict[str, Any]] = []
    for block in blocks:
        try:
            found = json.loads(block)
        except (ValueError, RecursionError):
            continue
        if isinstance(found, dict) and isinstance(found.get("name"), str):
            arguments = json.dumps(found.get("arguments", found.get("parameters", {})))
            function = {"name": found["name"], "arguments": arguments}
            calls.append({"id": f"call_{len(calls)}", "type": "function", "function": function})
    return (before.rstrip(), json.dumps(calls)) if calls else (text, None)


def function_tools(tools: str) -> list[dict[str, Any]]:
    """Return the tools of a request as chat APIs and chat templates take them."""
    return [{"type": "function", "function": tool} for tool in json.loads(tools)]


def template_message(message: Mapping[str, Any]) -> dict[str, Any]:
    """Return a message as chat templates take it: calls as objects, with their arguments as objects."""
    shown = dict(message)
    if "tool_calls" in shown:
        calls = read_tool_calls(shown["tool_calls"])
        shown["tool_calls"] = [
            {"type": "function", "function": {"name": call.name, "arguments": _as_object(call.arguments)}}
            for call in calls
        ]
    return shown


def _as_object(arguments: str) -> Any:
    try:
        return json.loads(arguments)
    except (ValueError, RecursionError):
        return {"malformed": arguments}
