"""Small torch networks with weights from a generator of their own, and victims that gradients can pass through."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from quintain.agents.victims import MLP, Autograd, Network, Victim
from quintain.errors import ConfigurationError

__all__ = ["ASSUMED_STD", "gaussian_of", "kl", "perceptron", "torch_function"]

#: Standard deviation, in units of half the action range, of a victim that has none, and the least of any policy.
ASSUMED_STD = 0.1


def perceptron(torch: Any, sizes: Sequence[int], generator: Any, last: str = "identity") -> Any:
    """Make a ReLU network; ``last`` is ``"identity"`` or ``"tanh"``."""
    layers: list[Any] = []
    for fan_in, fan_out in itertools.pairwise(sizes):
        layer = torch.nn.utils.skip_init(torch.nn.Linear, fan_in, fan_out)
        with torch.no_grad():
            layer.weight.uniform_(-(fan_in**-0.5), fan_in**-0.5, generator=generator)
            layer.bias.zero_()
        layers += [layer, torch.nn.ReLU()]
    layers[-1] = torch.nn.Tanh() if last == "tanh" else torch.nn.Identity()
    return torch.nn.Sequential(*layers)


def torch_function(torch: Any, network: Network) -> Callable[[Any], Any]:
    """Return a network as a torch function with frozen weights.

    Raises:
        ConfigurationError: If it is of a kind that torch cannot differentiate.
    """
    if isinstance(network, Autograd):
        return network.function
    if not isinstance(network, MLP):
        raise ConfigurationError(f"cannot differentiate a {type(network).__name__} in torch")
    layers = [
        (torch.tensor(w, dtype=torch.float32), torch.tensor(b, dtype=torch.float32), a) for w, b, a in network.layers
    ]
    activations = {"identity": lambda y: y, "tanh": torch.tanh, "relu": torch.relu}

    def function(x: Any) -> Any:
        for weight, bias, activation in layers:
            x = activations[activation](torch.nn.functional.linear(x, weight, bias))
        return x

    return function


def gaussian_of(torch: Any, victim: Victim) -> Callable[[Any], tuple[Any, Any]]:
    """Return the victim's action distribution as mean and standard deviation, actions being scaled to [-1, 1].

    Squashed and unsquashed victims are compared where they act: the mean of a squashed one is taken through the tanh,
    its standard deviation times the slope there.

    Args:
        torch: The library.
        victim: A victim with continuous, bounded actions.

    Raises:
        CapabilityError: If its actions are discrete or it has no gradient.
        ConfigurationError: If its actions are unbounded.
    """
    victim.require(("continuous", "gradient"), "RAT")
    space: Any = victim.action_space
    if not space.is_bounded():
        raise ConfigurationError(f"RAT needs bounded actions, got {space}")
    mean_of = torch_function(torch, victim.policy)
    low, half = torch.tensor(space.low), torch.tensor((space.high - space.low) / 2)
    source = victim.std_source
    log_std = None if source is None or isinstance(source, np.ndarray) else torch_function(torch, source)
    fixed = torch.tensor(source, dtype=torch.float32) if isinstance(source, np.ndarray) else None

    def distribution(x: Any) -> tuple[Any, Any]:
        outputs = mean_of(x)
        std = torch.full_like(outputs, ASSUMED_STD)
        if fixed is not None:
            std = fixed.expand_as(outputs)
        elif log_std is not None:
            std = torch.exp(torch.clamp(log_std(x), -20, 2))
        if victim.head == "squashed":
            mean = torch.tanh(outputs)
            std = std * (1 - mean * mean)
        elif victim.head == "scaled":
            mean = outputs
        else:
            mean = (outputs - low) / half - 1
            std = std / half if source is not None else std
        return mean, std.clamp(min=ASSUMED_STD)

    return distribution


def kl(torch: Any, mean: Any, std: Any, other_mean: Any, other_std: Any) -> Any:
    """Return KL(N(mean, std) || N(other_mean, other_std)), summed over actions: shape ``(n,)``."""
    ratio = (std / other_std) ** 2
    return 0.5 * (ratio - 1 - torch.log(ratio) + ((mean - other_mean) / other_std) ** 2).sum(1)
