"""Values as Python expressions, for the programs that show faults."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

__all__ = ["expression"]

#: Length of a text from which its repetition is looked for, in characters.
_LONG = 60


def expression(value: Any) -> str:
    """Return Python code, valid where NumPy is imported as ``np``, whose value is this one.

    Args:
        value: A text, a number, an array, or containers of such values. Of other objects it is a new one of the type,
            made without arguments.

    Example:
        >>> expression("A" * 100_000), expression([1, float("nan")])
        ("'A' * 100000", "[1, float('nan')]")
    """
    match value:
        case np.ndarray():
            return f"np.array({expression(value.tolist())}, np.{value.dtype.type.__name__})"
        case np.generic():
            return f"np.{type(value).__name__}({expression(value.item())})"
        case str() | bytes():
            return _repeated(value)
        case float() if not math.isfinite(value):
            return f"float({str(value)!r})"
        case list():
            return f"[{', '.join(map(expression, value))}]"
        case tuple():
            return f"({''.join(f'{expression(part)}, ' for part in value).rstrip()})"
        case dict():
            return "{" + ", ".join(f"{expression(key)}: {expression(part)}" for key, part in value.items()) + "}"
        case None | bool() | int() | float():
            return repr(value)
    return f"{type(value).__name__}()"


def _repeated(text: str | bytes) -> str:
    doubled: Any = text + text  # type: ignore[operator]  # both are of one type
    period = doubled.find(text, 1)
    if len(text) <= _LONG or period >= len(text):
        return repr(text)
    return f"{text[:period]!r} * {len(text) // period}"
