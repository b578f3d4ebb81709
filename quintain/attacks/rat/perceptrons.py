"""Small trainable networks in NumPy, with their derivatives written out.

The learners of RAT take ten thousands of steps on batches of a hundred states, where an autograd graph costs several
times what the arithmetic does.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from quintain.agents.policies import MLP, Layer

__all__ = ["Perceptrons"]

Array = NDArray[np.floating[Any]]


class Perceptrons:
    """ReLU networks of one shape, evaluated together; all parameters are one vector, which Adam moves.

    Args:
        sizes: Widths, input first.
        rng: Where the weights are drawn from: uniform in +- 1/sqrt(fan-in), as is usual.
        learning_rate: Of Adam (Kingma & Ba 2015), with its usual constants.
        members: Number of networks.
        last: What follows the last layer.
        dtype: Of the parameters.
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
        #: All parameters; change it in place.
        self.flat: Array = np.zeros(length, dtype)
        self.layers = self.split(self.flat)
        for weight, _ in self.layers:
            bound = weight.shape[1] ** -0.5
            weight[:] = rng.uniform(-bound, bound, weight.shape)
        self._moments: tuple[Array, Array] = (np.zeros_like(self.flat), np.zeros_like(self.flat))
        self._updates = 0

    def split(self, flat: Array) -> list[tuple[Array, Array]]:
        """See a vector as weights ``(members, in, out)`` and biases ``(members, 1, out)`` of each layer."""
        layers, start = [], 0
        for fan_in, fan_out in itertools.pairwise(self.sizes):
            middle = start + self.members * fan_in * fan_out
            end = middle + self.members * fan_out
            weight = flat[start:middle].reshape(self.members, fan_in, fan_out)
            layers.append((weight, flat[middle:end].reshape(self.members, 1, fan_out)))
            start = end
        return layers

    def forward(self, x: Array, flat: Array | None = None) -> list[Array]:
        """Return the inputs and each layer's outputs, the last being the networks': ``(members, n, k)``.

        Args:
            x: Shape ``(n, d)``, the same for all, or ``(members, n, d)``.
            flat: Other parameters than the networks' own.
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
        """Return the outputs, ``(members, n, k)``."""
        return self.forward(x)[-1]

    def backward(self, ys: list[Array], g: Array, flat: Array | None = None, inputs: bool = False) -> Array:
        """Pull a gradient at the outputs back to the parameters, or to the inputs.

        Args:
            ys: What :meth:`forward` returned.
            g: Shape ``(members, n, k)``.
            flat: The parameters that :meth:`forward` was given.
            inputs: Ask for the inputs' gradient, ``(members, n, d)``, instead of the parameters'.
        """
        layers = self.layers if flat is None else self.split(flat)
        gradient = np.empty(0 if inputs else len(self.flat), self.flat.dtype)
        parts = [] if inputs else self.split(gradient)
        if self.last == "tanh":
            g = g * (1 - ys[-1] * ys[-1])
        for i in range(len(layers) - 1, -1, -1):
            if not inputs:
                np.matmul(np.swapaxes(ys[i], 1, 2), g, out=parts[i][0])
                np.sum(g, axis=1, keepdims=True, out=parts[i][1])
            if i or inputs:
                g = np.matmul(g, np.swapaxes(layers[i][0], 1, 2))
                if i:
                    g *= ys[i] > 0
        return g if inputs else gradient

    def push(self, ys: list[Array], tangent: Array) -> Array:
        """Return how the outputs change as the parameters move along ``tangent``: ``(members, n, k)``."""
        change: Array = np.zeros_like(ys[0])
        parts = self.split(tangent)
        for i, ((weight, _), (slope, shift)) in enumerate(zip(self.layers, parts, strict=True)):
            change = np.matmul(change, weight) + np.matmul(ys[i], slope) + shift
            if i < len(parts) - 1:
                change *= ys[i + 1] > 0
        return change * (1 - ys[-1] * ys[-1]) if self.last == "tanh" else change

    def descend(self, gradient: Array) -> None:
        """Take one step of Adam against a gradient of the parameters."""
        self._updates += 1
        first, second = self._moments
        first += 0.1 * (gradient - first)
        second += 0.001 * (gradient * gradient - second)
        rate = self.learning_rate * (1 - 0.999**self._updates) ** 0.5 / (1 - 0.9**self._updates)
        self.flat -= rate * first / (np.sqrt(second) + 1e-8)

    def frozen(self, outputs: int | None = None) -> MLP:
        """Copy the first member as it is now, or only the first ``outputs`` of its outputs."""
        layers = [Layer(w[0].T, b[0, 0], "relu") for w, b in self.layers]
        weight, bias, _ = layers[-1]
        return MLP([*layers[:-1], Layer(weight[:outputs], bias[:outputs], self.last)])
