"""Attacks whose perturbation is the output of a trained network: SA-RL, RAT and others."""

from __future__ import annotations

from typing import Any, Unpack

import numpy as np

from quintain.agents.policies import MLP, Network, Policy, Space, as_network
from quintain.attacks.budget import Ball
from quintain.attacks.observation import Array, Method, Options, perturb_observations
from quintain.attacks.view import View
from quintain.attacks.wrappers import EnvT

__all__ = ["LearnedAttack", "LearnedMethod", "SARLAttack", "actor_network", "scaled"]


class LearnedMethod(Method):
    """delta = epsilon * clip(f(x), -1, 1), x being the true observation as the victim's networks read it.

    At test time only the adversary's network runs; of the policy it needs nothing but the observation normaliser.

    Args:
        victim: The policy under attack, for its normaliser.
        network: f, from ``(n, d)`` to ``(n, d)``.
        space: Space in which the budget is measured. Default: ``"raw"``.
        name: Name of the attack in reports and in ``info["attack"]``. Default: ``"sa-rl"``.
    """

    sees = "observations"

    def __init__(self, victim: Policy, network: Network, space: Space = "raw", name: str = "sa-rl") -> None:
        self.name = name
        self.network = network
        self.view = View(victim, space)

    def draw(self, rng: np.random.Generator, ball: Ball, dimension: int) -> Array:
        """Return no random numbers: the method is deterministic."""
        return np.zeros((0, dimension))

    def propose(self, z: Array, noise: Array, ball: Ball) -> Array:
        """Evaluate the network."""
        x, _ = self.view.network_input(z)
        return scaled(self.network(x), ball)


def scaled(raw: Array, ball: Ball) -> Array:
    """Return epsilon times the outputs, which are clipped to [-1, 1] for l_inf, to length 1 for l2."""
    unit = Ball(1.0, ball.norm)
    return ball.epsilon * unit.project(raw.astype(np.float64))


def LearnedAttack(
    env: EnvT, victim: Policy, method: Method | Network, *, epsilon: float, **options: Unpack[Options]
) -> EnvT:
    """Wrap an environment in a trained attack.

    Args:
        env: Environment or vector environment.
        victim: The policy under attack.
        method: What training returned, such as :func:`~quintain.attacks.adversary.train_adversary`; or the network of a
            :class:`LearnedMethod`.
        epsilon: Budget, >= 0, in units of ``space``; give budget, norm and space as in training.
        **options: See :class:`~quintain.attacks.observation.Options`.

    Raises:
        ConfigurationError: If budget, space, victim and environment do not fit.
    """
    if not isinstance(method, Method):
        method = LearnedMethod(victim, method, options.get("space", "raw"), options.get("name") or "learned")
    return perturb_observations(env, victim, method, epsilon, **options)


def SARLAttack(
    env: EnvT, victim: Policy, adversary: Method | Network, *, epsilon: float, **options: Unpack[Options]
) -> EnvT:
    """Wrap an environment in SA-RL (Zhang et al. 2021), a black-box attack.

    ``adversary`` comes from ``train_adversary(..., kind="sa-rl")``; arguments and errors as in :func:`LearnedAttack`.
    """
    if not isinstance(adversary, Method):
        options.setdefault("name", "sa-rl")
    return LearnedAttack(env, victim, adversary, epsilon=epsilon, **options)


def actor_network(policy: Any) -> MLP:
    """Copy the actor of a Stable-Baselines3 actor-critic policy."""
    network = as_network(policy.mlp_extractor.policy_net, policy.action_net)
    assert isinstance(network, MLP)
    return network
