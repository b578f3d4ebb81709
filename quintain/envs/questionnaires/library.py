"""The instruments that come with the package, and those in files of your own."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from quintain.envs.questionnaires.instrument import Instrument, build_instrument
from quintain.envs.questionnaires.original import is_original, load_original
from quintain.errors import ConfigurationError, UnknownNameError

__all__ = ["instrument_names", "load_instrument"]

#: Instruments of the package, each a JSON file in ``data``.
_NAMES = ("ipip-100", "scenarios-160", "content-free")


def instrument_names() -> tuple[str, ...]:
    """Return the names of the instruments that come with the package."""
    return _NAMES


@cache
def _bundled(name: str) -> Instrument:
    folder = resources.files("quintain.envs.questionnaires") / "data"
    return _read((folder / f"{name}.json").read_bytes(), name)


def load_instrument(source: str | Path | Mapping[str, Any]) -> Instrument:
    """Return an instrument by name, from a JSON file, or from data.

    Args:
        source: One of :func:`instrument_names`; the path of a ``.json`` file with the fields that
            :func:`~quintain.envs.questionnaires.instrument.build_instrument` takes, or these fields; or published files
            as ``"trait:PATH"``, ``"trait:hub:NAME"`` or ``"table:PATH.csv"``; see
            :func:`~quintain.envs.questionnaires.original.load_original`.

    Raises:
        ConfigurationError: If the file cannot be read, or the items are at fault.
        UnknownNameError: If there is no such instrument.
    """
    if isinstance(source, Mapping):
        return build_instrument(source)
    if isinstance(source, str) and is_original(source):
        return load_original(source)
    if str(source) in _NAMES:
        return _bundled(str(source))
    path = Path(source)
    if path.suffix != ".json":
        raise UnknownNameError(
            "instrument", str(source), _NAMES, f"; known: {', '.join(_NAMES)}, or the path of a .json file"
        )
    try:
        return _read(path.read_bytes(), path.stem)
    except OSError as error:
        raise ConfigurationError(f"the instrument {str(path)!r} cannot be read: {error}") from error


def _read(content: bytes, name: str) -> Instrument:
    try:
        data = json.loads(content)
    except ValueError as error:
        raise ConfigurationError(f"the instrument {name!r} is no JSON: {error}") from error
    if not isinstance(data, dict):
        raise ConfigurationError(f"the instrument {name!r} must be a JSON object with kind and items")
    return build_instrument({"name": name, **data}, hashlib.sha256(content).hexdigest())
