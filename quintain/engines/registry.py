"""Make an engine from its name, as configuration files and command lines spell it."""

from __future__ import annotations

import importlib
import inspect
from typing import Any, NamedTuple

from quintain.engines.engine import Engine
from quintain.errors import ConfigurationError, UnknownNameError

__all__ = ["engine_names", "make_engine"]


class _Entry(NamedTuple):
    module: str
    class_name: str
    argument: str  # the option that "name:ARGUMENT" sets


_ENGINES = {
    "transformers": _Entry("transformers_engine", "TransformersEngine", "model"),
    "openai": _Entry("openai_engine", "OpenAIEngine", "model"),
    "vllm": _Entry("vllm_engine", "VLLMEngine", "model"),
    "replay": _Entry("replay", "ReplayEngine", "path"),
    "scripted": _Entry("scripted", "ScriptedEngine", "script"),
}


def engine_names() -> list[str]:
    """Return the names that :func:`make_engine` knows."""
    return sorted(_ENGINES)


def make_engine(engine: str | Engine, **options: Any) -> Engine:
    """Return an engine.

    Args:
        engine: An engine, returned as it is; or a name, optionally followed by a colon and the engine's main argument:
            ``"transformers"``, ``"transformers:FOLDER_OR_HUB_ID"``, ``"vllm:FOLDER_OR_HUB_ID"``,
            ``"openai:MODEL@http://host:port/v1"``, ``"replay:runs/first"``, ``"scripted:what to say"``.
        options: Options of the engine's class, such as ``max_batch=16``.

    Raises:
        UnknownNameError: If no engine has that name.
        ConfigurationError: If an option does not exist or is given twice, or options accompany a made engine.
        MissingDependencyError: If the engine's library or weights are not installed.
    """
    if isinstance(engine, Engine):
        if options:
            raise ConfigurationError(f"an engine that is already made takes no options, got {sorted(options)}")
        return engine
    name, _, argument = engine.partition(":")
    if name not in _ENGINES:
        raise UnknownNameError("engine", name, _ENGINES)
    entry = _ENGINES[name]
    if argument:
        given = {entry.argument: argument}
        if name == "openai" and "@" in argument:
            model, _, url = argument.rpartition("@")
            given = {"model": model, "base_url": url}
        twice = sorted(given.keys() & options.keys())
        if twice:
            raise ConfigurationError(f"{engine!r} and the options both give {', '.join(twice)}")
        options = {**given, **options}
    made: type[Engine] = getattr(importlib.import_module(f"quintain.engines.{entry.module}"), entry.class_name)
    known = list(inspect.signature(made).parameters)
    for option in options:
        if option not in known:
            raise UnknownNameError(f"option of engine {name!r}", option, known)
    try:
        inspect.signature(made).bind(**options)
    except TypeError as error:
        value = entry.argument.upper()
        raise ConfigurationError(
            f"engine {name!r}: {error}; name it as in '{name}:{value}' (--model {value})"
        ) from None
    return made(**options)
