"""Agents by name, and agents made of what users already have."""

from __future__ import annotations

import importlib
import operator
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, cast

from quintain.agents.agent import Agent
from quintain.arguments import argument_names, check_arguments
from quintain.errors import ConfigurationError, UnknownNameError

__all__ = ["POLICY_FILES", "agent_names", "arguments_of", "as_agent", "make_agent", "needs_engine", "register_agent"]

#: How files of trained policies end, and who plays them: Stable-Baselines3's, TorchScript's, ONNX's, saved victims.
_FILES = {
    ".zip": "quintain.agents.policies.sb3_agent:PredictAgent.load",
    ".pt": "quintain.agents.policies.sb3_agent:NetworkAgent",
    ".onnx": "quintain.agents.policies.sb3_agent:NetworkAgent",
    ".npz": f"{__name__}:_saved_victim",
}
POLICY_FILES = tuple(_FILES)

_CHAT = "quintain.agents.language.chat:make_chat_agent"
# name -> (module:attribute, needs a language model, leading arguments)
_AGENTS: dict[str, tuple[str, bool, tuple[Any, ...]]] = {
    "all-text": (_CHAT, True, ("all-text",)),
    "all-code": (_CHAT, True, ("all-code",)),
    "code-interpreter": (_CHAT, True, ("code-interpreter",)),
    "codesteer": ("quintain.agents.language.codesteer:make_codesteer", True, ()),
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
    return _find(name).asks


def arguments_of(name: str) -> tuple[str, ...]:
    """List the names of an agent's own arguments.

    Raises:
        UnknownNameError: If there is no such agent.
    """
    found = _find(name)
    return argument_names(found.factory, skip=len(found.leading) + found.asks)


def make_agent(name: str, *, engine: Any = None, **options: Any) -> Agent:
    """Make an agent by name.

    Args:
        name: One of :func:`agent_names`; a strategy of :func:`quintain.agents.games.strategy_names`; or your own as
            ``"module:name"``, where the module registers the name, or holds it: a class, which is called with
            ``options`` (and with an engine first, if its first argument is ``engine``), or anything that
            :func:`as_agent` takes; or the path of a trained policy (``.zip``, ``.pt``, ``.onnx``, ``.npz``).
        engine: For agents that ask a language model: an engine; or its name, such as ``"transformers"`` (the default)
            or ``"replay:runs/first"``; or a mapping of its ``"name"`` and options.
        options: The agent's own arguments.

    Raises:
        UnknownNameError: If there is no such agent.
        ConfigurationError: If an option does not exist, or an engine is given to an agent that has no use for it.

    Example:
        >>> agent = make_agent("oracle", through_code=True)
    """
    found = _find(name)
    leading = found.leading
    if found.asks:
        from quintain.engines import make_engine

        settings = dict(engine) if isinstance(engine, Mapping) else {"name": engine or "transformers"}
        leading = (*leading, make_engine(settings.pop("name", "transformers"), **settings))
    elif engine is not None:
        raise ConfigurationError(f"agent {name!r} asks no language model; leave out engine={engine!r}")
    check_arguments(f"agent {name!r}", found.factory, leading, options)
    return cast(Agent, found.factory(*leading, **options))


class _Found(NamedTuple):
    factory: Callable[..., Any]
    asks: bool
    leading: tuple[Any, ...] = ()


def _find(name: str) -> _Found:
    if name in _AGENTS:
        entry_point, asks, leading = _AGENTS[name]
        return _Found(_imported(entry_point), asks, leading)
    if name.endswith(POLICY_FILES):
        return _Found(_imported(_FILES[Path(name).suffix]), asks=False, leading=(name,))
    from quintain.agents.games import is_strategy, strategy

    if is_strategy(name):
        return _Found(partial(strategy, name), asks=False)
    module, _, attribute = name.partition(":")
    if not attribute or not all(part.isidentifier() for part in module.split(".")):
        raise _unknown(name)
    try:
        home = importlib.import_module(module)
    except Exception as error:
        if isinstance(error, ModuleNotFoundError) and (module + ".").startswith(f"{error.name}."):
            raise _unknown(name, f" (there is no module {module!r})") from error
        raise ConfigurationError(
            f"cannot import the module of agent {name!r}: {type(error).__name__}: {error}"
        ) from error
    if attribute in _AGENTS:
        return _find(attribute)
    own = getattr(home, attribute, None)
    if own is None:
        raise _unknown(name, f" (module {module!r} neither registers nor holds {attribute!r})")
    if not isinstance(own, type):
        return _Found(lambda: as_agent(own), asks=False)
    return _Found(own, asks=argument_names(own)[:1] == ("engine",))


def _saved_victim(path: str) -> Agent:
    from quintain.agents.policies import load_policy

    return load_policy(path)[0]


def _imported(entry_point: str) -> Callable[..., Any]:
    module, _, attribute = entry_point.partition(":")
    return cast(Callable[..., Any], operator.attrgetter(attribute)(importlib.import_module(module)))


def _unknown(name: str, why: str = "") -> UnknownNameError:
    from quintain.agents.games import strategy_names

    names = strategy_names()
    also = (
        f"{why}. Agents: {', '.join(_AGENTS)}. Strategies of games: {', '.join(names)}. "
        f"Your own: module:Class or module:name; or a policy's file ({', '.join(POLICY_FILES)})"
    )
    return UnknownNameError("agent", name, [*_AGENTS, *names], also)


def as_agent(source: Any) -> Agent:
    """Make an agent of whatever a user has.

    Args:
        source: An agent (returned as it is), the name of one, a Stable-Baselines3 model, the path of one (``.zip``) or
            of a TorchScript (``.pt``), ONNX (``.onnx``) or saved (``.npz``, of ``save_policy``) policy, or a plain
            function of the observation.

    Raises:
        ConfigurationError: If ``source`` is none of these.
    """
    if isinstance(source, Agent) and not isinstance(source, type):
        return source
    if isinstance(source, (str, Path)):
        return make_agent(str(source))
    if hasattr(source, "predict"):
        from quintain.agents.policies.sb3_agent import PredictAgent

        return PredictAgent(source)
    if callable(source):
        from quintain.agents.scripted import FunctionAgent

        return FunctionAgent(source)
    raise ConfigurationError(
        f"cannot make an agent of {type(source).__name__}; expected an agent, its name, an SB3 model, "
        f"a policy's file ({', '.join(POLICY_FILES)}), or a function of the observation"
    )
