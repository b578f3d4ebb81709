"""The policy under attack as RAT reads it: a normal distribution over actions, with gradients."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quintain.agents.policies import Policy
from quintain.errors import ConfigurationError

__all__ = ["MIN_STD", "VictimGaussian", "kl", "kl_gradients"]

Array = NDArray[np.floating[Any]]

#: Standard deviation, in units of half the action range, of policies that have none, and the minimum for all others.
MIN_STD = 0.1


class VictimGaussian:
    """Mean and standard deviation of a policy's action, with actions scaled to [-1, 1].

    Policies with and without a squashing tanh are compared in the executed action: the mean of a squashed one goes
    through the tanh, and its standard deviation is multiplied by the derivative of the tanh at the mean.

    Args:
        victim: A policy with gradients and continuous, bounded actions.

    Raises:
        CapabilityError: If its actions are discrete or it has no gradient.
        ConfigurationError: If its actions are unbounded.
    """

    def __init__(self, victim: Policy) -> None:
        victim.require(("continuous", "gradient"), "RAT")
        space: Any = victim.action_space
        if not space.is_bounded():
            raise ConfigurationError(f"RAT needs bounded actions, got {space}")
        self._policy, self._squashed = victim.network, victim.head == "squashed"
        source = victim.std_source
        self._log_std = None if isinstance(source, np.ndarray) else source
        self._low: Array = np.full(space.shape, -1.0, np.float32)
        self._half: Array = np.ones(space.shape, np.float32)
        if victim.head not in ("squashed", "scaled"):
            self._low, self._half = space.low, (space.high - space.low) / 2
        std = np.full(space.shape, MIN_STD)
        if isinstance(source, np.ndarray):
            std = source / self._half
        self._std = std.astype(np.float32)

    def __call__(self, x: Array) -> tuple[Array, Array]:
        """Return mean and standard deviation, each of shape ``(n, k)``, at normalised observations, ``(n, d)``."""
        mean, std, _ = self.vjp(x)
        return mean, std

    def vjp(self, x: Array) -> tuple[Array, Array, Callable[[Array, Array], Array]]:
        """Return mean, standard deviation, and the vector-Jacobian product.

        The latter maps gradients with respect to mean and standard deviation, each ``(n, k)``, to the gradient with
        respect to ``x``, ``(n, d)``.
        """
        outputs, back = self._policy.vjp(x)
        mean = (outputs - self._low) / self._half - 1
        scale: Array = 1 / self._half
        spread: Array = np.broadcast_to(self._std, mean.shape)
        back_spread: Callable[[Array], Array] | None = None
        if self._log_std is not None:
            logs, back_spread = self._log_std.vjp(x)
            spread = np.exp(np.clip(logs, -20, 2)) / self._half
        std = spread
        if self._squashed:
            mean = np.tanh(outputs)
            scale = 1 - mean * mean
            std = spread * scale
        clipped = std < MIN_STD

        def pullback(grad_mean: Array, grad_std: Array) -> Array:
            grad_std = np.where(clipped, 0, grad_std)
            if self._squashed:
                grad_mean = grad_mean - 2 * mean * spread * grad_std
            gradient = back(grad_mean * scale)
            if back_spread is not None:  # spread is an exponential of the output, so it is its own derivative
                inner = (logs > -20) & (logs < 2)
                gradient = gradient + back_spread(grad_std * std * inner)
            return gradient

        return mean, np.maximum(std, MIN_STD), pullback


def kl(mean: Array, std: Array, other_mean: Array, other_std: Array) -> Array:
    """Return KL(N(mean, std) || N(other_mean, other_std)), summed over action entries: shape ``(n,)``.

    KL = sum_j 1/2 (r_j - 1 - ln r_j + ((mean_j - other_mean_j) / other_std_j)^2), with r_j = (std_j / other_std_j)^2.
    """
    ratio = (std / other_std) ** 2
    return np.asarray(0.5 * (ratio - 1 - np.log(ratio) + ((mean - other_mean) / other_std) ** 2).sum(1))


def kl_gradients(mean: Array, std: Array, other_mean: Array, other_std: Array) -> tuple[Array, Array]:
    """Return the gradients of :func:`kl` with respect to ``mean`` and ``std``, each of shape ``(n, k)``."""
    return (mean - other_mean) / other_std**2, std / other_std**2 - 1 / std
