"""Small torch networks whose weights come from a generator of their own."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any, Literal

__all__ = ["perceptron"]


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
