"""Settings of trainers from names and values, as a command line gives them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, TypeVar, get_args, get_type_hints

from quintain.errors import ConfigurationError, UnknownNameError

__all__ = ["names_of", "settings_from"]

Settings = TypeVar("Settings")


def names_of(settings: type) -> dict[str, tuple[str, ...]]:
    """Return the fields of a dataclass of settings by name, each with its path; those of contained settings by theirs.

    A field of contained settings is known by its own name, as in ``learning_rate`` for ``optimizer.learning_rate``.
    """
    found: dict[str, tuple[str, ...]] = {}
    for field in dataclasses.fields(settings):
        default = _default(field)
        if dataclasses.is_dataclass(default):
            found |= {name: (field.name, *path) for name, path in names_of(type(default)).items()}
        else:
            found[field.name] = (field.name,)
    return found


def settings_from(settings: type[Settings], values: Mapping[str, Any]) -> Settings:
    """Make settings from values by name; see :func:`names_of`. A mapping describes optional settings, such as ``lora``.

    Raises:
        UnknownNameError: If there is no such setting.
        ConfigurationError: If a value cannot work.

    Example:
        >>> from quintain.training.language.grpo_settings import GRPOSettings
        >>> settings_from(GRPOSettings, {"learning_rate": 3e-4, "num_prompts": 16}).optimizer.learning_rate
        0.0003
        >>> settings_from(GRPOSettings, {"lora": {"r": 8}}).lora.r
        8
        >>> settings_from(GRPOSettings, {"report_to": "tensorboard"}).report_to
        ('tensorboard',)
    """
    known = names_of(settings)
    inner: dict[str, dict[str, Any]] = {}
    outer: dict[str, Any] = {}
    for name, value in values.items():
        if name not in known:
            raise UnknownNameError("setting", name, known)
        path = known[name]
        value = _contained(settings, path, value)
        if len(path) == 1:
            outer[name] = value
        else:
            inner.setdefault(path[0], {})[path[-1]] = value
    for field in dataclasses.fields(settings):  # type: ignore[arg-type]  # any dataclass
        if field.name in inner:
            outer[field.name] = dataclasses.replace(_default(field), **inner[field.name])
    try:
        return settings(**outer)
    except TypeError as error:
        raise ConfigurationError(f"these settings cannot work: {error}") from error


def _contained(settings: type, path: tuple[str, ...], value: Any) -> Any:
    """Return a value as its field takes it: a list as a tuple, and a mapping as the settings that it describes."""
    if isinstance(value, list):
        return tuple(value)
    if isinstance(value, str) and len(path) == 1 and isinstance(getattr(settings(), path[0]), tuple):
        return (value,)
    if isinstance(value, Mapping) and len(path) == 1:
        kinds = get_args(get_type_hints(settings)[path[0]])
        found = next((kind for kind in kinds if dataclasses.is_dataclass(kind)), None)
        if isinstance(found, type):
            return settings_from(found, value)
    return value


def _default(field: dataclasses.Field[Any]) -> Any:
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    return field.default
