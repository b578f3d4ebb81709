"""Intention policies: the behaviour that a targeted attacker wants, here the mirror image of a Tabletop policy."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from quintain.agents.policies import Network, Policy
from quintain.agents.policies.networks import VJPFunction

__all__ = ["mirror_image"]

Array = NDArray[np.floating[Any]]


def mirror_image(victim: Policy) -> Policy:
    """Return the policy that causes the mirror image of what a Tabletop policy does.

    The table is symmetric under x -> -x, and the attacker's goal in scenario "opposite" is the mirror image of the
    task's goal. So a(s) = M pi(M' s), where M' mirrors hand, object and their velocities and leaves the goal alone, and
    M mirrors the action, does to the left what pi does to the right, equally well. A policy trained on the mirrored
    task would not: it has never observed a goal on the right-hand side.

    Args:
        victim: A policy trained on a Tabletop task, whose goal lies on the right-hand side.
    """
    size = victim.observation_space.shape or (0,)
    signs = np.ones(size[0])
    signs[0 : size[0] - 2 : 2] = -1
    normaliser = victim.normaliser
    shift = np.zeros_like(signs) if normaliser is None else (signs - 1) * normaliser.mean / normaliser.scale
    return Policy(
        _Mirrored(victim.network, signs, shift, np.array([-1.0, 1.0])),
        victim.observation_space,
        victim.action_space,
        head=victim.head,
        normaliser=normaliser,
        name=f"{victim.name} in a mirror",
    )


class _Mirrored:
    """f(x) = out * policy(signs * x + shift): the mirrored network, on normalised observations."""

    def __init__(self, policy: Network, signs: Array, shift: Array, out: Array) -> None:
        self.policy, self.signs, self.shift, self.out = policy, signs, shift, out

    def __call__(self, x: Array) -> Array:
        outputs = self.policy(self.signs * x + self.shift)
        return np.asarray(outputs * self.out.astype(outputs.dtype))

    def vjp(self, x: Array) -> tuple[Array, VJPFunction]:
        outputs, back = self.policy.vjp(self.signs * x + self.shift)
        out = self.out.astype(outputs.dtype)
        return np.asarray(outputs * out), lambda gradient: np.asarray(back(gradient * out) * self.signs)
