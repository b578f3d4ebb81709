"""MAD computed on an imitation of the policy: a black-box attack with gradients."""

from __future__ import annotations

from typing import Unpack

import gymnasium as gym
import numpy as np

from quintain.agents.policies import MLP, Network, Normaliser, Policy
from quintain.attacks.contract import AttackContext, Trained
from quintain.attacks.divergence import MADAttack
from quintain.attacks.observation import Options
from quintain.attacks.surrogate import SurrogateSettings, train_surrogate
from quintain.attacks.wrappers import EnvT

__all__ = ["MADSurrogateAttack", "normaliser_of", "train"]


def MADSurrogateAttack(
    env: EnvT, victim: Policy, network: Network, *, epsilon: float, **options: Unpack[Options]
) -> EnvT:
    """Wrap an environment in MAD against an imitation of the policy under attack.

    Budgets in normalised space are measured in units of the victim's normaliser.

    Args:
        env: Environment or vector environment.
        victim: The policy under attack; only its spaces and its normaliser are used.
        network: Network of the imitation, trained with the victim's normaliser (:func:`train`).
        epsilon: Budget, >= 0, in units of ``space``.
        **options: See :class:`~quintain.attacks.observation.Options`.

    Raises:
        ConfigurationError: If budget, space, victim and environment do not fit.
    """
    discrete = isinstance(victim.action_space, gym.spaces.Discrete)
    imitation = Policy(
        network, victim.observation_space, victim.action_space, head="categorical" if discrete else "gaussian",
        std=None if discrete else np.ones(victim.action_space.shape or ()), normaliser=normaliser_of(victim),
        name="imitation",
    )  # fmt: skip
    options.setdefault("name", "mad-surrogate")
    return MADAttack(env, imitation, epsilon=epsilon, **options)


def train(context: AttackContext) -> Trained:
    """Train the imitation from the policy's actions alone.

    Args:
        context: The policy under attack, its environment, the number of environment steps and the seed.

    Returns:
        The imitation's network, with its error and that of the best constant action on held-out episodes.
    """
    settings = SurrogateSettings(transitions=context.steps)
    made = train_surrogate(
        context.make_env, context.victim, settings=settings, normaliser=normaliser_of(context.victim),
        seed=context.seed,
    )  # fmt: skip
    network = made.policy.network
    assert isinstance(network, MLP)
    return Trained(network, {"steps": context.steps, "error": made.error, "baseline": made.baseline})


def normaliser_of(policy: Policy) -> Normaliser:
    """Return the policy's normaliser, or the identity."""
    size = int(np.prod(policy.observation_space.shape or ()))
    return policy.normaliser or Normaliser(np.zeros(size), np.ones(size))
