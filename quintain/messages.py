"""Chat messages: the plain dictionaries that every chat API takes."""

from __future__ import annotations

from typing import Literal, TypedDict

__all__ = ["Message", "Role", "assistant", "system", "user"]

Role = Literal["system", "user", "assistant"]


class Message(TypedDict):
    """One turn of a conversation."""

    role: Role
    content: str


def system(content: str) -> Message:
    """Make a system message."""
    return {"role": "system", "content": content}


def user(content: str) -> Message:
    """Make a user message."""
    return {"role": "user", "content": content}


def assistant(content: str) -> Message:
    """Make an assistant message."""
    return {"role": "assistant", "content": content}
