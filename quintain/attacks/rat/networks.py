"""The victim as RAT sees it, a normal distribution over actions; and torch networks with seeds of their own."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quintain.agents.policies import Policy
from quintain.errors import ConfigurationError

__all__ = ["ASSUMED_STD", "VictimGaussian", "kl", "kl_slopes", "perceptron"]

Array = NDArray[np.floating[Any]]

#: Standard deviation, in units of half the action range, of a victim that has none, and the least of any policy.
ASSUMED_STD = 0.1


class VictimGaussian:
    """The victim's action distribution as mean and standard deviation, actions being scaled to [-1, 1].

    Squashed and unsquashed victims are compared where they act: the mean of a squashed one is taken through the tanh,
    its standard deviation times the slope there.

    Args:
        victim: A victim with continuous, bounded actions.

    Raises:
        CapabilityError: If its actions are discrete or it has no gradient.
        ConfigurationError: If its actions are unbounded.
    """

    def __init__(self, victim: Policy) -> None:
        victim.require(("continuous", "gradient"), "RAT")
        space: Any = victim.action_space
        if not space.is_bounded():
            raise ConfigurationError(f"RAT needs bounded actions, got {space}")
        self._policy, self._squashed = victim.policy, victim.head == "squashed"
        source = victim.std_source
        self._log_std = None if isinstance(source, np.ndarray) else source
        self._low: Array = np.full(space.shape, -1.0, np.float32)
        self._half: Array = np.ones(space.shape, np.float32)
        if victim.head not in ("squashed", "scaled"):
            self._low, self._half = space.low, (space.high - space.low) / 2
        std = np.full(space.shape, ASSUMED_STD)
        if isinstance(source, np.ndarray):
            std = source / self._half
        self._std = std.astype(np.float32)

    def __call__(self, x: Array) -> tuple[Array, Array]:
        """Return mean and standard deviation, each ``(n, a)``, for what the victim's networks read, ``(n, d)``."""
        mean, std, _ = self.pull(x)
        return mean, std

    def pull(self, x: Array) -> tuple[Array, Array, Callable[[Array, Array], Array]]:
        """Return mean, standard deviation, and a function from gradients at these to the gradient at ``x``."""
        outputs, back = self._policy.pull(x)
        mean = (outputs - self._low) / self._half - 1
        slope: Array = 1 / self._half
        spread: Array = np.broadcast_to(self._std, mean.shape)
        back_spread: Callable[[Array], Array] | None = None
        if self._log_std is not None:
            logs, back_spread = self._log_std.pull(x)
            spread = np.exp(np.clip(logs, -20, 2)) / self._half
        std = spread
        if self._squashed:
            mean = np.tanh(outputs)
            slope = 1 - mean * mean
            std = spread * slope
        clipped = std < ASSUMED_STD

        def pullback(by_mean: Array, by_std: Array) -> Array:
            by_std = np.where(clipped, 0, by_std)
            if self._squashed:
                by_mean = by_mean - 2 * mean * spread * by_std
            pulled = back(by_mean * slope)
            if back_spread is not None:  # the spread is an exponential, so its slope is itself
                inner = (logs > -20) & (logs < 2)
                pulled = pulled + back_spread(by_std * std * inner)
            return pulled

        return mean, np.maximum(std, ASSUMED_STD), pullback


def kl(mean: Array, std: Array, other_mean: Array, other_std: Array) -> Array:
    """Return KL(N(mean, std) || N(other_mean, other_std)), summed over actions: shape ``(n,)``."""
    ratio = (std / other_std) ** 2
    return np.asarray(0.5 * (ratio - 1 - np.log(ratio) + ((mean - other_mean) / other_std) ** 2).sum(1))


def kl_slopes(mean: Array, std: Array, other_mean: Array, other_std: Array) -> tuple[Array, Array]:
    """Return the derivatives of :func:`kl` by ``mean`` and ``std``."""
    return (mean - other_mean) / other_std**2, std / other_std**2 - 1 / std


def perceptron(torch: Any, sizes: Sequence[int], generator: Any, last: str = "identity") -> Any:
    """Make a ReLU network in torch with weights from a generator of its own; ``last``: ``"identity"`` or ``"tanh"``."""
    layers: list[Any] = []
    for fan_in, fan_out in itertools.pairwise(sizes):
        layer = torch.nn.utils.skip_init(torch.nn.Linear, fan_in, fan_out)
        with torch.no_grad():
            layer.weight.uniform_(-(fan_in**-0.5), fan_in**-0.5, generator=generator)
            layer.bias.zero_()
        layers += [layer, torch.nn.ReLU()]
    layers[-1] = torch.nn.Tanh() if last == "tanh" else torch.nn.Identity()
    return torch.nn.Sequential(*layers)
