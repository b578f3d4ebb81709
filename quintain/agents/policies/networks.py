"""Networks with vector-Jacobian products: outputs, and gradients with respect to the inputs.

Attacks need the gradient of an objective of the outputs with respect to the inputs, and no gradient with respect to
weights. ``vjp(x)``, as in JAX, returns the outputs and a function from gradients at the outputs to gradients at the
inputs. For multilayer perceptrons it is written out in NumPy, which on the small batches of control tasks is several
times faster than an autograd graph; any other torch module is differentiated by autograd.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

__all__ = ["MLP", "ActionValue", "Autograd", "Layer", "Network", "VJPFunction", "as_network"]

Array = NDArray[np.floating[Any]]
#: Maps a gradient at the outputs, shape ``(n, k)``, to the gradient at the inputs, shape ``(n, d)``.
VJPFunction = Callable[[Array], Array]
Activation = Literal["identity", "tanh", "relu"]


class Network(Protocol):
    """A differentiable function of batches."""

    def __call__(self, x: Array) -> Array:
        """Map inputs of shape ``(n, d)`` to outputs of shape ``(n, k)``."""

    def vjp(self, x: Array) -> tuple[Array, VJPFunction]:
        """Return the outputs, and the vector-Jacobian product at ``x``, which may be called at most once."""


class Layer(NamedTuple):
    """y = activation(W x + b).

    Attributes:
        weight: W, shape ``(outputs, inputs)``.
        bias: The bias b of the layer, shape ``(outputs,)``.
        activation: Applied to each entry.
    """

    weight: Array
    bias: Array
    activation: Activation


class MLP:
    """A multilayer perceptron in NumPy. Weights are copied: it does not follow training.

    Args:
        layers: The layers, that of the input first.
    """

    def __init__(self, layers: Sequence[Layer]) -> None:
        self.layers = [Layer(w.copy(), b.copy(), activation) for w, b, activation in layers]
        self._forward = [(np.ascontiguousarray(w.T), b, activation) for w, b, activation in self.layers]
        self._dtype = self.layers[0].weight.dtype

    def __call__(self, x: Array) -> Array:
        """Map inputs to outputs."""
        y = x.astype(self._dtype, copy=False)
        for weight, bias, activation in self._forward:
            y = y @ weight
            y += bias
            if activation == "tanh":
                np.tanh(y, out=y)
            elif activation == "relu":
                np.maximum(y, 0, out=y)
        return y

    def vjp(self, x: Array) -> tuple[Array, VJPFunction]:
        """Return the outputs and the vector-Jacobian product."""
        y = x.astype(self._dtype, copy=False)
        outputs = []
        for weight, bias, activation in self._forward:
            y = y @ weight
            y += bias
            if activation == "tanh":
                np.tanh(y, out=y)
            elif activation == "relu":
                np.maximum(y, 0, out=y)
            outputs.append(y)

        def vjp_function(gradient: Array) -> Array:
            g = gradient.astype(self._dtype, copy=False)
            for (weight, _, activation), y in zip(reversed(self.layers), reversed(outputs), strict=True):
                if activation == "tanh":
                    g = g * (1 - y * y)
                elif activation == "relu":
                    g = g * (y > 0)
                g = g @ weight
            return g

        return outputs[-1], vjp_function


class Autograd:
    """A torch function of one batch, differentiated by autograd with respect to its input alone.

    Args:
        function: Maps a tensor of shape ``(n, d)`` to one of shape ``(n, k)``.
        dtype: ``torch.dtype`` of the input.
    """

    def __init__(self, function: Callable[[Any], Any], dtype: Any) -> None:
        self.function = function
        self.dtype = dtype

    def __call__(self, x: Array) -> Array:
        """Map inputs to outputs."""
        import torch

        with torch.no_grad():
            outputs: Array = self.function(torch.as_tensor(x, dtype=self.dtype)).numpy()
        return outputs

    def vjp(self, x: Array) -> tuple[Array, VJPFunction]:
        """Return the outputs and the vector-Jacobian product."""
        import torch

        inputs = torch.tensor(x, dtype=self.dtype, requires_grad=True)
        with torch.enable_grad():
            outputs = self.function(inputs)

        def vjp_function(gradient: Array) -> Array:
            (pulled,) = torch.autograd.grad(outputs, inputs, torch.as_tensor(gradient, dtype=outputs.dtype))
            gradients: Array = pulled.numpy()
            return gradients

        return outputs.detach().numpy(), vjp_function


class ActionValue:
    """Q(s, a): the mean over all outputs of networks that read states and actions concatenated.

    Args:
        networks: Each maps ``(n, d + k)`` to ``(n, outputs)``.
    """

    def __init__(self, networks: Sequence[Network]) -> None:
        self.networks = list(networks)

    def vjp(self, states: Array, actions: Array) -> tuple[Array, VJPFunction]:
        """Return Q, shape ``(n,)``, and the vector-Jacobian product from ``(n,)`` to the actions, ``(n, k)``."""
        joined = np.concatenate([states, actions.astype(states.dtype, copy=False)], axis=1)
        pulled = [network.vjp(joined) for network in self.networks]
        sizes = [outputs.shape[1] for outputs, _ in pulled]
        total = sum(sizes)

        def vjp_function(gradient: Array) -> Array:
            share = gradient[:, None] / total
            parts = [back(np.repeat(share, size, axis=1)) for (_, back), size in zip(pulled, sizes, strict=True)]
            return np.asarray(sum(part[:, states.shape[1] :] for part in parts))

        return np.asarray(sum(outputs.sum(axis=1) for outputs, _ in pulled) / total), vjp_function


def as_network(*modules: Any) -> Network:
    """Make a network of torch modules applied in sequence: an :class:`MLP` if they form one, else :class:`Autograd`.

    Weights are copied: the network does not follow further training.

    Args:
        modules: ``torch.nn.Module`` objects on the CPU.
    """
    import torch

    layers: list[tuple[Array, Array, Activation]] = []
    activations: dict[type, Activation] = {torch.nn.Tanh: "tanh", torch.nn.ReLU: "relu"}
    for part in _parts(modules, torch):
        if type(part) is torch.nn.Linear:
            weight = part.weight.detach().numpy()
            bias = np.zeros(len(weight), weight.dtype) if part.bias is None else part.bias.detach().numpy()
            layers.append((weight, bias, "identity"))
        elif type(part) in activations and layers and layers[-1][2] == "identity":
            layers[-1] = (*layers[-1][:2], activations[type(part)])
        elif type(part) not in (torch.nn.Identity, torch.nn.Flatten):
            break
    else:
        if layers:
            return MLP([Layer(*layer) for layer in layers])

    copies = copy.deepcopy(modules)

    def function(x: Any) -> Any:
        for module in copies:
            x = module(x)
        return x

    parameters = [p for module in copies for p in module.parameters()]
    return Autograd(function, parameters[0].dtype if parameters else torch.float32)


def _parts(modules: Sequence[Any], torch: Any) -> list[Any]:
    """Return the modules with every ``torch.nn.Sequential`` replaced by its members."""
    parts: list[Any] = []
    for module in modules:
        parts += _parts(list(module), torch) if type(module) is torch.nn.Sequential else [module]
    return parts
