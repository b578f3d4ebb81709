"""What language models were asked in an episode: packed into its record with every text once, and unpacked.

Each call of a record holds its request under ``"asked"``: which messages it sent, as indices of the record's
``messages``, and its other fields. It names an earlier call (``after``), the number of leading messages that both share
(``same``), and the others (``new``); its other fields are those of that call unless given. The first call has no
earlier one, and the fields that it leaves out have the defaults of :class:`~quintain.engines.engine.Request`. A call
that asked for ``tokens`` also holds the ``seat`` that asked, and the number of actions (``step``) before it.

The texts of candidates in ``decisions`` are packed likewise; :func:`decisions_of` reads them.

A text is a string, or a reference to text that the record holds already: ``["o3"]`` is the observation of step 3,
``["a3"]`` its action, ``["r2.0"]`` the first reply of call 2, ``["m5"]`` message 5, and ``["#..."]`` a text of the run,
which its manifest holds. ``["m5", 120, "rest"]`` begins with the first 120 characters of message 5.
"""

from __future__ import annotations

import dataclasses
import hashlib
from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from quintain.engines.engine import Exchange, Request
from quintain.records import EpisodeRecord

__all__ = [
    "PROMPT",
    "Packed",
    "SharedTexts",
    "TextReader",
    "decisions_of",
    "expand",
    "fields_of",
    "pack",
    "requests_of",
    "sent_of",
]

#: Fields of a request besides its messages, and their defaults.
_DEFAULTS: dict[str, Any] = {
    f.name: f.default for f in dataclasses.fields(Request) if f.name not in ("messages", "prompt")
}
#: Length from which a text is replaced by a reference, and from which a common beginning is, in characters.
_LEAST, _LEAST_PREFIX = 12, 48
#: Number of earlier texts and calls that are searched for a common beginning.
_NEAR = 8
#: Maximum number of texts that the manifest of a run holds.
_MOST_SHARED = 64
#: What a message may have besides role and content.
_ALSO = ("reasoning", "tool_calls", "tool_call_id")
#: Role under which the text of a request without messages is kept.
PROMPT = "prompt"


@dataclasses.dataclass(slots=True)
class Packed:
    """The parts of a record that :func:`pack` makes.

    Attributes:
        messages: The messages of all calls, each once.
        calls: One entry per call: ``key``, ``replies``, ``asked``, and ``seconds`` where the engine measures them.
        decisions: How actions were chosen among several replies.
    """

    messages: list[dict[str, Any]]
    calls: list[dict[str, Any]]
    decisions: list[dict[str, Any]] = dataclasses.field(default_factory=list)


def pack(
    exchanges: Sequence[Exchange], steps: Sequence[Mapping[str, Any]], decisions: Sequence[Mapping[str, Any]] = ()
) -> Packed:
    """Pack the requests, replies and decisions of an episode.

    Args:
        exchanges: The exchanges with language models, in order of completion.
        steps: The episode's steps, whose observations and actions are not stored again.
        decisions: Those of the log; see :func:`~quintain.engines.engine.record_decision`. Default: none.
    """
    if not exchanges and not decisions:
        return Packed([], [])
    packer = _Packer(steps)
    for exchange in exchanges:
        packer.add(exchange)
    packer.packed.decisions = [_map_texts(decision, packer.candidate) for decision in decisions]
    return packer.packed


