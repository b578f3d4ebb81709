"""What a targeted attacker wants, as a policy: for the Tabletop tasks, the victim itself, seen in a mirror."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from quintain.agents.policies import Network, Policy
from quintain.agents.policies.networks import Pullback

__all__ = ["mirror_image"]

Array = NDArray[np.floating[Any]]


def mirror_image(victim: Policy) -> Policy:
    """Return the policy that brings about the mirror image of what a Tabletop victim does.

    The table is symmetric under x -> -x, and the attacker's place of the scenario "opposite" is the mirror image of the
    goal. So a(s) = M pi(M' s), where M' mirrors hand, object and their velocities, leaves the goal alone, and M mirrors
    the action, does to the left what the victim pi does to the right, as well as pi does it. A victim trained on the
    mirrored task does not: it has never seen a goal on the right-hand side.

    Args:
        victim: A victim of a Tabletop task, whose goal lies on the right-hand side.
    """
    size = victim.observation_space.shape or (0,)
    signs = np.ones(size[0])
    signs[0 : size[0] - 2 : 2] = -1
    normaliser = victim.normaliser
    shift = np.zeros_like(signs) if normaliser is None else (signs - 1) * normaliser.mean / normaliser.scale
    return Policy(
        _Mirrored(victim.policy, signs, shift, np.array([-1.0, 1.0])),
        victim.observation_space,
        victim.action_space,
        head=victim.head,
        normaliser=normaliser,
        name=f"{victim.name} in a mirror",
    )


class _Mirrored:
    """f(x) = out * policy(signs * x + shift): a mirror in front of a policy that reads normalised observations."""

    def __init__(self, policy: Network, signs: Array, shift: Array, out: Array) -> None:
        self.policy, self.signs, self.shift, self.out = policy, signs, shift, out

    def __call__(self, x: Array) -> Array:
        outputs = self.policy(self.signs * x + self.shift)
        return np.asarray(outputs * self.out.astype(outputs.dtype))

    def pull(self, x: Array) -> tuple[Array, Pullback]:
        outputs, back = self.policy.pull(self.signs * x + self.shift)
        out = self.out.astype(outputs.dtype)
        return np.asarray(outputs * out), lambda gradient: np.asarray(back(gradient * out) * self.signs)
