"""Chat messages: the plain dictionaries that every chat API takes."""

from __future__ import annotations

from typing import Literal, NotRequired, TypedDict

__all__ = ["Message", "Role", "assistant", "system", "user"]

#: Who wrote a message.
Role = Literal["system", "user", "assistant"]


class Message(TypedDict):
    """One turn of a conversation.

    Attributes:
        role: Role of the author: ``"system"``, ``"user"`` or ``"assistant"``.
        content: Text of the message.
        reasoning: What the assistant thought before its text; only for engines with the capability ``"reasoning"``.
    """

    role: Role
    content: str
    reasoning: NotRequired[str]


def system(content: str) -> Message:
    """Make a system message."""
    return {"role": "system", "content": content}


def user(content: str) -> Message:
    """Make a user message."""
    return {"role": "user", "content": content}


def assistant(content: str, reasoning: str = "") -> Message:
    """Make an assistant message.

    Args:
        content: Text of the message.
        reasoning: What the assistant thought before its text; empty for nothing.
    """
    message: Message = {"role": "assistant", "content": content}
    if reasoning:
        message["reasoning"] = reasoning
    return message
