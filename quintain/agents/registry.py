"""Agents by name, and agents made of what users already have."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast

from quintain.agents.agent import Agent
from quintain.errors import ConfigurationError, UnknownNameError

__all__ = ["agent_names", "as_agent", "make_agent", "needs_engine", "register_agent"]

_CHAT = "quintain.agents.llm.policies:make_chat_agent"
# name -> (module:attribute, needs a language model, leading arguments)
_AGENTS: dict[str, tuple[str, bool, tuple[Any, ...]]] = {
    "all-text": (_CHAT, True, ("all-text",)),
    "all-code": (_CHAT, True, ("all-code",)),
    "code-interpreter": (_CHAT, True, ("code-interpreter",)),
    "codesteer": ("quintain.agents.llm.codesteer:make_codesteer", True, ()),
    "llm-player": ("quintain.agents.games:LLMPlayer", True, ()),
    "oracle": ("quintain.agents.scripted:OracleAgent", False, ()),
    "random": ("quintain.agents.scripted:RandomAgent", False, ()),
    "human": ("quintain.agents.human:HumanAgent", False, ()),
    "replay": ("quintain.agents.replay:ReplayAgent", False, ()),
}


def register_agent(name: str, entry_point: str, *, needs_engine: bool = False) -> None:
    """Make an agent available by name.

    Args:
        name: Kebab-case name.
        entry_point: ``"module:callable"``, imported when the agent is made.
        needs_engine: Whether the callable takes an engine as its first argument.
    """
    _AGENTS[name] = (entry_point, needs_engine, ())


def agent_names() -> tuple[str, ...]:
    """List the names that :func:`make_agent` knows."""
    return tuple(_AGENTS)


def needs_engine(name: str) -> bool:
    """Say whether an agent asks a language model.

    Raises:
        UnknownNameError: If there is no such agent.
    """
    if name not in _AGENTS:
        raise UnknownNameError("agent", name, _AGENTS)
    return _AGENTS[name][1]


def make_agent(name: str, *, engine: Any = None, **options: Any) -> Agent:
    """Make an agent by name.

    Args:
        name: One of :func:`agent_names`, or a strategy of :func:`quintain.agents.games.strategy_names`.
        engine: For agents that ask a language model: an engine; or its name, such as ``"transformers"`` (the default)
            or ``"replay:runs/first"``; or a mapping of its ``"name"`` and options.
        options: The agent's own arguments.

    Raises:
        UnknownNameError: If there is no such agent.
        ConfigurationError: If an option does not exist, or an engine is given to an agent that has no use for it.

    Example:
        >>> agent = make_agent("oracle", through_code=True)
    """
    if name not in _AGENTS:
        from quintain.agents.games import is_strategy, strategy, strategy_names

        if is_strategy(name) and engine is None:
            return strategy(name, **options)
        raise UnknownNameError("agent", name, [*_AGENTS, *strategy_names()])
    entry_point, asks, leading = _AGENTS[name]
    module, _, attribute = entry_point.partition(":")
    factory = cast(Callable[..., Agent], getattr(importlib.import_module(module), attribute))
    if asks:
        from quintain.agents.llm import make_engine

        settings = dict(engine) if isinstance(engine, Mapping) else {"name": engine or "transformers"}
        leading = (*leading, make_engine(settings.pop("name", "transformers"), **settings))
    elif engine is not None:
        raise ConfigurationError(f"agent {name!r} asks no language model; leave out engine={engine!r}")
    try:
        inspect.signature(factory).bind(*leading, **options)
    except TypeError as error:
        raise ConfigurationError(f"agent {name!r}: {error}") from error
    return factory(*leading, **options)


def as_agent(source: Any) -> Agent:
    """Make an agent of whatever a user has.

    Args:
        source: An agent (returned as it is), the name of one, a Stable-Baselines3 model, the path of a TorchScript
            (``.pt``) or ONNX (``.onnx``) policy, or a plain function of the observation.

    Raises:
        ConfigurationError: If ``source`` is none of these.
    """
    if isinstance(source, Agent) and not isinstance(source, type):
        return source
    if isinstance(source, Path) or (isinstance(source, str) and source.endswith((".pt", ".onnx"))):
        from quintain.agents.rl import NetworkAgent

        return NetworkAgent(source)
    if isinstance(source, str):
        return make_agent(source)
    if hasattr(source, "predict"):
        from quintain.agents.rl import PredictAgent

        return PredictAgent(source)
    if callable(source):
        from quintain.agents.scripted import FunctionAgent

        return FunctionAgent(source)
    raise ConfigurationError(
        f"cannot make an agent of {type(source).__name__}; expected an agent, its name, an SB3 model, "
        "a .pt or .onnx file, or a function of the observation"
    )
