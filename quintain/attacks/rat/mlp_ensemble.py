"""Small trainable networks in NumPy, with gradients written out.

The learners of RAT take tens of thousands of gradient steps on batches of about a hundred states, where building an
autograd graph costs several times the arithmetic: RAT trains three times as fast as with torch (one core).
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from quintain.agents.policies import MLP, Layer

__all__ = ["MLPEnsemble"]

Array = NDArray[np.floating[Any]]


class MLPEnsemble:
    """Multilayer perceptrons of one shape with ReLU activations, evaluated together and trained by Adam.

    Args:
        sizes: Number of inputs, widths of the hidden layers, number of outputs.
        rng: Generator of the initial weights, uniform in +-1 / sqrt(inputs of the layer); biases start at 0.
        learning_rate: Step size of Adam (Kingma & Ba 2015), whose other constants are the paper's. Default: 0.001.
        members: Number of networks, >= 1. Default: 1.
        last: Activation of the output layer. Default: ``"identity"``.
        dtype: Type of the parameters.

    Attributes:
        flat: All parameters as one vector; change it in place.
        layers: Weights and biases of each layer as views of ``flat``, as :meth:`split` returns them.
    """

    def __init__(
        self,
        sizes: Sequence[int],
        rng: np.random.Generator,
        *,
        learning_rate: float = 1e-3,
        members: int = 1,
        last: Literal["identity", "tanh"] = "identity",
        dtype: Any = np.float32,
    ) -> None:
        self.sizes, self.members, self.last, self.learning_rate = list(sizes), members, last, learning_rate
        length = members * sum((i + 1) * o for i, o in itertools.pairwise(sizes))
        self.flat: Array = np.zeros(length, dtype)
        self.layers = self.split(self.flat)
        for weight, _ in self.layers:
            bound = weight.shape[1] ** -0.5
            weight[:] = rng.uniform(-bound, bound, weight.shape)
        self._moments: tuple[Array, Array] = (np.zeros_like(self.flat), np.zeros_like(self.flat))
        self._updates = 0

    def split(self, flat: Array) -> list[tuple[Array, Array]]:
        """Return views of a vector as weights ``(members, in, out)`` and biases ``(members, 1, out)`` of each layer."""
        layers, start = [], 0
        for fan_in, fan_out in itertools.pairwise(self.sizes):
            middle = start + self.members * fan_in * fan_out
            end = middle + self.members * fan_out
            weight = flat[start:middle].reshape(self.members, fan_in, fan_out)
            layers.append((weight, flat[middle:end].reshape(self.members, 1, fan_out)))
            start = end
        return layers

    def forward(self, x: Array, flat: Array | None = None) -> list[Array]:
        """Return the inputs and the outputs of each layer, the last with shape ``(members, n, outputs)``.

        Args:
            x: Inputs, shape ``(n, d)`` for all members alike, or ``(members, n, d)``.
            flat: Parameters to use instead of the networks' own.
        """
        layers = self.layers if flat is None else self.split(flat)
        ys = [x if x.ndim == 3 else x[None]]
        for number, (weight, bias) in enumerate(layers, 1):
            y = np.matmul(ys[-1], weight)
            y += bias
            if number < len(layers):
                np.maximum(y, 0, out=y)
            elif self.last == "tanh":
                np.tanh(y, out=y)
            ys.append(y)
        return ys

    def __call__(self, x: Array) -> Array:
        """Return the outputs, ``(members, n, outputs)``."""
        return self.forward(x)[-1]

    def backward(self, ys: list[Array], grad: Array, flat: Array | None = None, inputs: bool = False) -> Array:
        """Return the gradient with respect to the parameters, or to the inputs, given that of the outputs.

        Args:
            ys: Return value of :meth:`forward`.
            grad: Gradient with respect to the outputs, shape ``(members, n, outputs)``.
            flat: The parameters that :meth:`forward` was given.
            inputs: Whether to return the gradient of the inputs, ``(members, n, d)``, instead of that of ``flat``.
                Default: false.
        """
        layers = self.layers if flat is None else self.split(flat)
        gradient = np.empty(0 if inputs else len(self.flat), self.flat.dtype)
        parts = [] if inputs else self.split(gradient)
        if self.last == "tanh":
            grad = grad * (1 - ys[-1] * ys[-1])
        for i in range(len(layers) - 1, -1, -1):
            if not inputs:
                np.matmul(np.swapaxes(ys[i], 1, 2), grad, out=parts[i][0])
                np.sum(grad, axis=1, keepdims=True, out=parts[i][1])
            if i or inputs:
                grad = np.matmul(grad, np.swapaxes(layers[i][0], 1, 2))
                if i:
                    grad *= ys[i] > 0
        return grad if inputs else gradient

    def jvp(self, ys: list[Array], tangent: Array) -> Array:
        """Return the Jacobian-vector product: the derivative of the outputs along a direction of the parameters.

        Args:
            ys: Return value of :meth:`forward`.
            tangent: Direction, of the length of ``flat``.

        Returns:
            Shape ``(members, n, outputs)``.
        """
        change: Array = np.zeros_like(ys[0])
        parts = self.split(tangent)
        for i, ((weight, _), (weight_tangent, bias_tangent)) in enumerate(zip(self.layers, parts, strict=True)):
            change = np.matmul(change, weight) + np.matmul(ys[i], weight_tangent) + bias_tangent
            if i < len(parts) - 1:
                change *= ys[i + 1] > 0
        return change * (1 - ys[-1] * ys[-1]) if self.last == "tanh" else change

    def adam_step(self, gradient: Array) -> None:
        """Take one step of Adam against a gradient of the parameters."""
        self._updates += 1
        first, second = self._moments
        first += 0.1 * (gradient - first)
        second += 0.001 * (gradient * gradient - second)
        rate = self.learning_rate * (1 - 0.999**self._updates) ** 0.5 / (1 - 0.9**self._updates)
        self.flat -= rate * first / (np.sqrt(second) + 1e-8)

    def frozen(self, outputs: int | None = None) -> MLP:
        """Return a copy of the first member, with all of its outputs or only the first ``outputs``."""
        layers = [Layer(w[0].T, b[0, 0], "relu") for w, b in self.layers]
        weight, bias, _ = layers[-1]
        return MLP([*layers[:-1], Layer(weight[:outputs], bias[:outputs], self.last)])
