"""Small perceptrons, many at once: ELU layers and a softmax, with plain stochastic gradient descent.

All arrays have a leading axis of learners, whose weights differ. The virtual step along the gradient of a single sample
needs no second set of weights: with the gradient ``a d^T`` of a layer, ``X (W - r a d^T) = X W - r (X a) d^T``, so that
only the outputs are changed.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Networks"]

Array = NDArray[np.floating[Any]]


class Networks:
    """Perceptrons of equal shape.

    Weights are drawn from N(0, 2 / fan_in), of that variance, and biases from N(0, 1), as in the published code of Man,
    Damasio & Neven 2022.

    Args:
        sizes: Widths of the layers: features, hidden layers, classes.
        rngs: One generator per network, which draws its weights.
        dtype: Type of all numbers.

    Attributes:
        weights: One array per layer, shape ``(networks, inputs, outputs)``.
        biases: One array per layer, shape ``(networks, 1, outputs)``.
    """

    def __init__(self, sizes: Sequence[int], rngs: Sequence[np.random.Generator], dtype: Any = np.float64) -> None:
        self.weights: list[Array] = []
        self.biases: list[Array] = []
        for fan_in, width in itertools.pairwise(sizes):
            drawn = [rng.normal(0, np.sqrt(2 / fan_in), (fan_in, width)) for rng in rngs]
            self.weights.append(np.array(drawn, dtype=dtype))
            self.biases.append(np.array([rng.normal(size=(1, width)) for rng in rngs], dtype=dtype))

    def forward(self, inputs: Array) -> list[Array]:
        """Return the inputs, the outputs of the hidden layers and the logits, each ``(networks, samples, width)``."""
        layers = [inputs]
        for weight, bias in zip(self.weights[:-1], self.biases[:-1], strict=True):
            layers.append(elu(layers[-1] @ weight + bias))
        return [*layers, layers[-1] @ self.weights[-1] + self.biases[-1]]

    def errors(self, layers: Sequence[Array], labels: NDArray[np.int64]) -> list[Array]:
        """Return the gradient of each sample's cross-entropy with respect to the inputs of each layer's activation.

        Args:
            layers: What :meth:`forward` returned.
            labels: Right labels, shape ``(networks, samples)``.

        Returns:
            One array per layer, shape ``(networks, samples, width)``.
        """
        error = softmax(layers[-1])
        networks, samples = np.ogrid[: labels.shape[0], : labels.shape[1]]
        error[networks, samples, labels] -= 1
        errors = [error]
        for weight, output in zip(self.weights[:0:-1], layers[-2:0:-1], strict=True):
            error = (error @ weight.transpose(0, 2, 1)) * np.minimum(output + 1, 1)  # ELU's slope is output + 1 below 0
            errors.append(error)
        return errors[::-1]

    def gradients(self, layers: Sequence[Array], errors: Sequence[Array]) -> list[Array]:
        """Return the gradients of all weights, then of all biases, averaged over the samples."""
        means = [error / layers[0].shape[1] for error in errors]
        weights = [layer.transpose(0, 2, 1) @ mean for layer, mean in zip(layers[:-1], means, strict=True)]
        return [*weights, *(mean.sum(axis=1, keepdims=True) for mean in means)]

    def descend(self, layers: Sequence[Array], errors: Sequence[Array], rates: Array) -> None:
        """Take a step along the gradient, averaged over the samples.

        Args:
            layers: What :meth:`forward` returned.
            errors: What :meth:`errors` returned.
            rates: Learning rate of each network, shape ``(networks,)``.
        """
        scale = (rates / layers[0].shape[1])[:, None, None].astype(self.weights[0].dtype)
        for weight, bias, layer, error in zip(self.weights, self.biases, layers[:-1], errors, strict=True):
            scaled = scale * error
            weight -= layer.transpose(0, 2, 1) @ scaled
            bias -= scaled.sum(axis=1, keepdims=True)

    def after_virtual_steps(
        self, inputs: Array, layers: Sequence[Array], errors: Sequence[Array], rates: Array
    ) -> Array:
        """Return the logits after a step along the gradient of one sample, at several learning rates.

        Args:
            inputs: Samples to classify, shape ``(networks, samples, features)``.
            layers: What :meth:`forward` returned of the one sample, each ``(networks, 1, width)``.
            errors: Its :meth:`errors`.
            rates: Learning rates, shape ``(networks, options)``.

        Returns:
            Logits, shape ``(networks, options, samples, classes)``.
        """
        scale = rates[:, :, None, None].astype(inputs.dtype)
        count, options, samples = len(inputs), rates.shape[1], inputs.shape[1]
        current = inputs[:, None]  # the options share the first layer's products
        for number, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            sample, error = layers[number], errors[number]
            flat = current.reshape(count, -1, current.shape[-1])
            common = (flat @ weight + bias).reshape(count, -1, samples, weight.shape[-1])
            along = (flat @ sample.transpose(0, 2, 1) + 1).reshape(count, -1, samples, 1)  # + 1: the bias's input
            current = common - (scale * along) * error[:, None]
            if number < len(self.weights) - 1:
                current = elu(current)
        assert current.shape[1] == options
        return current


def elu(values: Array) -> Array:
    """Return x where x > 0, else exp(x) - 1 (ELU with alpha = 1)."""
    below = np.minimum(values, 0)
    np.exp(below, out=below)
    below -= 1
    return np.asarray(np.maximum(values, below, out=below))  # exp(x) - 1 >= x; above 0 it is cut to 0


def softmax(logits: Array) -> Array:
    """Return probabilities along the last axis."""
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    powers /= powers.sum(axis=-1, keepdims=True)
    return np.asarray(powers)
