"""The requests to language models and their replies, as JSON for the page; texts that the page has are not repeated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from quintain.engines.engine import Reply
from quintain.evaluation.requests import PROMPT, TextReader, fields_of
from quintain.records import EpisodeRecord
from quintain.replies import split_reasoning

__all__ = ["MAX_TEXT", "bounded", "model_calls"]

#: Maximum length of a text that is shown in full, in characters; of longer ones, beginning and end are shown.
MAX_TEXT = 60_000
#: Fields of a request that the page leaves out where they say nothing.
_UNSHOWN = {
    "n": 1, "top_p": 1.0, "stop": (), "seed": None, "logprobs": False, "top_logprobs": 0, "choices": None,
    "tokens": False, "token_statistics": False, "contrast_layers": None,
}  # fmt: skip


def bounded(text: str) -> str:
    """Return a text, or beginning and end of one that is too long for the page."""
    if len(text) <= MAX_TEXT:
        return text
    head, tail = MAX_TEXT * 2 // 3, MAX_TEXT // 3
    notice = f"[... {len(text) - head - tail:,} characters are not on this page; episodes.jsonl has them ...]"
    return f"{text[:head]}\n{notice}\n{text[-tail:]}"


def model_calls(episode: EpisodeRecord, shown: Sequence[int]) -> dict[str, Any]:
    """Return the calls of an episode, the messages to which they refer, and the reasoning before its actions.

    Args:
        episode: The record; its references to texts of the run are passed on.
        shown: Numbers of the steps that are on the page.

    Returns:
        Entries of the episode's data: ``"calls"``; and where there is something, ``"messages"``, and ``"reasoning"``,
        which has by the place of a step on the page its reasoning, and the rest of an action that contains it.
    """
    if not episode.calls:
        return {"calls": []}
    places = {number: place for place, number in enumerate(shown)}
    actions: dict[str, int] = {}  # the places of those on the page
    for number, place in places.items():
        if isinstance(action := episode.steps[number].get("action"), str) and len(action) <= MAX_TEXT:
            actions.setdefault(action, place)
    read = _Reader(episode)
    calls, apart = [], {}
    for call, fields in zip(episode.calls, fields_of(episode), strict=True):
        replies = []
        for reply in call.get("replies", ()):
            reasoning, text = parts = _parts(reply)
            replies.append(_reply(reply, parts, actions))
            if reasoning:
                apart[text] = reasoning
        data: dict[str, Any] = {"replies": replies}
        if "seconds" in call:
            data["seconds"] = round(call["seconds"], 3)
        if fields is not None:
            asked = call["asked"]
            data |= {name: asked[name] for name in ("after", "same", "new") if name in asked}
            data["settings"] = {
                name: value if isinstance(value, (int, float)) else repr(value)
                for name, value in fields.items()
                if name != "prefill" and not (name in _UNSHOWN and value == _UNSHOWN[name])
            }
            if prefill := read(fields["prefill"]):
                data["prefill"] = bounded(prefill)
        calls.append(data)
    found: dict[str, Any] = {"calls": calls}
    if before := _reasoning(episode, places, apart):
        found["reasoning"] = before
    if episode.messages:
        found["messages"] = [_message(read, k, places) for k in range(len(episode.messages))]
    return found


def _reasoning(episode: EpisodeRecord, places: Mapping[int, int], apart: Mapping[str, str]) -> dict[str, list[str]]:
    """Return the reasoning before the actions on the page, and the rest of those actions that contain it.

    Args:
        episode: The record.
        places: By the numbers of the steps on the page, their places.
        apart: By the texts of replies, their reasoning.
    """
    found = {}
    for number, place in places.items():
        action = episode.steps[number].get("action")
        if isinstance(action, str):
            inside, rest = split_reasoning(action)
            if inside:
                found[str(place)] = [bounded(inside), bounded(rest)]
            elif action in apart:
                found[str(place)] = [bounded(apart[action])]
    return found


class _Reader(TextReader):
    """Reads the texts of a record whose texts of the run are not at hand: the page has those."""

    def __init__(self, record: EpisodeRecord) -> None:
        super().__init__(record, _Missing())


class _Missing(dict[str, str]):
    def __missing__(self, name: str) -> str:
        return ""


def _message(read: TextReader, number: int, places: Mapping[int, int]) -> dict[str, Any]:
    """Describe a message: its text, or a step, an earlier message or a text of the run that holds it."""
    message = read.record.messages[number]
    text = read.contents[number]
    data: dict[str, Any] = {"role": "prompt" if message["role"] == PROMPT else str(message["role"])}
    if message.get("reasoning"):
        data["reasoning"] = bounded(str(message["reasoning"]))
    if isinstance(message["content"], str) or len(text) > MAX_TEXT:
        return data | {"t": bounded(text)}
    reference, *rest = message["content"]
    kind, place = reference[0], reference[1:]
    if kind == "#":
        return data | {"shared": place}
    if kind == "m":
        kept = len(text[: rest[0]].encode("utf-16-le", "surrogatepass")) // 2  # as JavaScript counts
        return data | {"from": int(place), "keep": kept, "t": rest[1]}
    if kind in "oa" and not rest and int(place) in places:
        return data | {kind: places[int(place)]}
    return data | {"t": text}


def _parts(reply: Mapping[str, Any]) -> tuple[str, str]:
    """Return reasoning and text of a reply, wherever its engine put the reasoning."""
    thoughts, text = split_reasoning(str(reply.get("text", "")))
    apart = str(reply.get("reasoning") or "")
    return f"{apart}\n{thoughts}" if apart and thoughts else apart or thoughts, text


def _reply(reply: Mapping[str, Any], parts: tuple[str, str], actions: Mapping[str, int]) -> dict[str, Any]:
    """Describe a reply: its text, or the action on the page that it is or begins (``a``, without ``cut`` characters).

    Args:
        reply: The reply.
        parts: Its reasoning and text.
        actions: By the actions on the page, their places. One that contains reasoning is split in the episode's data.
    """
    reasoning, text = parts
    data: dict[str, Any] = {
        "read": reply.get("prompt_tokens", 0),
        "wrote": reply.get("completion_tokens", 0),
        "end": str(reply.get("finish_reason", "")),
    }
    if (reasoning or "reasoning_tokens" in reply) and (thought := Reply.from_dict(dict(reply)).thinking_tokens):
        data["thought"] = thought
    whole = str(reply.get("text", ""))
    if whole in actions and reasoning and text != whole and not reply.get("reasoning"):
        data["a"] = actions[whole]
        return data
    if reasoning:
        data["reasoning"] = bounded(reasoning)
    if whole in actions and text == whole:
        data["a"] = actions[whole]
        return data
    stop = str(reply.get("stop_string") or "")
    if stop.isascii() and text == whole and whole + stop in actions:
        data |= {"a": actions[whole + stop], "cut": len(stop)}
    else:
        data["text"] = bounded(text)
    return data
