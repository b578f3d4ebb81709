"""The arguments of an environment that an agent requires, joined with those that the caller gave."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from gymnasium.envs.registration import load_env_creator

from quintain.agents.registry import settings_required_by
from quintain.engines.replay import replayed_run
from quintain.envs.making import find_spec
from quintain.errors import ConfigurationError
from quintain.records import read_manifest

__all__ = ["with_required_settings"]


def with_required_settings(env: Any, env_kwargs: Mapping[str, Any] | None, agent: Any) -> dict[str, Any]:
    """Add the arguments that an agent requires to those that were given.

    An argument is added where the environment has it with another default; see
    :class:`~quintain.agents.agent.RequiresSettings`. Where the agent's engine replays a run, the arguments are those of
    that run.

    Args:
        env: Id or spec of the environment. To a function nothing is added; the agent itself checks what it makes.
        env_kwargs: The arguments that the caller gave.
        agent: The agent, or the description of one.

    Raises:
        ConfigurationError: If the caller gave another value.
    """
    given = dict(env_kwargs or {})
    required = _required(agent)
    spec = find_spec(env) if required else None
    if spec is None or spec.entry_point is None:
        return given
    creator = load_env_creator(spec.entry_point) if isinstance(spec.entry_point, str) else spec.entry_point
    parameters = inspect.signature(creator).parameters
    fixed = spec.kwargs | given
    for name, value in required.items():
        if name in fixed and fixed[name] != value:
            who = agent["name"] if isinstance(agent, Mapping) else type(agent).__name__
            raise ConfigurationError(
                f"agent {who!r} requires {name}={value!r} of {spec.id}, got {fixed[name]!r}; leave {name} out, or "
                "choose another agent"
            )
        if name not in fixed and name in parameters and parameters[name].default != value:
            given[name] = value
    return given


def _required(agent: Any) -> Mapping[str, Any]:
    required = settings_required_by(agent)
    engine = agent.get("engine") if isinstance(agent, Mapping) else getattr(agent, "engine", None)
    run = replayed_run(engine) if required else None
    if run is None:
        return required
    recorded = read_manifest(run).get("config", {}).get("env_kwargs", {})
    return {name: recorded[name] for name in required if name in recorded}
