"""Gymnasium spaces as JSON schemas, and their members as JSON.

A schema describes a space to any reader of JSON Schema; the entry ``"x-gymnasium"`` holds what JSON Schema cannot
express (dtypes, infinite bounds, character sets), so that the space can be rebuilt exactly. JSON knows no NaN and no
infinities: in arrays they are the strings ``"NaN"``, ``"Infinity"`` and ``"-Infinity"``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from gymnasium import spaces

from quintain.errors import ConfigurationError
from quintain.spaces import UnicodeText

__all__ = ["from_json", "json_schema", "plain", "space_of", "to_json"]

_EXACT = "x-gymnasium"
#: Numbers that JSON cannot write; ``float`` reads these names back.
_NAMES = {math.inf: "Infinity", -math.inf: "-Infinity"}


def json_schema(space: spaces.Space[Any]) -> dict[str, Any]:
    """Describe a space as a JSON schema from which :func:`space_of` rebuilds it.

    Args:
        space: A ``Text``, ``Discrete``, ``MultiDiscrete``, ``MultiBinary`` or ``Box``, or a ``Dict`` or ``Tuple`` of
            such spaces.

    Raises:
        ConfigurationError: If a part of the space is of another kind.

    Example:
        >>> json_schema(spaces.Discrete(3))
        {'type': 'integer', 'minimum': 0, 'maximum': 2, 'x-gymnasium': {'space': 'Discrete', 'dtype': 'int64'}}
    """
    match space:
        case spaces.Text():
            charset = None if isinstance(space, UnicodeText) else "".join(sorted(space.character_set))
            text = {"type": "string", "minLength": space.min_length, "maxLength": space.max_length}
            return text | {_EXACT: {"space": "Text", "charset": charset}}
        case spaces.Discrete():
            bounds = {"minimum": int(space.start), "maximum": int(space.start + space.n - 1)}
            return {"type": "integer", **bounds, _EXACT: {"space": "Discrete", "dtype": space.dtype.name}}
        case spaces.Dict():
            parts = {name: json_schema(part) for name, part in space.items()}
            return {"type": "object", "properties": parts, "required": list(parts), _EXACT: {"space": "Dict"}}
        case spaces.Tuple():
            items = [json_schema(part) for part in space]
            size = {"minItems": len(items), "maxItems": len(items)}
            return {"type": "array", "prefixItems": items, **size, _EXACT: {"space": "Tuple"}}
        case spaces.MultiDiscrete():
            exact = {"nvec": space.nvec.tolist(), "start": space.start.tolist()}
        case spaces.MultiBinary():
            exact = {"n": np.array(space.n).tolist()}
        case spaces.Box():
            exact = {"shape": list(space.shape), "low": _bound(space.low), "high": _bound(space.high)}
        case _:
            raise ConfigurationError(
                f"{type(space).__name__} spaces cannot be written as JSON; wrap the environment so that it has Text, "
                "Discrete, MultiDiscrete, MultiBinary or Box spaces, or a Dict or Tuple of them"
            )
    kind = "integer" if np.issubdtype(space.dtype, np.integer) else "number"
    exact = {"space": type(space).__name__, "dtype": np.dtype(space.dtype).name, **exact}
    return _array_schema(space.shape, kind) | {_EXACT: exact}


def _array_schema(shape: tuple[int, ...], kind: str) -> dict[str, Any]:
    if not shape:
        return {"type": kind}
    size = {"minItems": shape[0], "maxItems": shape[0]}
    return {"type": "array", "items": _array_schema(shape[1:], kind), **size}


def _bound(array: Any) -> Any:
    """Return bounds as one number where all are equal, else as nested lists."""
    first = array.flat[0] if array.size else 0
    return _finite(first.item() if hasattr(first, "item") else first) if (array == first).all() else _listed(array)


def space_of(schema: Mapping[str, Any]) -> spaces.Space[Any]:
    """Rebuild the space that :func:`json_schema` described.

    Raises:
        ValueError: If the schema is none of :func:`json_schema`, or contradicts itself.
    """
    try:
        exact = schema[_EXACT]
        match exact["space"]:
            case "Text":
                bounds = {"max_length": schema["maxLength"], "min_length": schema["minLength"]}
                charset = exact["charset"]
                return UnicodeText(**bounds) if charset is None else spaces.Text(**bounds, charset=charset)
            case "Discrete":
                low, high = schema["minimum"], schema["maximum"]
                return spaces.Discrete(high - low + 1, start=low, dtype=np.dtype(exact["dtype"]))
            case "Dict":
                return spaces.Dict({name: space_of(part) for name, part in schema["properties"].items()})
            case "Tuple":
                return spaces.Tuple([space_of(part) for part in schema["prefixItems"]])
            case "MultiDiscrete":
                dtype = np.dtype(exact["dtype"])
                return spaces.MultiDiscrete(np.array(exact["nvec"]), dtype=dtype, start=np.array(exact["start"]))
            case "MultiBinary":
                return spaces.MultiBinary(exact["n"] if isinstance(exact["n"], int) else tuple(exact["n"]))
            case "Box":
                dtype, shape = np.dtype(exact["dtype"]), tuple(exact["shape"])
                low, high = (np.full(shape, np.array(exact[side], dtype=dtype)) for side in ("low", "high"))
                return spaces.Box(low, high, dtype=dtype.type)
    except (LookupError, TypeError, ValueError, AssertionError, AttributeError) as error:
        raise ValueError(f"the schema describes no space: {error!r}") from error
    raise ValueError(f"unknown space {exact['space']!r}")


def to_json(space: spaces.Space[Any], value: Any) -> Any:
    """Return a member of a space as JSON-able data: texts, numbers, lists and dictionaries."""
    if isinstance(space, spaces.Dict):
        return {name: to_json(part, value[name]) for name, part in space.items()}
    if isinstance(space, spaces.Tuple):
        return [to_json(part, one) for part, one in zip(space, value, strict=True)]
    if isinstance(space, spaces.Text):
        return str(value)
    return int(value) if isinstance(space, spaces.Discrete) else _listed(np.asarray(value))


def from_json(space: spaces.Space[Any], data: Any) -> Any:
    """Read a member of a space from JSON.

    Args:
        space: The space; see :func:`json_schema` for its kinds.
        data: What :func:`to_json` returned, after a journey as JSON.

    Returns:
        The value with the space's types and shapes. It may lie outside of the space's bounds.

    Raises:
        ValueError: If ``data`` has other types, another shape, or integers that the space's type cannot hold.
    """
    if isinstance(space, spaces.Dict):
        if not isinstance(data, Mapping) or data.keys() != space.keys():
            raise ValueError(f"expected an object with the keys {sorted(space)}, got {_shown(data)}")
        return {name: from_json(part, data[name]) for name, part in space.items()}
    if isinstance(space, spaces.Tuple):
        if not isinstance(data, Sequence) or isinstance(data, str) or len(data) != len(space):
            raise ValueError(f"expected a list of {len(space)}, got {_shown(data)}")
        return tuple(from_json(part, one) for part, one in zip(space, data, strict=True))
    if isinstance(space, spaces.Text):
        if not isinstance(data, str):
            raise ValueError(f"expected a text, got {_shown(data)}")
        return data
    if isinstance(space, spaces.Discrete):
        if isinstance(data, bool) or not isinstance(data, int):
            raise ValueError(f"expected an integer, got {_shown(data)}")
        try:
            return space.dtype.type(data)
        except OverflowError:
            raise ValueError(f"expected an integer of type {space.dtype.name}, got {_shown(data)}") from None
    return _array(space, data)


def _array(space: spaces.Space[Any], data: Any) -> Any:
    dtype = np.dtype(space.dtype)
    try:
        array = np.array(data, dtype=np.float64 if dtype.kind == "f" else None)
        if dtype.kind in "iu" and array.dtype.kind not in "iu":
            raise ValueError("integers are expected")
        given, array = array, array.astype(dtype, casting="same_kind" if dtype.kind == "f" else "unsafe")
        if dtype.kind != "f" and not np.array_equal(array, given):  # 300 as uint8 is 44
            raise ValueError(f"a number is outside of {dtype.name}")
    except (ValueError, TypeError, OverflowError) as error:
        raise ValueError(f"expected numbers of shape {space.shape}, got {_shown(data)}: {error}") from None
    if array.shape != space.shape:
        raise ValueError(f"expected shape {space.shape}, got {array.shape}")
    return array


def plain(value: Any, depth: int = 8) -> Any:
    """Return data as JSON can hold it: NumPy's numbers and arrays become Python's, and what is no data its type's name.

    Args:
        value: Any object.
        depth: Maximum nesting of containers, >= 0; deeper ones become the names of their types.
    """
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, float):
        return _finite(value)
    if isinstance(value, (np.ndarray, np.generic)) and value.dtype.kind in "biuf":
        return _listed(np.asarray(value))
    if depth > 0 and isinstance(value, Mapping):
        return {str(name): plain(part, depth - 1) for name, part in value.items()}
    if depth > 0 and isinstance(value, (list, tuple)):
        return [plain(part, depth - 1) for part in value]
    return f"<{type(value).__name__}>"


def _listed(array: Any) -> Any:
    listed = array.tolist()
    return listed if array.dtype.kind != "f" or np.isfinite(array).all() else _all_finite(listed)


def _all_finite(data: Any) -> Any:
    return [_all_finite(part) for part in data] if isinstance(data, list) else _finite(data)


def _finite(number: Any) -> Any:
    return number if not isinstance(number, float) or math.isfinite(number) else _NAMES.get(number, "NaN")


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
