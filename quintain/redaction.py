"""Keeps secrets out of everything that is written: one list of known secrets, and the masking of all their encodings.

A secret is known once an engine, the environment's variables or the description of an agent gave it. Whatever a run
records, and whatever an error says, goes through :func:`redact` or :func:`redact_data`.
"""

from __future__ import annotations

import base64
import html
import json
import os
import re
import urllib.parse
from collections.abc import Iterator, Mapping
from typing import Any

__all__ = [
    "MASK",
    "add_secret",
    "add_secrets_of_environment",
    "holds_secret",
    "knows_secrets",
    "redact",
    "redact_data",
    "redact_settings",
]

#: What stands in place of a secret.
MASK = "***"

#: Minimum length of a secret that is masked in any text, in characters. Shorter ones, such as the "EMPTY" and "none"
#: that local servers take for a key, are words: masking them would change what models said.
_MIN_LENGTH = 8

# Names of settings, fields and headers whose values are secrets. "max_tokens", "token_field" and the like are none.
_SECRET_NAME = re.compile(
    r"(^|[_\-.])(api[_\-]?key|access[_\-]?key|subscription[_\-]?key|secret([_\-]?key)?|private[_\-]?key|"
    r"(access|auth|api|hf|bearer|refresh|session|id)[_\-]?token|password|passwd|passphrase|authorization|credentials?|"
    r"cookie|client[_\-]?secret)$",
    re.IGNORECASE,
)
_SECRET_VARIABLE = re.compile(r"(API_?KEY|ACCESS_KEY|SECRET_?KEY|TOKEN|SECRET|PASSWORD|PASSWD)$")
_URL_PASSWORD = re.compile(r"(?<=://)([^/\s@:\"']*):([^/\s\"']+)@(?=[\w.\-\[])")
_URL_FIELD = re.compile(r"([?&](?:api[_\-]?key|key|token|access[_\-]?token|secret|sig|signature)=)([^&#\s\"']+)", re.I)

_forms: set[str] = set()
_pattern: re.Pattern[str] | None = None


def add_secret(text: str) -> None:
    """Mask ``text`` from now on, in every encoding in which it can turn up; ignored if it is shorter than 8 characters.

    Example:
        >>> add_secret("sk-example-of-a-key")
        >>> redact("401: bad key sk-example-of-a-key")
        '401: bad key ***'
    """
    global _pattern
    forms = {form for part in (text, text.strip(), *text.splitlines()) for form in _encodings(part)} - _forms
    if forms:
        _forms.update(forms)
        _pattern = re.compile("|".join(map(re.escape, sorted(_forms, key=len, reverse=True))))


def add_secrets_of_environment() -> None:
    """Mask the values of environment variables whose names end in API_KEY, TOKEN, SECRET, PASSWORD or the like.

    A value without a digit, or with a slash at its start, is a word or a path and stays.
    """
    for name, value in os.environ.items():
        if _SECRET_VARIABLE.search(name.upper()) and not value.startswith("/") and any(map(str.isdigit, value)):
            add_secret(value)


def redact(text: str) -> str:
    """Mask known secrets, passwords in URLs and keys in the query of URLs."""
    if "://" in text:
        text = _URL_PASSWORD.sub(MASK + "@", text)
        text = _URL_FIELD.sub(rf"\g<1>{MASK}", text)
    return _mask(text)


def knows_secrets() -> bool:
    """Return whether any secret is known, without which no text needs a search."""
    return bool(_forms)


def holds_secret(text: str) -> bool:
    """Return whether a text holds a known secret in any of its encodings."""
    return any(form in text for form in _forms)  # many times faster than the pattern, and most texts hold none


def _mask(text: str) -> str:
    return _pattern.sub(MASK, text) if _pattern is not None and holds_secret(text) else text


def redact_data(value: Any) -> Any:
    """Mask known secrets in all texts of JSON-able data, keys of mappings included."""
    if isinstance(value, str):
        return _mask(value)
    if isinstance(value, Mapping):
        return {redact_data(name): redact_data(part) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(map(redact_data, value)) if type(value) in (list, tuple) else value
    return value


def redact_settings(settings: Any) -> Any:
    """Mask the secrets in settings: by the names of fields, in URLs, and those that are known. Learns what it finds.

    Example:
        >>> redact_settings({"api_key": "sk-1", "base_url": "http://bob:pw@host/v1", "max_tokens": 64})
        {'api_key': '***', 'base_url': 'http://***@host/v1', 'max_tokens': 64}
    """
    if isinstance(settings, str):
        for user, password in _URL_PASSWORD.findall(settings):
            add_secret(password)
            add_secret(f"{user}:{password}")
        for _, value in _URL_FIELD.findall(settings):
            add_secret(value)
        return redact(settings)
    if isinstance(settings, Mapping):
        return {name: _redact_field(name, value) for name, value in settings.items()}
    if type(settings) in (list, tuple):
        return type(settings)(map(redact_settings, settings))
    return settings


def _redact_field(name: Any, value: Any) -> Any:
    if isinstance(name, str) and _SECRET_NAME.search(name):
        for text in _texts(value):
            add_secret(text)
        return MASK if value else value
    return redact_settings(value)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for part in value.values():
            yield from _texts(part)
    elif isinstance(value, (list, tuple)):
        for part in value:
            yield from _texts(part)


def _encodings(text: str) -> Iterator[str]:
    """Yield the forms in which a text turns up in errors, JSON, HTML, URLs and headers."""
    if len(text) < _MIN_LENGTH:
        return
    raw = text.encode("utf-8", "surrogatepass")
    yield text
    yield repr(text)[1:-1]
    yield repr(raw)[2:-1]
    yield json.dumps(text)[1:-1]
    yield json.dumps(json.dumps(text)[1:-1])[1:-1]
    yield html.escape(text)
    yield urllib.parse.quote(raw, safe="")
    yield urllib.parse.quote_plus(raw)
    # In Base64 the same bytes have three forms, by their offset; the characters at the edges depend on the neighbours.
    for offset in range(3):
        coded = base64.b64encode(b"\0" * offset + raw).decode().rstrip("=")
        inner = coded[(0, 2, 3)[offset] : -1]
        if len(inner) >= _MIN_LENGTH:
            yield inner
