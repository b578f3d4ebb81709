"""Policies on disk: weights and statistics as plain arrays in one ``.npz`` file, without pickle.

Policies of multilayer perceptrons are readable without torch; a Decision Transformer needs it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from quintain.agents.policies.decision_transformer import DecisionTransformer
from quintain.agents.policies.networks import MLP, ActionValue, Layer, Network
from quintain.agents.policies.normaliser import Normaliser
from quintain.agents.policies.policy import Policy
from quintain.agents.policies.transformer import DecisionNetwork, Shape
from quintain.errors import ConfigurationError, RecordError
from quintain.files import load_arrays, save_arrays

__all__ = ["load_policy", "save_policy"]

#: Version 2 added Decision Transformers; policies of perceptrons are still written as version 1.
_FORMAT = 2


def save_policy(policy: Policy, path: str | Path, facts: Mapping[str, Any] | None = None) -> None:
    """Write a policy of multilayer perceptrons, or a Decision Transformer, as an ``.npz`` file.

    Args:
        policy: The policy whose networks are written.
        path: The file; missing folders are made.
        facts: JSON-able data to store with it, such as the settings of its training. Default: none.

    Raises:
        ConfigurationError: If one of its networks is of another kind.
    """
    arrays: dict[str, NDArray[Any]] = {}
    q = policy.action_value.networks if policy.action_value is not None else []
    std = policy.std_source
    networks: dict[str, Network | None] = {"value": policy.value, **{f"q{i}": net for i, net in enumerate(q)}}
    transformer = policy.network if isinstance(policy.network, DecisionTransformer) else None
    if transformer is None:
        networks["policy"] = policy.network
    else:
        arrays |= {f"transformer.{name}": array for name, array in transformer.network.arrays().items()}
    if isinstance(std, np.ndarray):
        arrays["std"] = std
    else:
        networks["log_std"] = std
    activations = {name: _put(arrays, name, network) for name, network in networks.items() if network is not None}
    for kind in ("observation_space", "action_space"):
        space = getattr(policy, kind)
        if isinstance(space, spaces.Box):
            arrays |= {f"{kind}.low": space.low, f"{kind}.high": space.high}
    if policy.normaliser is not None:
        arrays |= {"normaliser.mean": policy.normaliser.mean, "normaliser.scale": policy.normaliser.scale}
    action = policy.action_space
    about = {
        "format": 1 if transformer is None else 2,
        "name": policy.name,
        "head": policy.head,
        "activations": activations,
        "transformer": None
        if transformer is None
        else {
            "shape": asdict(transformer.network.shape),
            "bounded": transformer.network.bounded,
            "context": transformer.context,
            "target": transformer.target,
            "scale": transformer.scale,
        },
        "dict": None
        if policy.dict_space is None
        else {name: list(part.shape or ()) for name, part in policy.dict_space.items()},
        "discrete": [int(action.n), int(action.start)] if isinstance(action, spaces.Discrete) else None,
        "clip": None if policy.normaliser is None or np.isinf(policy.normaliser.clip) else policy.normaliser.clip,
        "facts": dict(facts or {}),
    }
    save_arrays(Path(path), arrays, about)


def load_policy(path: str | Path) -> tuple[Policy, dict[str, Any]]:
    """Load a policy and the facts that were stored with it.

    Raises:
        ConfigurationError: If there is no policy at ``path``, or one of a newer format.
    """
    try:
        arrays, about = load_arrays(Path(path))
    except RecordError as error:
        raise ConfigurationError(f"no policy at {str(path)!r}: {error}") from error
    if about.get("kind") == "table":
        raise ConfigurationError(f"{str(path)!r} is a table of action probabilities; read it with TablePolicy.load")
    if about["format"] > _FORMAT:
        raise ConfigurationError(f"{str(path)!r} has format {about['format']}; this version reads up to {_FORMAT}")
    networks = {name: _take(arrays, name, kinds) for name, kinds in about["activations"].items()}
    low, high = arrays["observation_space.low"], arrays["observation_space.high"]
    action_space: spaces.Space[Any]
    if about["discrete"]:
        action_space = spaces.Discrete(about["discrete"][0], start=about["discrete"][1])
    else:
        bounds = arrays["action_space.low"], arrays["action_space.high"]
        action_space = spaces.Box(*bounds, dtype=bounds[0].dtype.type)
    q = [network for name, network in networks.items() if name.startswith("q")]
    normaliser = None
    if "normaliser.mean" in arrays:
        clip = np.inf if about["clip"] is None else about["clip"]
        normaliser = Normaliser(arrays["normaliser.mean"], arrays["normaliser.scale"], clip)
    transformer = about.get("transformer")
    observation_space: spaces.Space[Any] = spaces.Box(low, high, dtype=low.dtype.type)
    if about.get("dict"):
        observation_space = _dict_space(about["dict"], low, high)
    policy = Policy(
        networks["policy"] if transformer is None else _take_transformer(arrays, action_space, **transformer),
        observation_space,
        action_space,
        head=about["head"],
        std=arrays.get("std", networks.get("log_std")),
        value=networks.get("value"),
        action_value=ActionValue(q) if q else None,
        normaliser=normaliser,
        name=about["name"],
    )
    return policy, about["facts"]


def _dict_space(shapes: Mapping[str, list[int]], low: NDArray[Any], high: NDArray[Any]) -> spaces.Dict:
    """Make the space of dictionaries whose flattened bounds are given, from the shapes of its parts."""
    ends = np.cumsum([int(np.prod(shape)) for shape in shapes.values()])[:-1]
    parts = zip(shapes.items(), np.split(low, ends), np.split(high, ends), strict=True)
    return spaces.Dict(
        {name: spaces.Box(a.reshape(shape), b.reshape(shape), dtype=low.dtype.type) for (name, shape), a, b in parts}
    )


def _put(arrays: dict[str, NDArray[Any]], name: str, network: Network) -> list[str]:
    if not isinstance(network, MLP):
        raise ConfigurationError(
            f"only plain perceptrons and Decision Transformers can be stored; {name!r} is a {type(network).__name__}"
        )
    for i, layer in enumerate(network.layers):
        arrays |= {f"{name}.{i}.weight": layer.weight, f"{name}.{i}.bias": layer.bias}
    return [layer.activation for layer in network.layers]


def _take_transformer(
    arrays: Mapping[str, NDArray[Any]], space: spaces.Space[Any], *, shape: dict[str, int], bounded: bool, **rest: Any
) -> DecisionTransformer:
    start = "transformer."
    weights = {name.removeprefix(start): array for name, array in arrays.items() if name.startswith(start)}
    return DecisionTransformer(DecisionNetwork(Shape(**shape), weights, bounded), space, **rest)


def _take(arrays: Mapping[str, NDArray[Any]], name: str, activations: list[Any]) -> MLP:
    layers = [Layer(arrays[f"{name}.{i}.weight"], arrays[f"{name}.{i}.bias"], a) for i, a in enumerate(activations)]
    return MLP(layers)
