"""PA-AD: a trained director gives the direction of the change of the action, a gradient step the perturbation."""

from __future__ import annotations

from typing import Unpack

import numpy as np

from quintain.agents.policies import Network, Policy, Space
from quintain.attacks.budget import Ball
from quintain.attacks.gradient import Ascent, GradientMethod
from quintain.attacks.observation import Array, Method, Options, perturb_observations
from quintain.attacks.wrappers import EnvT

__all__ = ["PAAD", "PAADAttack"]


class PAAD(GradientMethod):
    """Policy Adversarial Actor Director (Sun et al. 2022).

    The director is a network trained by reinforcement learning, whose output d is a direction in the space of the
    policy's outputs mu. The actor, one gradient step on the observation, moves mu in that direction.

    From a random start in a tenth of the ball, delta = epsilon * steepest(grad) of
    cos(mu(z + delta) - mu(z), d) + ||mu(z + delta) - mu(z)||, with d = director(x).

    Args:
        victim: The policy under attack; needs gradients and continuous actions.
        director: From observations ``(n, d)`` as the policy's network reads them to directions ``(n, k)``.
        space: Space in which the budget is measured. Default: ``"raw"``.
    """

    name = "pa-ad"
    needs = ("gradient", "continuous")

    def __init__(self, victim: Policy, director: Network, space: Space = "raw") -> None:
        super().__init__(victim, space, 1)
        self.director = director

    def ascent(self, z: Array) -> Ascent:
        """Return the gradient of the objective for the director's direction."""
        x, _ = self.view.network_input(z)
        return self.towards(z, self.director(x))

    def towards(self, z: Array, direction: Array) -> Ascent:
        """Return the gradient of the objective for a given direction, shape ``(n, k)``."""
        x, _ = self.view.network_input(z)
        clean = self.victim.network(x)
        unit_direction = Ball(1.0, "l2").steepest(direction.astype(np.float64))

        def gradient(point: Array) -> Array:
            outputs, back = self.view.vjp(self.victim.network, point)
            change = (outputs - clean).astype(np.float64)
            length = np.maximum(np.linalg.norm(change, axis=1, keepdims=True), 1e-12)
            unit = change / length
            # d cos(c, d)/dc = (d - cos c/|c|) / |c|, and d|c|/dc = c/|c|.
            cosine = np.sum(unit * unit_direction, axis=1, keepdims=True)
            return back((unit_direction - cosine * unit) / length + unit)

        return gradient

    def propose(self, z: Array, noise: Array, ball: Ball) -> Array:
        """Ask the director and take the step."""
        return self.step(z, noise, self.ascent(z), ball)

    def step(self, z: Array, noise: Array, ascent: Ascent, ball: Ball) -> Array:
        """Take one step of length epsilon, along the gradient at the random start."""
        return np.asarray(ball.epsilon * ball.steepest(ascent(z + noise[:, 0] / 10)))


def PAADAttack(
    env: EnvT, victim: Policy, adversary: Method | Network, *, epsilon: float, **options: Unpack[Options]
) -> EnvT:
    """Wrap an environment in :class:`PAAD`, a white-box attack.

    Args:
        env: Environment or vector environment.
        victim: The policy under attack.
        adversary: What ``train_adversary(..., kind="pa-ad")`` returned, or its director.
        epsilon: Budget, >= 0, in units of ``space``; give budget, norm and space as in training.
        **options: See :class:`~quintain.attacks.observation.Options`.

    Raises:
        CapabilityError: If the victim has no gradient or discrete actions.
        ConfigurationError: If budget, space, victim and environment do not fit.
    """
    method = adversary if isinstance(adversary, Method) else PAAD(victim, adversary, options.get("space", "raw"))
    return perturb_observations(env, victim, method, epsilon, **options)
