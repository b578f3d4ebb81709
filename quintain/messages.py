"""Chat messages: the plain dictionaries that every chat API takes."""

from __future__ import annotations

from typing import Literal, NotRequired, TypedDict

__all__ = ["Message", "Role", "assistant", "system", "tool", "user"]

#: Who wrote a message.
Role = Literal["system", "user", "assistant", "tool"]


class Message(TypedDict):
    """One turn of a conversation.

    Attributes:
        role: Role of the author: ``"system"``, ``"user"``, ``"assistant"``, or ``"tool"`` for the result of a tool.
        content: Text of the message.
        reasoning: What the assistant thought before its text; only for engines with the capability ``"reasoning"``.
        tool_calls: The calls of the assistant, as :attr:`Reply.tool_calls <quintain.engines.Reply.tool_calls>` holds
            them; only for engines with the capability ``"tools"``.
        tool_call_id: Of the result of a tool: the id of the call.
    """

    role: Role
    content: str
    reasoning: NotRequired[str]
    tool_calls: NotRequired[str]
    tool_call_id: NotRequired[str]


def system(content: str) -> Message:
    """Make a system message."""
    return {"role": "system", "content": content}


def user(content: str) -> Message:
    """Make a user message."""
    return {"role": "user", "content": content}


def assistant(content: str, reasoning: str = "", tool_calls: str = "") -> Message:
    """Make an assistant message.

    Args:
        content: Text of the message.
        reasoning: What the assistant thought before its text; empty for nothing.
        tool_calls: Its calls of tools, as JSON; empty for none.
    """
    message: Message = {"role": "assistant", "content": content}
    if reasoning:
        message["reasoning"] = reasoning
    if tool_calls:
        message["tool_calls"] = tool_calls
    return message


def tool(content: str, call_id: str = "") -> Message:
    """Make the message with the result of a tool.

    Args:
        content: The result.
        call_id: Id of the call; empty where the model gave none.
    """
    message: Message = {"role": "tool", "content": content}
    if call_id:
        message["tool_call_id"] = call_id
    return message
