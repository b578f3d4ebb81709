"""What language models were asked in an episode: packed into its record with every text once, and unpacked.

Each call of a record holds its request under ``"asked"``: which messages it sent, as indices of the record's
``messages``, and its other fields. It names an earlier call (``after``), the number of leading messages that both share
(``same``), and the others (``new``); its other fields are those of that call unless given. The first call has no
earlier one, and the fields that it leaves out have the defaults of :class:`~quintain.engines.engine.Request`.

A text is a string, or a reference to text that the record holds already: ``["o3"]`` is the observation of step 3,
``["a3"]`` its action, ``["r2.0"]`` the first reply of call 2, ``["m5"]`` message 5, and ``["#..."]`` a text of the run,
which its manifest holds. ``["m5", 120, "rest"]`` begins with the first 120 characters of message 5.
"""

from __future__ import annotations

import dataclasses
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from quintain.engines.engine import Exchange, Request
from quintain.records import EpisodeRecord

__all__ = ["Packed", "expand", "pack", "requests_of", "resolve"]

#: Fields of a request besides its messages, and their defaults.
_DEFAULTS: dict[str, Any] = {
    f.name: f.default for f in dataclasses.fields(Request) if f.name not in ("messages", "prompt")
}
#: Length from which a text is replaced by a reference, and from which a common beginning is, in characters.
_LEAST, _LEAST_PREFIX = 12, 48
#: Number of earlier texts and calls that are searched for a common beginning.
_NEAR = 8
#: Role under which the text of a request without messages is kept.
PROMPT = "prompt"


@dataclasses.dataclass(slots=True)
class Packed:
    """The parts of a record that :func:`pack` makes.

    Attributes:
        messages: The messages of all calls, each once.
        calls: One entry per call: ``key``, ``replies`` and ``asked``.
    """

    messages: list[dict[str, Any]]
    calls: list[dict[str, Any]]


def pack(exchanges: Sequence[Exchange], steps: Sequence[Mapping[str, Any]]) -> Packed:
    """Pack the requests and replies of an episode.

    Args:
        exchanges: The exchanges with language models, in order of completion.
        steps: The episode's steps, whose observations and actions are not stored again.
    """
    packer = _Packer(steps)
    for exchange in exchanges:
        packer.add(exchange)
    return packer.packed


class _Packer:
    def __init__(self, steps: Sequence[Mapping[str, Any]]) -> None:
        self.packed = Packed([], [])
        self._index: dict[tuple[str, str, str], int] = {}
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
        self.packed.calls.append({"key": request.key, "replies": replies, "asked": asked | changed})
        self._sent.append(sent)
        self._requests.append(fields)
        for k, reply in enumerate(exchange.replies):
            self._known.setdefault(reply.text, f"r{number}.{k}")
            self._replies.append((f"r{number}.{k}", reply.text))

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
        key = message["role"], message["content"], message.get("reasoning", "")
        if key in self._index:
            return self._index[key]
        role, content, reasoning = key
        number = self._index[key] = len(self.packed.messages)
        near = self._texts.setdefault(role, [])
        entry = {"role": role, "content": self._text(content, near)}
        self.packed.messages.append(entry | ({"reasoning": reasoning} if reasoning else {}))
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
        record: The episode's record.
        shared: Texts of the run: the entry ``"texts"`` of its manifest. Default: none.

    Returns:
        One request per call; ``None`` for a call of a version that did not record what was asked.
    """
    requests: list[Request | None] = []
    sent: list[list[int]] = []
    for call in record.calls:
        asked = dict(call.get("asked") or {})
        after, same, new = asked.pop("after", -1), asked.pop("same", 0), asked.pop("new", [])
        base = requests[after] if after >= 0 else None
        sent.append([*(sent[after][:same] if after >= 0 else []), *new])
        if "asked" not in call:
            requests.append(None)
            continue
        fields = {name: getattr(base, name) if base is not None else default for name, default in _DEFAULTS.items()}
        fields |= {
            name: tuple(value) if name in ("stop", "choices") and value else value for name, value in asked.items()
        }
        fields |= {"stop": tuple(fields["stop"]), "prefill": resolve(fields["prefill"], record, shared)}
        messages: Any = [
            record.messages[k] | {"content": resolve(record.messages[k]["content"], record, shared)} for k in sent[-1]
        ]
        if len(messages) == 1 and messages[0]["role"] == PROMPT:
            requests.append(Request(prompt=messages[0]["content"], **fields))
        else:
            requests.append(Request(messages=tuple(messages), **fields))
    return requests


def resolve(text: Any, record: EpisodeRecord, shared: Mapping[str, str] | None = None) -> str:
    """Return a text that a record holds as a string or a reference.

    Args:
        text: The string or reference.
        record: The record.
        shared: Texts of the run, as in :func:`requests_of`.

    Raises:
        KeyError: If the run's manifest does not hold the text.
    """
    if isinstance(text, str):
        return text
    reference, *rest = text
    kind, place = reference[:1], reference[1:]
    if kind == "#":
        whole = (shared or {})[place]
    elif kind == "m":
        whole = resolve(record.messages[int(place)]["content"], record, shared)
    elif kind == "r":
        call, reply = map(int, place.split("."))
        whole = str(record.calls[call]["replies"][reply]["text"])
    else:
        whole = str(record.steps[int(place)]["observation" if kind == "o" else "action"])
    return whole if not rest else whole[: rest[0]] + rest[1]


def expand(record: EpisodeRecord, shared: Mapping[str, str] | None = None) -> EpisodeRecord:
    """Return the record with strings in place of references, so that its texts can be changed one by one."""
    messages = [m | {"content": resolve(m["content"], record, shared)} for m in record.messages]
    calls = [
        call | {"asked": call["asked"] | {"prefill": resolve(call["asked"]["prefill"], record, shared)}}
        if "prefill" in call.get("asked", ())
        else call
        for call in record.calls
    ]
    return dataclasses.replace(record, messages=messages, calls=calls)
