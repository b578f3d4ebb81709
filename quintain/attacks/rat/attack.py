"""RAT as a wrapper of environments."""

from __future__ import annotations

from typing import Unpack

from quintain.agents.policies import Network, Policy
from quintain.attacks.learned import LearnedAttack
from quintain.attacks.observation import Method, Options
from quintain.attacks.rat.training import TrainedRAT
from quintain.attacks.wrappers import EnvT

__all__ = ["RATAttack"]


def RATAttack(
    env: EnvT, victim: Policy, trained: TrainedRAT | Method | Network, *, epsilon: float, **options: Unpack[Options]
) -> EnvT:
    """Wrap an environment in RAT (Bai et al. 2025), which reads gradients of the policy in training only.

    Args:
        env: Environment or vector environment.
        victim: The policy under attack.
        trained: What :func:`~quintain.attacks.rat.training.train_rat` returned, its ``method``, or the adversary's
            network.
        epsilon: Budget in the l_inf norm, >= 0, in units of ``space``; give budget and space as in training.
        **options: See :class:`~quintain.attacks.observation.Options`.

    Raises:
        ConfigurationError: If budget, space, victim and environment do not fit.
    """
    if isinstance(trained, TrainedRAT):
        trained = trained.method
    if not isinstance(trained, Method):
        options.setdefault("name", "rat")
    return LearnedAttack(env, victim, trained, epsilon=epsilon, **options)
