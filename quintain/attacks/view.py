"""The victim as seen from the space in which a budget is declared."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from quintain.agents.policies import ActionValue, Network, Policy, Space
from quintain.agents.policies.networks import Pullback
from quintain.errors import ConfigurationError

__all__ = ["View"]

Array = NDArray[np.floating[Any]]


class View:
    """Policy and critics as functions of z, the observation in the budget's space.

    In raw space x = clip((z - mean) / scale), in normalised space x = clip(z), where x is what the networks read. The
    clip is part of the derivative: beyond it the victim is blind, and the gradient is 0.

    Args:
        victim: The victim.
        space: Where the budget is measured.

    Raises:
        ConfigurationError: If ``space`` is ``"normalised"`` and the victim normalises nothing.
    """

    def __init__(self, victim: Policy, space: Space) -> None:
        if space == "normalised" and victim.normaliser is None:
            raise ConfigurationError(f"victim {victim.name!r} normalises nothing; declare the budget in space='raw'")
        self.victim = victim
        self._clip = np.inf if victim.normaliser is None else victim.normaliser.clip
        self._affine = victim.normaliser if space == "raw" else None
        self._standard = victim.normaliser if space == "normalised" else None

    def read(self, z: Array) -> tuple[Array, Array | float]:
        """Return x and the derivative of each entry of x by the same entry of z."""
        slope: Array | float = 1.0
        if self._affine is not None:
            z = (z - self._affine.mean) / self._affine.scale
            slope = 1 / self._affine.scale
        if np.isinf(self._clip):
            return z, slope
        x = np.maximum(np.minimum(z, self._clip), -self._clip)
        return x, slope * (x == z)

    def raw(self, z: Array) -> Array:
        """Return observations as the environment gives them."""
        return z if self._standard is None else np.asarray(z * self._standard.scale + self._standard.mean)

    def pull(self, network: Network, z: Array) -> tuple[Array, Pullback]:
        """Return a network's outputs at z, and the pullback to z."""
        x, slope = self.read(z)
        outputs, back = network.pull(x)
        return outputs, lambda gradient: np.asarray(back(gradient) * slope)

    def action_value_slope(self, critic: ActionValue, x: Array, outputs: Array) -> Array:
        """Return the derivative of Q(x, action) by the policy's outputs, shape ``(n, k)``."""
        actions, squash = self.victim.q_actions(outputs)
        _, back = critic.pull(x, actions)
        return np.asarray(back(np.ones(len(x), dtype=x.dtype)) * squash)
