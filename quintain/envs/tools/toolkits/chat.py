"""Channels of a chat."""

from __future__ import annotations

from typing import Literal, NamedTuple

from quintain.envs.tools.content import FIRST_NAMES, SENTENCES
from quintain.envs.tools.draw import Draw
from quintain.envs.tools.tool import ToolError, reads, writes
from quintain.envs.tools.toolkit import Toolkit

__all__ = ["Chat", "Message"]

CHANNELS = ("general", "help", "random", "project")


class Message(NamedTuple):
    """A message in a channel, or to a person."""

    id: str
    channel: str
    author: str
    text: str
    reactions: tuple[str, ...]


class Chat(Toolkit):
    """The chat of the user's team."""

    name = "chat"
    untrusted = ("text",)

    def __init__(self) -> None:
        super().__init__()
        self.messages = self.table("message", Message, free=("text",))

    def populate(self, rng: Draw) -> None:
        """Write three messages into every channel, each by somebody else."""
        for channel in CHANNELS:
            texts = rng.sample(SENTENCES, 3)
            for author, text in zip(rng.sample(FIRST_NAMES, 3), texts, strict=True):
                self.messages.add(channel, author, text, ())

    def written(self, channel: str) -> list[str]:
        """Return what the user wrote into a channel or to a person."""
        return [m.text for m in self.messages if (m.channel, m.author) == (channel, "me")]

    def history_of(self, channel: str) -> list[Message]:
        """Return the messages of a channel."""
        return [m for m in self.messages if m.channel == channel]

    @reads
    def channels(self) -> list[str]:
        """List the channels."""
        return list(CHANNELS)

    @reads
    def history(self, channel: str) -> list[Message]:
        """Read the messages of a channel.

        Args:
            channel: Name of the channel.
        """
        return self.history_of(_known(channel))

    @reads
    def members(self, channel: str) -> list[str]:
        """List who has written into a channel.

        Args:
            channel: Name of the channel.
        """
        return sorted({m.author for m in self.history_of(_known(channel))})

    @writes
    def post(self, channel: str, text: str) -> str:
        """Write into a channel.

        Args:
            channel: Name of the channel.
            text: The message.
        """
        return self.messages.add(_known(channel), "me", text, ()).id

    @writes
    def direct(self, to: str, text: str) -> str:
        """Write to a person.

        Args:
            to: First name of the person.
            text: The message.
        """
        if to not in FIRST_NAMES:
            raise ToolError(f"there is nobody called {to[:40]!r}")
        return self.messages.add(f"@{to}", "me", text, ()).id

    @writes
    def react(self, id: str, reaction: Literal["like", "thanks", "done"]) -> str:
        """React to a message.

        Args:
            id: Id of the message.
            reaction: Which reaction.
        """
        given = self.messages[id].reactions
        if reaction in given:
            raise ToolError("you have reacted so already")
        self.messages.change(id, reactions=(*given, reaction))
        return f"{reaction} on {id}"


def _known(channel: str) -> str:
    if channel not in CHANNELS:
        raise ToolError(f"there is no channel {channel[:40]!r}")
    return channel
