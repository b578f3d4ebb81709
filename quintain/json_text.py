"""Strict JSON of any data: for reading by others, and exact, for reading back.

JSON knows no infinities and no NaN, and readers limit the digits of an integer. In exact JSON such a number is ``null``
in its place, and the entry ``"non_json"`` of the outermost object lists it: a pair of its place, as a JSON Pointer
(RFC 6901), and its value, ``"Infinity"``, ``"-Infinity"``, ``"NaN"`` or an integer in hexadecimal.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["from_exact_json", "to_exact_json", "to_json"]

#: Nesting beyond which the ``repr`` of a value is written.
_MAX_DEPTH = 100

#: Bits of the largest integer that is written in decimal where the fast encoder fails. Python's own limit on digits,
#: which can be set, is never below 640, about 2126 bits.
_MAX_BITS = 2000

_NON_JSON = "non_json"


def to_json(data: Any) -> str:
    """Dump any object as one line of ASCII JSON.

    NumPy scalars and arrays become numbers and lists, NaN and infinities become ``null``, keys become strings, dates
    become their ISO text, and an object that JSON cannot express, or that is nested deeper than 100 levels, becomes its
    ``repr``.
    """
    try:
        return _ENCODER.encode(data)
    except (ValueError, TypeError, RecursionError):
        return _ENCODER.encode(_forced(data, "", []))


def to_exact_json(data: Mapping[str, Any]) -> str:
    """Dump a mapping as :func:`to_json` does, with all its numbers: :func:`from_exact_json` restores them.

    Example:
        >>> to_exact_json({"x": [1.5, float("inf"), None]})
        '{"x":[1.5,null,null],"non_json":[["/x/1","Infinity"]]}'
    """
    try:
        return _ENCODER.encode(data)
    except (ValueError, TypeError, RecursionError):
        listed: list[tuple[str, str]] = []
        plain = _forced(data, "", listed)
        return _ENCODER.encode(plain | {_NON_JSON: listed} if listed else plain)


def from_exact_json(text: str | bytes) -> Any:
    """Read what :func:`to_exact_json` or :func:`to_json` wrote.

    Raises:
        ValueError: If it is not JSON, or lists a number at a place that there is not.

    Example:
        >>> from_exact_json('{"x":[1.5,null,null],"non_json":[["/x/1","Infinity"]]}')
        {'x': [1.5, inf, None]}
    """
    # Of bytes, the parser would first guess the encoding.
    data = json.loads(text.decode("ascii") if isinstance(text, bytes) and text.isascii() else text)
    if isinstance(data, dict) and _NON_JSON in data:
        try:
            for pointer, value in data.pop(_NON_JSON):
                _put(data, pointer, value)
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            raise ValueError(f"{_NON_JSON!r} does not fit the data: {error!r}") from error
    return data


def _put(data: Any, pointer: str, value: str) -> None:
    *parents, last = [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]
    for part in parents:
        data = data[int(part)] if isinstance(data, list) else data[part]
    data[int(last) if isinstance(data, list) else last] = int(value, 16) if "x" in value else float(value)


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.astype(str).tolist() if value.dtype.kind in "mM" else value.tolist()
    if isinstance(value, (np.datetime64, np.timedelta64)):
        return str(value)
    if isinstance(value, np.longdouble):  # it has no Python equivalent
        return repr(value) if np.isfinite(value) and float(value) != value else float(value)
    if isinstance(value, np.generic):
        item = value.item()
        return repr(value) if isinstance(item, np.generic) else item
    if isinstance(value, (set, frozenset)):
        return sorted(value, key=repr)
    if isinstance(value, Path):
        return str(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    if isinstance(value, Mapping):
        return dict(value)
    return repr(value)


_ENCODER = json.JSONEncoder(default=_plain, separators=(",", ":"), allow_nan=False, check_circular=False)


def _forced(value: Any, pointer: str, listed: list[tuple[str, str]], depth: int = 0) -> Any:
    """Convert to what the encoder takes, and list the numbers that it does not take."""
    if depth > _MAX_DEPTH:
        return repr(value)[:1000]
    if isinstance(value, float):
        if math.isfinite(value):
            return value
        listed.append((pointer, "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"))
        return None
    if isinstance(value, Mapping):
        return {str(k): _forced(v, f"{pointer}/{_escaped(str(k))}", listed, depth + 1) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_forced(v, f"{pointer}/{k}", listed, depth + 1) for k, v in enumerate(value)]
    if isinstance(value, int) and value.bit_length() > _MAX_BITS:
        listed.append((pointer, hex(value)))
        return None
    return (
        value if value is None or isinstance(value, (str, int)) else _forced(_plain(value), pointer, listed, depth + 1)
    )


def _escaped(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")
