"""Multilayer perceptrons in torch: with random weights from a given generator, or copied from NumPy ones."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any, Literal

from quintain.agents.policies import MLP, Network
from quintain.errors import ConfigurationError

__all__ = ["torch_copy", "torch_mlp"]


def torch_mlp(torch: Any, sizes: Sequence[int], generator: Any, hidden: Literal["relu", "tanh"] = "relu") -> Any:
    """Make a ``torch.nn.Sequential`` of linear layers with activations between them.

    Torch's global random generator is not used.

    Args:
        torch: The module ``torch``, which the caller has imported.
        sizes: Number of inputs, widths of the hidden layers, number of outputs.
        generator: A ``torch.Generator``. Weights are uniform in +-1 / sqrt(inputs of the layer); biases are 0.
        hidden: Activation of the hidden layers. Default: ``"relu"``.
    """
    layers: list[Any] = []
    for fan_in, fan_out in itertools.pairwise(sizes):
        layer = torch.nn.utils.skip_init(torch.nn.Linear, fan_in, fan_out)
        with torch.no_grad():
            layer.weight.uniform_(-(fan_in**-0.5), fan_in**-0.5, generator=generator)
            layer.bias.zero_()
        layers += [layer, torch.nn.Tanh() if hidden == "tanh" else torch.nn.ReLU()]
    return torch.nn.Sequential(*layers[:-1])


def torch_copy(torch: Any, network: Network) -> Any:
    """Copy a NumPy multilayer perceptron into torch, with frozen weights.

    Raises:
        ConfigurationError: If ``network`` is not an :class:`~quintain.agents.policies.MLP`.
    """
    if not isinstance(network, MLP):
        raise ConfigurationError(f"only an MLP can be copied to torch, not a {type(network).__name__}")
    activations = {"identity": torch.nn.Identity, "tanh": torch.nn.Tanh, "relu": torch.nn.ReLU}
    parts: list[Any] = []
    for weight, bias, activation in network.layers:
        layer = torch.nn.utils.skip_init(torch.nn.Linear, weight.shape[1], weight.shape[0])
        with torch.no_grad():
            layer.weight.copy_(torch.as_tensor(weight))
            layer.bias.copy_(torch.as_tensor(bias))
        parts += [layer, activations[activation]()]
    return torch.nn.Sequential(*parts).requires_grad_(False)
