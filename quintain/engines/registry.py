"""Engines by name, as configuration files and command lines spell them: ``"transformers:FOLDER"``."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from quintain.engines.address import split_address
from quintain.engines.engine import Engine
from quintain.errors import ConfigurationError, UnknownNameError
from quintain.registry import Registry

__all__ = ["ENGINES", "EngineFacts", "engine_names", "make_engine", "without_transport"]


@dataclass(frozen=True, slots=True)
class EngineFacts:
    """What is known of an engine before it is imported.

    An engine class of another package may have class attributes of these names.

    Attributes:
        argument: Name of the option that ``"name:ARGUMENT"`` sets; empty for an engine without such an argument.
        address: Name of the option that ``"name:ARGUMENT@ADDRESS"`` sets, where ADDRESS starts with ``http://`` or
            ``https://``; empty where an ``@`` has no meaning.
        summary: One line for listings.
        transport: Names of the options that affect only the connection (address, key, timeouts), not the replies. A run
            can be resumed with other values.
    """

    argument: str = ""
    address: str = ""
    summary: str = ""
    transport: tuple[str, ...] = ()


#: Every engine; other packages add theirs through the entry-point group ``quintain.engines``.
ENGINES: Registry[Engine, EngineFacts] = Registry("engine", EngineFacts, "quintain.engines")
ENGINES.add(
    "transformers",
    "quintain.engines.transformers_engine:TransformersEngine",
    argument="model",
    summary="a transformers model in this process, with continuous batching",
)
ENGINES.add(
    "openai",
    "quintain.engines.openai_engine:OpenAIEngine",
    argument="model",
    address="base_url",
    transport=(
        "base_url",
        "api_key",
        "attempts",
        "timeout_s",
        "deadline_s",
        "backoff_s",
        "backoff_max_s",
        "max_connections",
    ),
    summary="any OpenAI-compatible server: --engine openai --model NAME@http://host:port/v1",
)
ENGINES.add(
    "vllm",
    "quintain.engines.vllm_engine:VLLMEngine",
    argument="model",
    summary="vLLM in this process",
)
ENGINES.add(
    "replay",
    "quintain.engines.replay:ReplayEngine",
    argument="path",
    summary="a run's recorded replies: --engine replay --model RUN",
)
ENGINES.add(
    "scripted",
    "quintain.engines.scripted:ScriptedEngine",
    argument="script",
    summary="fixed replies",
)


def engine_names() -> list[str]:
    """Return the names that :func:`make_engine` knows, in alphabetical order."""
    return sorted(ENGINES)


def make_engine(engine: str | Engine, **options: Any) -> Engine:
    """Return an engine.

    Args:
        engine: An engine, returned as it is; or a registered name, optionally followed by a colon and the engine's main
            argument: ``"transformers"``, ``"transformers:FOLDER_OR_HUB_ID"``, ``"vllm:FOLDER_OR_HUB_ID"``,
            ``"openai:MODEL@http://host:port/v1"``, ``"replay:runs/first"``, ``"scripted:the reply"``; or
            ``"module:attribute"`` of an engine class that is not registered.
        options: Options of the engine's class, such as ``max_batch=16``. The main argument may be given here too, in
            the same form: ``make_engine("openai", model="MODEL@http://host:port/v1")``.

    Raises:
        UnknownNameError: If no engine has that name, or the engine has no such option.
        ConfigurationError: If an option is missing or given twice, or options accompany a made engine.
        MissingDependencyError: If the engine's library or weights are not installed.
    """
    if isinstance(engine, Engine):
        if options:
            raise ConfigurationError(f"an engine that is already made takes no options, got {sorted(options)}")
        return engine
    name, _, argument = engine.partition(":")
    if name not in ENGINES:
        name, argument = engine, ""
    facts = ENGINES.facts(name)
    if argument:
        if not facts.argument:
            raise ConfigurationError(f"engine {name!r} takes no argument after a colon, got {argument!r}")
        if facts.argument in options:
            raise ConfigurationError(f"{engine!r} and the options both give {facts.argument}")
        options = {facts.argument: argument, **options}
    options = _with_address(facts, options)
    factory: Callable[..., Engine] = ENGINES.load(name)
    _check_options(name, facts, factory, options)
    return factory(**options)


def without_transport(config: Any) -> Any:
    """Return a run's configuration without its engines' transport options, so that two can be compared.

    Args:
        config: JSON-able data; engines in it are given by name, as options with a ``"name"``, or by what their method
            ``describe`` returns.
    """
    if isinstance(config, str):
        name, _, argument = config.partition(":")
        if not argument or name not in ENGINES or not (facts := ENGINES.facts(name)).transport:
            return config
        return {"name": name, facts.argument: _without_address(facts, argument)}
    if isinstance(config, list):
        return [without_transport(part) for part in config]
    if not isinstance(config, dict):
        return config
    parts = {key: without_transport(value) for key, value in config.items()}
    if isinstance(parts.get("name"), dict):  # "name" was "engine:ARGUMENT"
        parts |= parts["name"]
    engine = parts.get("name", parts.get("engine") if "model" in parts else None)
    if not isinstance(engine, str) or engine not in ENGINES:
        return parts
    facts = ENGINES.facts(engine)
    if isinstance(named := parts.get(facts.argument), str):
        parts[facts.argument] = _without_address(facts, named)
    return {key: value for key, value in parts.items() if key not in facts.transport}


def _with_address(facts: EngineFacts, options: dict[str, Any]) -> dict[str, Any]:
    """Move the address behind the name of a model to the option of its own."""
    argument = options.get(facts.argument)
    if not facts.address or not isinstance(argument, str):
        return options
    name, address = split_address(argument)
    if not address:
        return options
    if options.get(facts.address) is not None:
        raise ConfigurationError(
            f"{facts.argument}={argument!r} and {facts.address}={options[facts.address]!r} both give an address"
        )
    return options | {facts.argument: name, facts.address: address}


def _without_address(facts: EngineFacts, argument: str) -> str:
    return split_address(argument)[0] if facts.address else argument


def _check_options(name: str, facts: EngineFacts, factory: Callable[..., Engine], options: dict[str, Any]) -> None:
    signature = inspect.signature(factory)
    known = list(signature.parameters)
    takes_any = any(p.kind is p.VAR_KEYWORD for p in signature.parameters.values())
    for option in options:
        if option not in known and not takes_any:
            raise UnknownNameError(f"option of engine {name!r}", option, known)
    try:
        signature.bind(**options)
    except TypeError as error:
        value = facts.argument.upper()
        hint = f"; name it as in '{name}:{value}' (--model {value})" if value else ""
        raise ConfigurationError(f"engine {name!r}: {error}{hint}") from None