class _Packer:
    def __init__(self, steps: Sequence[Mapping[str, Any]]) -> None:
        self.packed = Packed([], [])
        self._index: dict[tuple[str, str, tuple[tuple[str, str], ...]], int] = {}
        self._texts: dict[str, list[tuple[str, str]]] = {}  # per role: reference and text of its messages
        self._replies: list[tuple[str, str]] = []
        self._sent: list[list[int]] = []
        self._requests: list[dict[str, Any]] = []
        self._known: dict[str, str] = {}
        for name, key in (("o", "observation"), ("a", "action")):
            for number, step in enumerate(steps):
                if isinstance(step.get(key), str):
                    self._known.setdefault(step[key], f"{name}{number}")

    def add(self, exchange: Exchange) -> None:
        request, number = exchange.request, len(self._sent)
        messages: Iterable[Mapping[str, Any]] = request.messages or ()
        if request.prompt is not None:
            messages = [{"role": PROMPT, "content": request.prompt}]
        sent = [self._message(message) for message in messages]
        asked: dict[str, Any] = {}
        fields = {name: getattr(request, name) for name in _DEFAULTS}
        base: Mapping[str, Any] = _DEFAULTS
        after, same = self._parent(sent)
        if self._sent:
            asked, base = {"after": after} | ({"same": same} if same else {}), self._requests[after]
        asked |= {"new": sent[same:]} if sent[same:] else {}
        changed = {name: value for name, value in fields.items() if value != base[name]}
        if "prefill" in changed:
            changed["prefill"] = self._text(fields["prefill"], self._replies)
        replies = [reply.to_dict() for reply in exchange.replies]
        when = {} if not request.tokens else {"step": exchange.step, "seat": exchange.seat or "agent"}
        spent = [reply.seconds for reply in exchange.replies if reply.seconds is not None]
        seconds = {"seconds": round(sum(spent), 6)} if len(spent) == len(replies) else {}
        self.packed.calls.append({"key": request.key, "replies": replies, "asked": asked | changed} | when | seconds)
        self._sent.append(sent)
        self._requests.append(fields)
        for k, reply in enumerate(exchange.replies):
            self._known.setdefault(reply.text, f"r{number}.{k}")
            self._replies.append((f"r{number}.{k}", reply.text))

    def candidate(self, text: str) -> Any:
        """Return the text of a candidate, or a reference: most are a reply, or begin with one."""
        if len(text) < _LEAST:
            return text
        if text in self._known:
            return [self._known[text]]
        length, reference = max(
            ((len(reply), reference) for reference, reply in self._replies if text.startswith(reply)), default=(0, "")
        )
        return [reference, length, text[length:]] if length >= _LEAST_PREFIX else text

    def _parent(self, sent: list[int]) -> tuple[int, int]:
        """Return the earlier call that shares the most leading messages, the latest of several, and their number."""
        best = (len(self._sent) - 1, 0)
        for number in range(max(0, len(self._sent) - _NEAR), len(self._sent)):
            earlier = self._sent[number]
            same = next((k for k, (a, b) in enumerate(zip(earlier, sent, strict=False)) if a != b), None)
            same = min(len(earlier), len(sent)) if same is None else same
            if same and same >= best[1]:
                best = number, same
        return best

    def _message(self, message: Mapping[str, Any]) -> int:
        also = {name: message[name] for name in _ALSO if message.get(name)}
        role, content = message["role"], message["content"]
        key = role, content, tuple(also.items())
        if key in self._index:
            return self._index[key]
        number = self._index[key] = len(self.packed.messages)
        near = self._texts.setdefault(role, [])
        entry = {"role": role, "content": self._text(content, near)}
        self.packed.messages.append(entry | also)
        near.append((f"m{number}", content))
        return number

    def _text(self, text: str, near: Sequence[tuple[str, str]]) -> Any:
        if len(text) < _LEAST:
            return text
        if text in self._known:
            return [self._known[text]]
        found = [(_shared(earlier, text), reference) for reference, earlier in near[-_NEAR:]]
        length, reference = max(found, default=(0, ""))
        return [reference, length, text[length:]] if length >= _LEAST_PREFIX else text


def _shared(first: str, second: str) -> int:
    """Return the number of leading characters that two texts share."""
    most = min(len(first), len(second))
    return bisect_left(range(1, most + 1), True, key=lambda n: first[:n] != second[:n])


def requests_of(record: EpisodeRecord, shared: Mapping[str, str] | None = None) -> list[Request | None]:
    """Rebuild the requests of an episode's calls.

    Args:
        record: The episode's record, with its calls and messages.
        shared: Texts of the run: the entry ``"texts"`` of its manifest. Default: none.

    Returns:
        One request per call; ``None`` for a call of a version that did not record what was asked.
    """
    read = TextReader(record, shared)
    requests: list[Request | None] = []
    for sent, fields in zip(sent_of(record), fields_of(record), strict=True):
        if fields is None:
            requests.append(None)
            continue
        fields["prefill"] = read(fields["prefill"])
        messages: Any = [record.messages[k] | {"content": read.contents[k]} for k in sent]
        if len(messages) == 1 and messages[0]["role"] == PROMPT:
            requests.append(Request(prompt=messages[0]["content"], **fields))
        else:
            requests.append(Request(messages=tuple(messages), **fields))
    return requests


def decisions_of(record: EpisodeRecord) -> list[dict[str, Any]]:
    """Return how the actions of an episode were chosen among several replies, with all texts in full."""
    read = TextReader(dataclasses.replace(record, messages=[]))  # their texts are those of steps and replies
    return [_map_texts(decision, read) for decision in record.decisions]


def _map_texts(decision: Mapping[str, Any], change: Callable[[Any], Any]) -> dict[str, Any]:
    """Change the texts of the candidates of a decision, and of the feedback on them."""
    changed = dict(decision)
    if "candidates" in decision:
        changed["candidates"] = [c | {"text": change(c["text"])} for c in decision["candidates"]]
    if "feedback" in decision:
        changed["feedback"] = [change(text) for text in decision["feedback"]]
    if "history" in decision:
        changed["history"] = [_map_texts(earlier, change) for earlier in decision["history"]]
    return changed


