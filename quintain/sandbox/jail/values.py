"""Turn Python values into JSON and back without losing their types, and without pickle.

``None``, ``bool``, ``int``, finite ``float``, ``str`` and lists of them are themselves; every other type is an object
with one key that names it. The decoder accepts only what the encoder makes, so text from a hostile child becomes plain
data or an error, never an object with behaviour.
"""

from __future__ import annotations

import base64
import math
from typing import Any

__all__ = ["UnsupportedValueError", "decode_value", "encode_value"]

MAX_DEPTH = 100


class UnsupportedValueError(ValueError):
    """A value is not plain data."""


def encode_value(value: Any, depth: int = 0) -> Any:  # Any: any Python value in, JSON out
    """Return the JSON form of plain data (numbers, text, bytes, lists, tuples, sets, dictionaries).

    NumPy scalars and arrays become the numbers and lists they hold. Subclasses are refused: their behaviour
    (``__eq__``, ``__float__``) cannot be sent.

    Raises:
        UnsupportedValueError: If the value, or a part of it, is not plain data or is nested too deeply.
    """
    kind = type(value)
    if value is None or kind is bool or kind is str:
        return value
    if kind is int:
        return value if -(2**53) <= value <= 2**53 else {"int": hex(value)}
    if kind is float:
        return value if math.isfinite(value) else {"float": repr(value)}
    if depth > MAX_DEPTH:
        raise UnsupportedValueError(f"nested more than {MAX_DEPTH} deep")
    deeper = depth + 1
    if kind is list:
        return [encode_value(item, deeper) for item in value]
    if kind is tuple:
        return {"tuple": [encode_value(item, deeper) for item in value]}
    if kind is dict:
        return {"dict": [[encode_value(key, deeper), encode_value(item, deeper)] for key, item in value.items()]}
    if kind is set or kind is frozenset:
        return {kind.__name__: [encode_value(item, deeper) for item in value]}
    if kind is bytes or kind is bytearray:
        return {kind.__name__: base64.b64encode(value).decode("ascii")}
    if kind is complex:
        return {"complex": [encode_value(value.real), encode_value(value.imag)]}
    if kind.__module__ == "numpy" and hasattr(value, "tolist"):
        return encode_value(value.tolist(), deeper)
    raise UnsupportedValueError(f"{kind.__name__} is not plain data")


def _decode_tagged(tag: str, body: Any, depth: int) -> Any:
    if tag == "float" and body in ("nan", "inf", "-inf"):
        return float(body)
    if tag == "int" and isinstance(body, str):
        return int(body, 16)
    if tag in ("bytes", "bytearray") and isinstance(body, str):
        data = base64.b64decode(body, validate=True)
        return data if tag == "bytes" else bytearray(data)
    if not isinstance(body, list):
        raise UnsupportedValueError(f"malformed {tag[:20]!r}")
    if tag == "dict":
        if not all(isinstance(pair, list) and len(pair) == 2 for pair in body):
            raise UnsupportedValueError("malformed 'dict'")
        return {decode_value(key, depth): decode_value(item, depth) for key, item in body}
    items = [decode_value(item, depth) for item in body]
    if tag == "tuple":
        return tuple(items)
    if tag == "set":
        return set(items)
    if tag == "frozenset":
        return frozenset(items)
    if tag == "complex" and len(items) == 2 and all(type(item) in (int, float) for item in items):
        return complex(*items)
    raise UnsupportedValueError(f"unknown tag {tag[:20]!r}")


def decode_value(data: Any, depth: int = 0) -> Any:  # Any: JSON in, plain Python data out
    """Return the value that ``encode_value`` encoded.

    Raises:
        UnsupportedValueError: If ``data`` is not what ``encode_value`` makes.
    """
    if data is None or isinstance(data, bool | int | float | str):
        return data
    if depth > MAX_DEPTH + 1:
        raise UnsupportedValueError(f"nested more than {MAX_DEPTH} deep")
    if isinstance(data, list):
        return [decode_value(item, depth + 1) for item in data]
    if isinstance(data, dict) and len(data) == 1:
        ((tag, body),) = data.items()
        try:
            return _decode_tagged(tag, body, depth + 1)
        except (TypeError, ValueError) as error:
            raise UnsupportedValueError(f"malformed {str(tag)[:20]!r}: {type(error).__name__}") from None
    raise UnsupportedValueError("not an encoded value")
