"""Conversion of policy files, Stable-Baselines3 models and functions to agents."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol, cast, runtime_checkable

from quintain.agents.agent import Agent
from quintain.agents.foreign import explain_object
from quintain.errors import ConfigurationError
from quintain.registry import load_attribute

__all__ = ["POLICY_FILES", "AgentLike", "Predicts", "adapt", "policy_loader"]


@runtime_checkable
class Predicts(Protocol):
    """A model or policy with the ``predict`` method of Stable-Baselines3."""

    def predict(
        self, observation: Any, state: Any = None, episode_start: Any = None, deterministic: bool = False
    ) -> tuple[Any, Any]:
        """Return the actions for a batch of observations, and the recurrent state that follows."""
        ...


#: What :func:`~quintain.agents.registry.as_agent` takes: an agent; its name, or the path of a policy file; a
#: description ``{"name": ..., "engine": ..., ...}``; a Stable-Baselines3 model; a function of the observation.
AgentLike = Agent | str | Path | Mapping[str, Any] | Predicts | Callable[..., Any]

# Suffix of a policy file -> what loads it: Stable-Baselines3's, TorchScript's, ONNX's, those of ``save_policy``.
_LOADERS = {
    ".zip": "quintain.agents.policies.sb3_agent:PredictAgent.load",
    ".pt": "quintain.agents.policies.sb3_agent:NetworkAgent",
    ".onnx": "quintain.agents.policies.sb3_agent:NetworkAgent",
    ".npz": f"{__name__}:_load_saved_policy",
}
#: Suffixes of the policy files that can play.
POLICY_FILES = tuple(_LOADERS)


def policy_loader(path: str) -> Callable[..., Agent]:
    """Return the function that makes an agent of a policy file, chosen by suffix; its first argument is the path."""
    return cast(Callable[..., Agent], load_attribute(_LOADERS[Path(path).suffix]))


def adapt(source: object) -> Agent:
    """Make an agent of an object.

    Args:
        source: An agent (returned as it is), a Stable-Baselines3 model or anything else with its ``predict``, or a
            function of the observation, or of observation and info.

    Raises:
        ConfigurationError: If ``source`` is none of these.
    """
    if isinstance(source, Agent) and not isinstance(source, type):
        return source
    if isinstance(source, Predicts):
        from quintain.agents.policies.sb3_agent import PredictAgent

        return PredictAgent(source)
    if (error := explain_object(source)) is not None:
        raise error
    if callable(source):
        from quintain.agents.scripted import FunctionAgent

        return FunctionAgent(source)
    raise ConfigurationError(
        f"cannot make an agent of {type(source).__name__}; expected an agent, its name, an SB3 model, "
        f"a policy's file ({', '.join(POLICY_FILES)}), or a function of the observation"
    )


def _load_saved_policy(path: str) -> Agent:
    from quintain.agents.policies import TablePolicy, load_policy

    return TablePolicy.load(path) if TablePolicy.is_stored(path) else load_policy(path)[0]