def sent_of(record: EpisodeRecord) -> list[list[int]]:
    """Return for each call which of the record's messages it sent, as indices."""
    sent: list[list[int]] = []
    for call in record.calls:
        asked = call.get("asked", {})
        shared = sent[asked["after"]][: asked["same"]] if "same" in asked else []
        sent.append([*shared, *asked.get("new", ())])
    return sent


def fields_of(record: EpisodeRecord) -> list[dict[str, Any] | None]:
    """Return for each call the fields of its request besides the messages; ``None`` where they are not recorded."""
    found: list[dict[str, Any] | None] = []
    for call in record.calls:
        asked = call.get("asked")
        if asked is None:
            found.append(None)
            continue
        base = (found[asked["after"]] if "after" in asked else None) or _DEFAULTS
        changed = {name: value for name, value in asked.items() if name in _DEFAULTS}
        tuples = {
            name: tuple(value) for name, value in changed.items() if name != "prefill" and isinstance(value, list)
        }
        found.append(dict(base) | changed | tuples)
    return found


class TextReader:
    """Reads the texts of a record, strings or references: call it with one.

    Args:
        record: The episode's record, with its calls.
        shared: Texts of the run, as in :func:`requests_of`.

    Attributes:
        record: The episode's record, with its calls.
        contents: The texts of the record's messages.
    """

    def __init__(self, record: EpisodeRecord, shared: Mapping[str, str] | None = None) -> None:
        self.record, self._shared = record, {} if shared is None else shared
        self.contents: list[str] = []
        for message in record.messages:  # a message refers to earlier ones
            self.contents.append(self(message["content"]))

    def __call__(self, text: Any) -> str:
        """Return a text that is given as a string or a reference."""
        if isinstance(text, str):
            return text
        reference, *rest = text
        kind, place = reference[:1], reference[1:]
        if kind == "#":
            whole = self._shared[place]
        elif kind == "m":
            whole = self.contents[int(place)]
        elif kind == "r":
            call, reply = map(int, place.split("."))
            whole = self.record.calls[call]["replies"][reply]["text"]
        else:
            whole = self.record.steps[int(place)]["observation" if kind == "o" else "action"]
        return whole[: rest[0]] + rest[1] if rest else whole


def expand(record: EpisodeRecord, shared: Mapping[str, str] | None = None, kinds: str = "oarm#") -> EpisodeRecord:
    """Return the record with strings in place of references, so that what they refer to can be changed.

    Args:
        record: The episode's record, with its calls.
        shared: Texts of the run, as in :func:`requests_of`.
        kinds: First letters of the references to replace. Default: all of them.
    """
    read = TextReader(record, shared)

    def plain(text: Any) -> Any:
        return text if isinstance(text, str) or text[0][0] not in kinds else read(text)

    messages = [message | {"content": plain(message["content"])} for message in record.messages]
    calls = [
        call | {"asked": call["asked"] | {"prefill": plain(call["asked"]["prefill"])}}
        if "prefill" in call.get("asked", ())
        else call
        for call in record.calls
    ]
    decisions = [_map_texts(decision, plain) for decision in record.decisions]
    return dataclasses.replace(record, messages=messages, calls=calls, decisions=decisions)


class SharedTexts:
    """Texts with which the conversations of a run begin, such as its system prompt: stored once in its manifest.

    Args:
        known: Those that the manifest holds already, by their hash. Default: none.
    """

    def __init__(self, known: Mapping[str, str] | None = None) -> None:
        self.texts = dict(known or {})

    def share(self, record: EpisodeRecord) -> tuple[EpisodeRecord, bool]:
        """Replace system prompts, and what else the first request has before its last message, by references.

        Args:
            record: The record of an episode.

        Returns:
            The record, the same one if it has no such texts, and whether there are new texts, which must be written
            before it.
        """
        opening = set(record.calls[0].get("asked", {}).get("new", [])[:-1]) if record.calls else set()
        shared = [k for k, message in enumerate(record.messages) if k in opening or message["role"] == "system"]
        if not shared:
            return record, False
        messages, is_new = list(record.messages), False
        contents = TextReader(record, self.texts).contents
        for number in shared:
            text = contents[number]
            name = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
            if len(text) < _LEAST_PREFIX or (name not in self.texts and len(self.texts) == _MOST_SHARED):
                continue
            is_new |= name not in self.texts
            self.texts[name] = text
            messages[number] = messages[number] | {"content": [f"#{name}"]}
        return dataclasses.replace(record, messages=messages), is_new
