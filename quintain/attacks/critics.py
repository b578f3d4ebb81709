"""Attacks that descend a critic of the policy: its own, or one trained for the attack (Robust Sarsa)."""

from __future__ import annotations

from typing import Unpack

import numpy as np

from quintain.agents.policies import ActionValue, Network, Policy, Space
from quintain.attacks.divergence import MAD
from quintain.attacks.gradient import Ascent, GradientMethod, Mixture
from quintain.attacks.observation import Array, Options, perturb_observations
from quintain.attacks.view import View
from quintain.attacks.wrappers import EnvT
from quintain.errors import CapabilityError

__all__ = ["Critic", "CriticAttack", "MixedAttack", "RobustSarsa", "RobustSarsaAttack"]


class Critic(GradientMethod):
    """Gradient descent on the policy's own critic (Pattanaik et al. 2018).

    Descends V(z') where the policy has a state value, else Q(z, pi(z')).
    """

    name = "critic"

    def __init__(self, victim: Policy, space: Space = "raw", steps: int = 10) -> None:
        super().__init__(victim, space, steps)
        if not victim.capabilities & {"value", "action_value"}:
            raise CapabilityError(
                f"attack 'critic' needs a critic, and victim {victim.name!r} has neither V(s) nor Q(s, a); "
                "pass value=... or action_value=..., or use RobustSarsaAttack, which trains a critic"
            )

    def ascent(self, z: Array) -> Ascent:
        """Return the gradient of the negative value."""
        value = self.victim.value
        if value is None:
            assert self.victim.action_value is not None
            return _low_action_value(self.view, self.victim.action_value, z)

        def gradient(point: Array) -> Array:
            outputs, back = self.view.vjp(value, point)
            return back(np.full_like(outputs, -1.0))

        return gradient


class RobustSarsa(GradientMethod):
    """Robust Sarsa (Zhang et al. 2020, section 3.4): descend Q(z, pi(z')) of a critic learned for this attack.

    Args:
        victim: The policy under attack.
        critic: Q(s, a) of the victim, smooth in a; :func:`~quintain.attacks.sarsa.train_robust_sarsa` fits one.
        space: Space in which the budget is measured. Default: ``"raw"``.
        steps: Gradient steps, >= 1; 10 as in the reference implementation. Default: 10.
    """

    name = "robust sarsa"
    needs = ("gradient", "continuous")

    def __init__(self, victim: Policy, critic: ActionValue, space: Space = "raw", steps: int = 10) -> None:
        super().__init__(victim, space, steps)
        self.critic = critic

    def ascent(self, z: Array) -> Ascent:
        """Return the gradient of -Q(z, pi(point)) at the true state z."""
        return _low_action_value(self.view, self.critic, z)


def CriticAttack(env: EnvT, victim: Policy, *, epsilon: float, steps: int = 10, **options: Unpack[Options]) -> EnvT:
    """Wrap an environment in :class:`Critic`, a white-box attack.

    Arguments and errors are those of :func:`~quintain.attacks.divergence.MADAttack`; the victim needs V(s) or Q(s, a).
    """
    return perturb_observations(env, victim, Critic(victim, options.get("space", "raw"), steps), epsilon, **options)


def RobustSarsaAttack(
    env: EnvT,
    victim: Policy,
    critic: ActionValue | Network,
    *,
    epsilon: float,
    steps: int = 10,
    **options: Unpack[Options],
) -> EnvT:
    """Wrap an environment in :class:`RobustSarsa`, a white-box attack.

    Args:
        env: Environment or vector environment.
        victim: The policy under attack, with continuous actions.
        critic: Q(s, a) of the victim, from :func:`~quintain.attacks.sarsa.train_robust_sarsa`; or its one network.
        epsilon: Budget, >= 0, in units of ``space``.
        steps: Gradient steps, >= 1; 10 as in the reference implementation. Default: 10.
        **options: See :class:`~quintain.attacks.observation.Options`.

    Raises:
        CapabilityError: If the victim has no gradient or discrete actions.
        ConfigurationError: If budget, space, victim and environment do not fit.
    """
    method = RobustSarsa(victim, _as_action_value(critic), options.get("space", "raw"), steps)
    return perturb_observations(env, victim, method, epsilon, **options)


def MixedAttack(
    env: EnvT,
    victim: Policy,
    critic: ActionValue | Network,
    *,
    epsilon: float,
    steps: int = 10,
    share: float = 0.5,
    **options: Unpack[Options],
) -> EnvT:
    """Wrap an environment in a mixture of Robust Sarsa and MAD, a white-box attack.

    ``share`` in [0, 1] is the weight of Robust Sarsa; the others are those of :func:`RobustSarsaAttack`.
    """
    space = options.get("space", "raw")
    parts = [RobustSarsa(victim, _as_action_value(critic), space, steps), MAD(victim, space, steps)]
    return perturb_observations(env, victim, Mixture(parts, [share, 1 - share], steps, "rs+mad"), epsilon, **options)


def _as_action_value(critic: ActionValue | Network) -> ActionValue:
    return critic if isinstance(critic, ActionValue) else ActionValue([critic])


def _low_action_value(view: View, critic: ActionValue, z: Array) -> Ascent:
    """Return the gradient of -Q(z, pi(point))."""
    x, _ = view.network_input(z)

    def gradient(point: Array) -> Array:
        outputs, back = view.vjp(view.victim.network, point)
        return back(-view.action_value_slope(critic, x.astype(outputs.dtype), outputs))

    return gradient
