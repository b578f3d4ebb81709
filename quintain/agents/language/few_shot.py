"""Few-shot examples: worked turns of a conversation that a chat agent shows the model before the first observation."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from quintain.arguments import nearest
from quintain.errors import ConfigurationError
from quintain.messages import Message, assistant, user

__all__ = ["FewShot", "few_shot_messages", "read_text"]

#: Examples as they are given: the path of a JSONL file, or a list of messages, of conversations or of pairs.
FewShot = str | os.PathLike[str] | Sequence[Mapping[str, Any]]

_FORMS = (
    'expected {"role": "user" or "assistant", "content": ...}, {"messages": [...]}, or {"question": ..., "answer": ...}'
)
_KEYS = ("role", "content", "messages", "question", "answer")


def few_shot_messages(source: FewShot) -> tuple[Message, ...]:
    """Return examples as messages.

    Args:
        source: Path of a JSONL file, or a list. Each line or entry is a message ``{"role": "user", "content": "..."}``;
            a conversation ``{"messages": [...]}``, as providers take it for fine-tuning; or a pair
            ``{"question": "...", "answer": "..."}``. Other keys of conversations and pairs are ignored. The examples
            are shown in this order.

    Raises:
        ConfigurationError: If the file cannot be read, an entry has another form, or the messages are not turns of user
            and assistant that alternate, beginning with the user.

    Example:
        >>> few_shot_messages([{"question": "2+3?", "answer": "5"}])
        ({'role': 'user', 'content': '2+3?'}, {'role': 'assistant', 'content': '5'})
    """
    where = "few_shot"
    entries: Any = source
    if isinstance(source, (str, os.PathLike)):
        where, entries = f"few_shot {os.fspath(source)!r}", _read_lines(source)
    if not isinstance(entries, Sequence):
        raise ConfigurationError(f"few_shot must be a list or the path of a JSONL file, got {source!r}")
    found: list[Message] = []
    for number, entry in enumerate(entries, start=1):
        for message in _messages_of(entry, f"{where}, entry {number}"):
            expected = "assistant" if len(found) % 2 else "user"
            if message["role"] != expected:
                raise ConfigurationError(
                    f"{where}, entry {number}: turns alternate, beginning with the user's; expected a message of the "
                    f"{expected}, got one of the {message['role']}"
                )
            found.append(message)
    if len(found) % 2:
        raise ConfigurationError(f"{where}: the last example has no reply; it must end with a message of the assistant")
    return tuple(found)


def read_text(name: str, source: str | os.PathLike[str]) -> str:
    """Return a text, or the content of a file if a path object is given.

    Args:
        name: Name of the setting, for the message.
        source: The text; or a path, such as ``pathlib.Path("prompt.txt")``, of a UTF-8 file.

    Raises:
        ConfigurationError: If it is neither, or the file cannot be read.
    """
    if isinstance(source, str):
        return source
    if not isinstance(source, os.PathLike):
        raise ConfigurationError(f"{name} must be a string or a path, got {source!r}")
    try:
        return Path(source).read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{name}: cannot read {os.fspath(source)!r}: {error}") from error


def _read_lines(path: str | os.PathLike[str]) -> list[Any]:
    lines = read_text("few_shot", Path(path)).split("\n")  # JSON strings may hold other line separators
    found = []
    for number, line in enumerate(lines, start=1):
        if line.strip():
            try:
                found.append(json.loads(line))
            except (ValueError, RecursionError) as error:
                raise ConfigurationError(
                    f"few_shot {os.fspath(path)!r}, line {number}: not JSON ({error}); each line is one JSON object"
                ) from error
    return found


def _messages_of(entry: Any, where: str) -> list[Message]:
    if not isinstance(entry, Mapping):
        raise ConfigurationError(f"{where}: {_FORMS}; got {entry!r}")
    if isinstance(entry.get("messages"), Sequence):
        return [message for part in entry["messages"] for message in _messages_of(part, where)]
    question, answer = entry.get("question"), entry.get("answer")
    if isinstance(question, str) and isinstance(answer, str):
        return [user(question), assistant(answer)]
    role, content = entry.get("role"), entry.get("content")
    if role == "system":
        raise ConfigurationError(f"{where}: a system message goes in prompt, not in few_shot")
    if role in ("user", "assistant") and isinstance(content, str):
        return [cast(Message, {"role": role, "content": content})]
    unknown = next((str(key) for key in entry if key not in _KEYS), "")
    raise ConfigurationError(f"{where}: {_FORMS}; got {dict(entry)!r}{nearest(unknown, _KEYS)}")
