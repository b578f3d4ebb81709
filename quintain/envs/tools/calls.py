"""Tool calls as text: two forms in which an agent writes them, and in which results come back.

ReAct (Yao et al. 2023, arXiv 2210.03629)::

    Thought: I need the e-mail first.
    Action: mail_read
    Action Input: {"id": "m3"}

and ``Final Answer: ...`` in the end; or JSON, ``{"name": "mail_read", "arguments": {"id": "m3"}}``, with the name
``final_answer`` in the end.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any, Literal

from quintain.replies import split_reasoning

__all__ = [
    "FINAL",
    "Call",
    "Final",
    "Malformed",
    "canonical",
    "cut",
    "encode",
    "parse",
    "render_action",
    "render_result",
]

#: Name of the pretended tool that ends the episode in JSON; its only argument is ``answer``.
FINAL = "final_answer"
#: Maximum length of a result as text, in characters. Longer ones are cut, with a notice.
MAX_RESULT_CHARS = 20_000

_MARK = re.compile(r"^[ \t*]*(action|final answer)[ \t*]*:[ \t*]*", re.MULTILINE | re.IGNORECASE)
_INPUT = re.compile(r"[ \t*]*action input[ \t*]*:[\s*]*", re.IGNORECASE)
_OPENING = re.compile(r"\s*(?:```(?:json)?\s*|<tool_call>\s*)?(?=\{)", re.IGNORECASE)
_FENCE = re.compile(r"```(?:json)?\s*(?=\{)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Call:
    """A call of a tool.

    Attributes:
        name: Name of the tool.
        arguments: Its arguments, as parsed JSON.
    """

    name: str
    arguments: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Final:
    """The agent's last word.

    Attributes:
        answer: Its text.
    """

    answer: str


@dataclass(frozen=True, slots=True)
class Malformed:
    """An action that is neither.

    Attributes:
        why: What is wrong with it.
    """

    why: str


def parse(action: str) -> Call | Final | Malformed:
    """Read an action. What follows the first call or answer is ignored, as is reasoning before it.

    Args:
        action: Any text.
    """
    text = split_reasoning(action)[1] if "<" in action or "[" in action or "◁" in action else action
    opening = _OPENING.match(text)
    if opening is not None:
        return _from_json(text, opening.end())
    mark = _MARK.search(text)
    if mark is None:
        fence = _FENCE.search(text)
        if fence is not None:
            return _from_json(text, fence.end())
        return Malformed("the reply has neither an action nor a final answer")
    if mark[1].lower() != "action":
        return Final(text[mark.end() :].strip())
    line, _, rest = text[mark.end() :].partition("\n")
    name = line.strip().strip("`*\"' ")
    start = _INPUT.match(rest)
    if start is None or not rest[start.end() :].strip():
        return Call(name, {}) if name else Malformed("the action has no name")
    arguments = _object(rest, start.end(), "the action input")
    return arguments if isinstance(arguments, Malformed) else Call(name, arguments)


def _from_json(text: str, start: int) -> Call | Final | Malformed:
    found = _object(text, start, "the call")
    if isinstance(found, Malformed):
        return found
    name, arguments = found.get("name"), found.get("arguments", {})
    if isinstance(arguments, str):  # as chat APIs write them
        inner = _object(arguments, 0, "arguments")
        if isinstance(inner, Malformed):
            return inner
        arguments = inner
    if not isinstance(name, str) or not isinstance(arguments, dict) or found.keys() - {"name", "arguments", "id"}:
        return Malformed('a call is {"name": ..., "arguments": {...}}')
    if name != FINAL:
        return Call(name, arguments)
    answer = arguments.get("answer")
    return Final(answer) if isinstance(answer, str) else Malformed("final_answer takes a text, answer")


def _object(text: str, start: int, what: str) -> dict[str, Any] | Malformed:
    """Read one JSON object that begins at a position, with no key twice and only finite numbers."""
    try:
        value, _ = _DECODER.raw_decode(text, start)
    except RecursionError:
        return Malformed(f"{what} is nested too deeply")
    except ValueError as error:  # also integers of more digits than Python reads
        return Malformed(f"{what} is not JSON: {str(error)[:200]}")
    return value if isinstance(value, dict) else Malformed(f"{what} is not a JSON object")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key occurs twice")
    return found


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is no JSON")


_DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_refuse)
#: Writes JSON-able data as JSON.
encode = json.JSONEncoder(ensure_ascii=False).encode
_encode_sorted = json.JSONEncoder(ensure_ascii=False, sort_keys=True).encode


def canonical(call: Call) -> str:
    """Return a text that is equal for equal calls. Its arguments must fit a schema, so that they are not deep."""
    return f"{call.name} {_encode_sorted(call.arguments)}"


def render_action(move: Call | Final, form: Literal["react", "json"] = "react", thought: str = "") -> str:
    """Write a call or an answer in one of the two forms.

    Args:
        move: What to write.
        form: ``"react"`` or ``"json"``. Default: ``"react"``.
        thought: A thought before it; only in ReAct. Default: none.
    """
    if form == "json":
        name, arguments = (FINAL, {"answer": move.answer}) if isinstance(move, Final) else (move.name, move.arguments)
        return encode({"name": name, "arguments": arguments})
    before = f"Thought: {thought}\n" if thought else ""
    if isinstance(move, Final):
        return f"{before}Final Answer: {move.answer}"
    return f"{before}Action: {move.name}\nAction Input: {encode(move.arguments)}"


def render_result(data: Any) -> str:
    """Write the result of a tool: text as it is, anything else as JSON; cut after 20,000 characters.

    Args:
        data: JSON-able data.
    """
    return cut(data if isinstance(data, str) else encode(data))


def cut(text: str) -> str:
    """Cut a text after 20,000 characters, with a notice."""
    if len(text) <= MAX_RESULT_CHARS:
        return text
    return f"{text[:MAX_RESULT_CHARS]}\n[cut: {len(text) - MAX_RESULT_CHARS:,} more characters]"
