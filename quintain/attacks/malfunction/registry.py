"""Attacks on agents with tools, and the guards against them, by name.

An attack is a wrapper of an environment that takes ``surface`` and ``ratio``, beside arguments of its own; a guard is a
wrapper of an agent. Adding either takes a file with the class, a line here, and a test.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import gymnasium as gym

from quintain.agents.adapt import AgentLike
from quintain.agents.agent import Agent
from quintain.agents.registry import as_agent
from quintain.arguments import argument_names, nearest
from quintain.errors import ConfigurationError
from quintain.registry import Registry

__all__ = [
    "GUARDS",
    "LANGUAGE_ATTACKS",
    "GuardFacts",
    "LanguageAttackFacts",
    "attack_arguments",
    "attack_language",
    "guard_agent",
    "guard_arguments",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class LanguageAttackFacts:
    """What is declared about an attack on a language agent, readable without importing it.

    Attributes:
        type: What it brings about: ``"loop"``, ``"function"`` (an irrelevant call), or ``"failure"`` of any kind.
        method: How the input is built.
        surfaces: What it can change: of ``"user"``, ``"tool"``, ``"memory"`` and ``"system"``.
        source: The publication; empty if not declared.
        arguments: Arguments of the wrapper that the name stands for.
    """

    type: str = "failure"
    method: str = ""
    surfaces: tuple[str, ...] = ("user",)
    source: str = ""
    arguments: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardFacts:
    """What is declared about a guard, readable without importing it.

    Attributes:
        stops: What it is made against.
        needs_engine: Whether it asks a language model of its own. Default: false.
        source: The publication; empty if not declared.
    """

    stops: str = ""
    needs_engine: bool = False
    source: str = ""


#: Other packages add attacks by the entry-point group ``quintain.language_attacks``.
LANGUAGE_ATTACKS: Registry[Any, LanguageAttackFacts] = Registry(
    "language attack", LanguageAttackFacts, group="quintain.language_attacks"
)
#: Other packages add guards by the entry-point group ``quintain.guards``.
GUARDS: Registry[Any, GuardFacts] = Registry("guard", GuardFacts, group="quintain.guards")

_WRAPPER = "quintain.attacks.malfunction.wrapper:MalfunctionAttack"
_ZHANG = "Zhang et al. 2025"
_EVERYWHERE, _READ_FIRST = ("user", "tool", "memory", "system"), ("user", "memory", "system")


def attack_language(
    env: gym.Env[Any, Any], name: str, *, surface: str = "user", ratio: float | None = None, **options: Any
) -> gym.Env[Any, Any]:
    """Wrap an environment in a registered attack on language agents.

    Args:
        env: An environment that gives its observations in parts, such as ``ToolUse-v0``.
        name: A name of :data:`LANGUAGE_ATTACKS`, or your own ``"module:class"``.
        surface: What is changed; one of the attack's ``surfaces``. Default: ``"user"``.
        ratio: Share of adversarial text, in [0, 1]; ``None`` for the attack's own.
        options: Further arguments of the attack, such as ``place`` or ``max_chars``.

    Raises:
        UnknownNameError: If there is no attack of that name.
        ConfigurationError: If the attack does not take the surface, or an argument does not exist.

    Example:
        >>> import gymnasium as gym, quintain
        >>> env = attack_language(gym.make("ToolUse-v0", tasks="mail-reply"), "function", surface="tool")
        >>> env.reset(seed=0)[1]["attack"]["malfunction"]["type"]
        'function'
    """
    facts = LANGUAGE_ATTACKS.facts(name)
    if surface not in facts.surfaces:
        takes = ", ".join(facts.surfaces)
        raise ConfigurationError(f"attack {name!r} takes the surfaces {takes}, got {surface!r}")
    settings = {**facts.arguments, "surface": surface, "ratio": ratio, **options}
    made: gym.Env[Any, Any] = LANGUAGE_ATTACKS.make(name, env, **settings)
    return made


def guard_agent(agent: AgentLike, names: str, *, engine: Any = None, **options: Any) -> Agent:
    """Wrap an agent in guards.

    Args:
        agent: The agent, or its name.
        names: Names of :data:`GUARDS` joined by ``+``, the outermost first: ``"repeat-limit+spotlight"``. ``"none"``
            returns the agent itself.
        engine: Engine of the guards that ask a language model; ``None`` takes the agent's own.
        options: Arguments of the guards; each gets those that it has.

    Raises:
        UnknownNameError: If there is no guard of a name.
        ConfigurationError: If an argument fits none of them, or a guard has no language model to ask.
    """
    made = as_agent(agent)
    used: set[str] = set()
    for name in reversed([] if names == "none" else names.split("+")):
        own = {key: value for key, value in options.items() if key in argument_names(GUARDS.load(name), skip=1)}
        used |= own.keys()
        if GUARDS.facts(name).needs_engine:
            own["engine"] = getattr(made, "engine", None) if engine is None else engine
            if own["engine"] is None:
                raise ConfigurationError(f"guard {name!r} asks a language model: name its engine")
        made = GUARDS.make(name, made, **own)
    if rest := sorted(options.keys() - used):
        known = guard_arguments(names)
        raise ConfigurationError(
            f"guard {names!r} has no argument {rest[0]!r}{nearest(rest[0], known)}; known: {', '.join(known) or 'none'}"
        )
    return made


def guard_arguments(names: str) -> tuple[str, ...]:
    """List the arguments of guards joined by ``+``, without agent and engine.

    Raises:
        UnknownNameError: If there is no guard of a name.
    """
    each = [] if names == "none" else names.split("+")
    found = [argument for name in each for argument in argument_names(GUARDS.load(name), skip=1)]
    return tuple(dict.fromkeys(argument for argument in found if argument != "engine"))


def attack_arguments(name: str) -> tuple[str, ...]:
    """List the arguments of an attack, without those that its name fixes, surface and ratio.

    Raises:
        UnknownNameError: If there is no attack of that name.
    """
    fixed = {*LANGUAGE_ATTACKS.facts(name).arguments, "type", "method", "surface", "ratio"}
    return tuple(found for found in argument_names(LANGUAGE_ATTACKS.load(name), skip=1) if found not in fixed)


def _add(name: str, method: str, surfaces: tuple[str, ...], type: str = "failure", source: str = _ZHANG) -> None:
    arguments = {"method": method} | ({} if type == "failure" else {"type": type})
    facts = {"type": type, "method": method, "surfaces": surfaces, "source": source, "arguments": arguments}
    LANGUAGE_ATTACKS.add(name, _WRAPPER, **facts)


_add("loop", "injection", _EVERYWHERE, "loop")
_add("function", "injection", _EVERYWHERE, "function")
_add("loop-demonstrations", "demonstrations", _READ_FIRST, "loop")
_add("function-demonstrations", "demonstrations", _READ_FIRST, "function")
_add("suffix", "suffix", _EVERYWHERE, "loop", source="Zou et al. 2023")
_add("similar-characters", "similar-characters", ("user",), source="Eger et al. 2019")
_add("paraphrase", "paraphrase", ("user",), source="Iyyer et al. 2018")

_GUARDS, _ASKING = "quintain.attacks.malfunction.guards", "quintain.attacks.malfunction.examination"
GUARDS.add("repeat-limit", f"{_GUARDS}:RepeatLimit", stops="loops")
GUARDS.add("call-budget", f"{_GUARDS}:CallBudget", stops="cost")
GUARDS.add("spotlight", f"{_GUARDS}:Spotlight", stops="instructions in results", source="Hines et al. 2024")
GUARDS.add("allow-list", f"{_GUARDS}:AllowList", stops="irrelevant calls")
GUARDS.add(
    "self-examination", f"{_ASKING}:SelfExamination", stops="instructions in requests", needs_engine=True, source=_ZHANG
)
GUARDS.add("result-filter", f"{_ASKING}:ResultFilter", stops="instructions in results", needs_engine=True)
