"""White-box attacks that follow a gradient through the policy: what they share, and mixtures of them."""

from __future__ import annotations

import copy
from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import ClassVar, Self

import numpy as np

from quintain.agents.policies import Policy, PolicyCapability, Rollouts, Space
from quintain.attacks.budget import Ball
from quintain.attacks.observation import Array, Method
from quintain.attacks.perturbation import Rows
from quintain.attacks.view import View
from quintain.errors import ConfigurationError

__all__ = ["Ascent", "GradientMethod", "Mixture"]

#: Returns the gradient to ascend at points near the observations for which it was prepared, shape ``(n, d)`` each.
Ascent = Callable[[Array], Array]


class GradientMethod(Method):
    """Projected gradient ascent from a small random start.

    z_0 = z + start / 10, z_{i+1} = project(z_i + eta * steepest(g(z_i))), with eta = epsilon / 10 unless stated
    otherwise: the settings that the reference implementations of Zhang et al. (2020) share.

    Args:
        victim: The policy under attack.
        space: Space in which the budget is measured. Default: ``"raw"``.
        steps: Gradient steps, >= 1; 10 as in the reference implementations. Default: 10.

    Raises:
        CapabilityError: If the victim lacks a capability in ``needs``.
        ConfigurationError: If ``steps`` is below 1.
    """

    sees = "gradients"
    needs: ClassVar[tuple[PolicyCapability, ...]] = ("gradient",)

    def __init__(self, victim: Policy, space: Space = "raw", steps: int = 10) -> None:
        victim.require(self.needs, f"attack {self.name!r}")
        if isinstance(steps, bool) or not isinstance(steps, int) or steps < 1:
            raise ConfigurationError(f"steps must be an integer >= 1, got {steps!r}")
        self.victim = victim
        self.view = View(victim, space)
        self.space: Space = space
        self.steps = steps

    def with_history(self, rollouts: Rollouts[Policy], rows: Rows) -> Self:
        """Condition a history-dependent victim on its running episodes in ``rows``."""
        if rollouts.policy is not self.victim:
            return self
        other = copy.copy(self)
        other.victim = rollouts.policy_at(rows)
        other.view = View(other.victim, self.space)
        return other

    @abstractmethod
    def ascent(self, z: Array) -> Ascent:
        """Return the gradient function for perturbations of ``z``, shape ``(n, d)``."""

    def draw(self, rng: np.random.Generator, ball: Ball, dimension: int) -> Array:
        """Draw the starting point uniformly from the ball."""
        return ball.sample(rng, dimension)[None]

    def propose(self, z: Array, noise: Array, ball: Ball) -> Array:
        """Run projected gradient ascent."""
        ascent = self.ascent(z)
        eta = ball.epsilon / 10
        delta: Array = noise[:, 0] / 10
        for _ in range(self.steps):
            delta = ball.project(delta + eta * ball.steepest(ascent(z + delta)))
        return delta


class Mixture(GradientMethod):
    """A weighted sum of other attacks' gradients, such as Robust Sarsa and MAD half and half.

    Differences: each gradient is scaled to length 1 per observation first, so that a weight means the same whatever
    the scale of rewards.

    Args:
        parts: Attacks on the same victim, in the same space.
        weights: One per part, >= 0, not all 0; relative.
        steps: Gradient steps, >= 1. Default: 10.
        name: Name in reports; ``"mixture"`` by default.
    """

    name = "mixture"

    def __init__(
        self, parts: Sequence[GradientMethod], weights: Sequence[float], steps: int = 10, name: str = ""
    ) -> None:
        if not parts or len(parts) != len(weights) or min(weights) < 0 or sum(weights) <= 0:
            raise ConfigurationError("a mixture needs one weight >= 0 per part, and not all of them 0")
        super().__init__(parts[0].victim, "raw", steps)
        self.parts = list(parts)
        self.weights = list(weights)
        if name:
            self.name = name

    def with_history(self, rollouts: Rollouts[Policy], rows: Rows) -> Self:
        """Condition a history-dependent victim on its running episodes in ``rows``, in every part."""
        other = copy.copy(self)
        other.parts = [part.with_history(rollouts, rows) for part in self.parts]
        return other

    def ascent(self, z: Array) -> Ascent:
        """Return the weighted sum of the normalised gradients."""
        ascents = [part.ascent(z) for part in self.parts]
        ball = Ball(1.0, "l2")

        def gradient(point: Array) -> Array:
            weighted = [w * ball.steepest(a(point)) for w, a in zip(self.weights, ascents, strict=True)]
            return np.asarray(sum(weighted))

        return gradient
