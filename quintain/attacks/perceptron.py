"""Small torch networks whose weights come from a generator of their own."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any, Literal

from quintain.agents.policies import MLP, Network
from quintain.errors import ConfigurationError

__all__ = ["perceptron", "perceptron_like"]


def perceptron(torch: Any, sizes: Sequence[int], generator: Any, hidden: Literal["relu", "tanh"] = "relu") -> Any:
    """Make a ``torch.nn.Sequential`` of linear layers with an activation between them, drawn from generator.

    Args:
        torch: The library.
        sizes: Inputs, hidden widths, outputs.
        generator: Where weights come from: uniform within 1 / sqrt(inputs); biases are 0.
        hidden: The activation.
    """
    layers: list[Any] = []
    for fan_in, fan_out in itertools.pairwise(sizes):
        layer = torch.nn.utils.skip_init(torch.nn.Linear, fan_in, fan_out)
        with torch.no_grad():
            layer.weight.uniform_(-(fan_in**-0.5), fan_in**-0.5, generator=generator)
            layer.bias.zero_()
        layers += [layer, torch.nn.Tanh() if hidden == "tanh" else torch.nn.ReLU()]
    return torch.nn.Sequential(*layers[:-1])


def perceptron_like(torch: Any, network: Network) -> Any:
    """Copy a multilayer perceptron of NumPy into torch, with frozen weights.

    Raises:
        ConfigurationError: If it is another kind of network.
    """
    if not isinstance(network, MLP):
        raise ConfigurationError(f"only plain perceptrons can be taken to torch, not a {type(network).__name__}")
    activations = {"identity": torch.nn.Identity, "tanh": torch.nn.Tanh, "relu": torch.nn.ReLU}
    parts: list[Any] = []
    for weight, bias, activation in network.layers:
        layer = torch.nn.utils.skip_init(torch.nn.Linear, weight.shape[1], weight.shape[0])
        with torch.no_grad():
            layer.weight.copy_(torch.as_tensor(weight))
            layer.bias.copy_(torch.as_tensor(bias))
        parts += [layer, activations[activation]()]
    return torch.nn.Sequential(*parts).requires_grad_(False)
