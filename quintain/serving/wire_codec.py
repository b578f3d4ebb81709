"""The spaces of a server's environment, from the schemas that it publishes.

Quintain's servers describe spaces exactly. Of other servers an observation is a text: the only text field if there is
one, else the JSON of the whole observation. Actions are a text, an index or a truth value where they have a single
field of such a kind, else the JSON of the whole action.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from gymnasium import spaces

from quintain.serving.json_spaces import from_json, space_of, to_json
from quintain.spaces import UnicodeText

__all__ = ["Codec", "codec_of"]

_EXACT = "x-gymnasium"
#: Maximum length of the texts of servers that state none, in characters.
_MAX_ACTION_CHARS, _MAX_OBSERVATION_CHARS = 100_000, 1_000_000
#: Fields of every action and observation of OpenEnv, which are no part of what is seen and done.
_COMMON = {"metadata", "done", "reward", "truncated"}


@dataclass(frozen=True)
class Codec:
    """Translates between messages and members of spaces.

    Attributes:
        observation_space: Space of the observations.
        action_space: Space of the actions.
        is_exact: Whether the server described its spaces exactly, as Quintain's do.
        read: Returns the observation that a message holds; ``ValueError`` if there is none in it.
        write: Returns the data of a step; ``ValueError`` if the action cannot be sent.
    """

    observation_space: spaces.Space[Any]
    action_space: spaces.Space[Any]
    is_exact: bool
    read: Callable[[Mapping[str, Any]], Any]
    write: Callable[[Any], dict[str, Any]]


def codec_of(schema: Any) -> Codec:
    """Return the codec of a server.

    Args:
        schema: The answer at ``/schema``: schemas of ``action`` and ``observation``.

    Raises:
        ValueError: If there are no such schemas, or they contradict themselves.
    """
    try:
        acts, sees = schema["action"], schema["observation"]
        act_fields, see_fields = _fields(acts), _fields(sees)
    except (LookupError, TypeError, AttributeError) as error:
        raise ValueError(f"the schemas of action and observation are missing: {error!r}") from None
    field, part = next(iter(act_fields.items()), ("", {}))
    seen, seen_part = next(iter(see_fields.items()), ("", {}))
    if _EXACT in part and _EXACT in seen_part:
        action_space, observation_space = space_of(part), space_of(seen_part)
        return Codec(observation_space, action_space, True, _Read(observation_space, seen), _Write(action_space, field))
    texts = [name for name, part in see_fields.items() if part.get("type") == "string"]
    reads = _text_field(texts[0]) if len(texts) == len(see_fields) == 1 else _whole
    action_space, write = _foreign_action(act_fields)
    return Codec(UnicodeText(_MAX_OBSERVATION_CHARS), action_space, False, reads, write)


def _fields(schema: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    found = {name: part for name, part in schema["properties"].items() if name not in _COMMON}
    return {name: part if isinstance(part, Mapping) else {} for name, part in found.items()}


@dataclass(frozen=True)
class _Read:
    space: spaces.Space[Any]
    field: str

    def __call__(self, observation: Mapping[str, Any]) -> Any:
        if self.field not in observation:
            raise ValueError(f"the observation has no field {self.field!r}")
        value = from_json(self.space, observation[self.field])
        if not self.space.contains(value):
            raise ValueError(f"the observation is outside of the space that the server declares: {_shown(value)}")
        return value


@dataclass(frozen=True)
class _Write:
    space: spaces.Space[Any]
    field: str

    def __call__(self, action: Any) -> dict[str, Any]:
        if isinstance(self.space, spaces.Text):
            if not isinstance(action, str):
                raise ValueError(f"expected a text, got {_shown(action)}")
            return {self.field: action}
        try:
            value = to_json(self.space, action) if self.space.contains(action) else action
            json.dumps(value, allow_nan=False)
        except (TypeError, ValueError, RecursionError, LookupError, AttributeError):
            raise ValueError(f"{_shown(action)} cannot be sent as JSON") from None
        return {self.field: value}


def _whole(observation: Mapping[str, Any]) -> str:
    shown = {name: value for name, value in observation.items() if name not in _COMMON}
    return _fitting(json.dumps(shown, ensure_ascii=False))


def _text_field(name: str) -> Callable[[Mapping[str, Any]], str]:
    def read(observation: Mapping[str, Any]) -> str:
        value = observation.get(name)
        if not isinstance(value, str):
            raise ValueError(f"the schema declares the text {name!r}, the observation has {_shown(value)}")
        return _fitting(value)

    return read


def _fitting(text: str) -> str:
    if len(text) > _MAX_OBSERVATION_CHARS:
        raise ValueError(f"the observation has {len(text):,} characters; the maximum is {_MAX_OBSERVATION_CHARS:,}")
    return text


def _foreign_action(
    fields: Mapping[str, Mapping[str, Any]],
) -> tuple[spaces.Space[Any], Callable[[Any], dict[str, Any]]]:
    if len(fields) == 1:
        ((name, part),) = fields.items()
        low, high, kind = part.get("minimum"), part.get("maximum"), part.get("type")
        if kind == "string":
            longest = part.get("maxLength")
            space = UnicodeText(longest if isinstance(longest, int) and longest > 0 else _MAX_ACTION_CHARS)
            return space, _Write(space, name)
        if kind == "integer" and isinstance(low, int) and isinstance(high, int) and low <= high:
            return _indexed(name, spaces.Discrete(high - low + 1, start=low), int)
        if kind == "boolean":
            return _indexed(name, spaces.Discrete(2), bool)
    return UnicodeText(_MAX_ACTION_CHARS), _parsed


def _indexed(
    name: str, space: spaces.Discrete, kind: type
) -> tuple[spaces.Space[Any], Callable[[Any], dict[str, Any]]]:
    def write(action: Any) -> dict[str, Any]:
        if not space.contains(action):
            raise ValueError(f"{_shown(action)} is not in {space}")
        return {name: kind(action)}

    return space, write


def _parsed(action: Any) -> dict[str, Any]:
    """Read the JSON of a whole action."""
    try:
        found = json.loads(action)
    except (TypeError, ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise ValueError(f"expected the JSON of an action, an object, got {_shown(action)}")
    return found


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
