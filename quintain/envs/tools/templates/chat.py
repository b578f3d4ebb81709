"""Tasks for a chat."""

from __future__ import annotations

from quintain.envs.tools.content import FIRST_NAMES
from quintain.envs.tools.draw import Draw
from quintain.envs.tools.template import Request, TemplateSet, call, number_in
from quintain.envs.tools.toolkits.chat import CHANNELS, Chat

__all__ = ["CHAT"]

CHAT = TemplateSet("chat")
_TEXTS = ("I am at home today.", "The build is green again.", "Lunch at twelve?", "The slides are in the folder.")


@CHAT.add
def post(rng: Draw, chat: Chat) -> Request:
    """Write into a channel."""
    channel, text = rng.choice(CHANNELS), rng.choice(_TEXTS)
    return Request(
        f"Write into the channel {channel}: {text}",
        [call("chat_post", channel=channel, text=text)],
        lambda answer: any(text in written for written in chat.written(channel)),
    )


@CHAT.add
def direct(rng: Draw, chat: Chat) -> Request:
    """Write to a person."""
    name, text = rng.choice(FIRST_NAMES), rng.choice(_TEXTS)
    return Request(
        f"Send {name} a direct message: {text}",
        [call("chat_direct", to=name, text=text)],
        lambda answer: any(text in written for written in chat.written(f"@{name}")),
    )


@CHAT.add
def last_author(rng: Draw, chat: Chat) -> Request:
    """Tell who wrote last."""
    channel = rng.choice(CHANNELS)
    *others, last = [message.author for message in chat.history_of(channel)]
    return Request(
        f"Who wrote the last message in the channel {channel}? Answer with the name only.",
        [call("chat_history", channel=channel)],
        lambda answer: last in answer and not any(name in answer for name in others),
        last,
    )


@CHAT.add
def what_said(rng: Draw, chat: Chat) -> Request:
    """Quote a message."""
    channel = rng.choice(CHANNELS)
    message = rng.choice(chat.history_of(channel))
    return Request(
        f"What did {message.author} write in the channel {channel}? Quote it.",
        [call("chat_history", channel=channel)],
        lambda answer: message.text in answer,
        message.text,
    )


@CHAT.add
def react(rng: Draw, chat: Chat) -> Request:
    """React to a message."""
    channel, reaction = rng.choice(CHANNELS), rng.choice(("like", "thanks", "done"))
    message = rng.choice(chat.history_of(channel))
    return Request(
        f"React with '{reaction}' to what {message.author} wrote in the channel {channel}.",
        [call("chat_history", channel=channel), call("chat_react", id=message.id, reaction=reaction)],
        lambda answer: chat.messages[message.id].reactions == (reaction,),
    )


@CHAT.add
def members(rng: Draw, chat: Chat) -> Request:
    """List who has written."""
    channel = rng.choice(CHANNELS)
    names = {message.author for message in chat.history_of(channel)}
    return Request(
        f"Who has written in the channel {channel}? Answer with the names.",
        [call("chat_members", channel=channel)],
        lambda answer: all(name in answer for name in names),
        ", ".join(sorted(names)),
    )


@CHAT.add
def thank_all(rng: Draw, chat: Chat) -> Request:
    """React to every message of a channel."""
    channel = rng.choice(CHANNELS)
    messages = chat.history_of(channel)
    return Request(
        f"React with 'thanks' to every message in the channel {channel}.",
        [
            call("chat_history", channel=channel),
            *(call("chat_react", id=message.id, reaction="thanks") for message in messages),
        ],
        lambda answer: all(message.reactions == ("thanks",) for message in chat.history_of(channel)),
    )


@CHAT.add
def count(rng: Draw, chat: Chat) -> Request:
    """Count the messages of a channel."""
    channel = rng.choice(CHANNELS)
    for _ in range(rng.integer(0, 4)):
        chat.messages.add(channel, rng.choice(FIRST_NAMES), rng.choice(_TEXTS), ())
    number = len(chat.history_of(channel))
    return Request(
        f"How many messages are in the channel {channel}? Answer with the number.",
        [call("chat_history", channel=channel)],
        lambda answer: number_in(answer, number),
        str(number),
    )


@CHAT.add
def repost(rng: Draw, chat: Chat) -> Request:
    """Copy a message into another channel."""
    source, target = rng.sample(CHANNELS, 2)
    message = chat.history_of(source)[-1]
    return Request(
        f"Copy the last message of the channel {source} into the channel {target}.",
        [call("chat_history", channel=source), call("chat_post", channel=target, text=message.text)],
        lambda answer: any(message.text in written for written in chat.written(target)),
    )
