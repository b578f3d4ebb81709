"""The policy as a function of the observation in the space in which a budget is declared."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from quintain.agents.policies import ActionValue, Network, Policy, Space
from quintain.agents.policies.networks import VJPFunction
from quintain.errors import ConfigurationError

__all__ = ["View", "check_space"]

Array = NDArray[np.floating[Any]]


def check_space(policy: Policy, space: Space) -> None:
    """Check that budgets for ``policy`` can be measured in ``space``.

    Raises:
        ConfigurationError: If ``space`` is ``"normalised"`` and the policy does not normalise observations.
    """
    if space == "normalised" and policy.normaliser is None:
        raise ConfigurationError(f"victim {policy.name!r} normalises nothing; declare the budget in space='raw'")


class View:
    """Policy and critics as functions of z, the observation in the budget's space.

    In raw space x = clip((z - mean) / scale), in normalised space x = clip(z), where x is the input of the networks.
    The clip is part of the derivative: outside of it x does not change, and the gradient is 0.

    Args:
        victim: The policy under attack, with its observation normaliser.
        space: Space in which the budget is measured.

    Raises:
        ConfigurationError: If ``space`` is ``"normalised"`` and the policy does not normalise observations.
    """

    def __init__(self, victim: Policy, space: Space) -> None:
        check_space(victim, space)
        self.victim = victim
        self._clip = np.inf if victim.normaliser is None else victim.normaliser.clip
        self._affine = victim.normaliser if space == "raw" else None
        self._standard = victim.normaliser if space == "normalised" else None

    def network_input(self, z: Array) -> tuple[Array, Array | float]:
        """Return x, shape ``(n, d)``, and the derivative of each entry of x by the same entry of z."""
        slope: Array | float = 1.0
        if self._affine is not None:
            z = (z - self._affine.mean) / self._affine.scale
            slope = 1 / self._affine.scale
        if np.isinf(self._clip):
            return z, slope
        x = np.maximum(np.minimum(z, self._clip), -self._clip)
        return x, slope * (x == z)

    def to_raw(self, z: Array) -> Array:
        """Return observations in the environment's units."""
        return z if self._standard is None else np.asarray(z * self._standard.scale + self._standard.mean)

    def vjp(self, network: Network, z: Array) -> tuple[Array, VJPFunction]:
        """Return a network's outputs at z, and the function from a gradient by the outputs to the gradient by z."""
        x, slope = self.network_input(z)
        outputs, back = network.vjp(x)
        return outputs, lambda gradient: np.asarray(back(gradient) * slope)

    def action_value_slope(self, critic: ActionValue, x: Array, outputs: Array) -> Array:
        """Return the derivative of Q(x, action) by the policy's outputs, shape ``(n, k)``."""
        actions, squash = self.victim.q_actions(outputs)
        _, back = critic.vjp(x, actions)
        return np.asarray(back(np.ones(len(x), dtype=x.dtype)) * squash)
