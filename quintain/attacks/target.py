"""The greedy targeted attack: gradient descent towards the actions of another policy."""

from __future__ import annotations

from typing import Any, Unpack

import numpy as np
from numpy.typing import NDArray

from quintain.agents.policies import Policy, Space
from quintain.attacks.gradient import Ascent, GradientMethod
from quintain.attacks.observation import Array, Options, perturb_observations
from quintain.attacks.wrappers import EnvT
from quintain.errors import CapabilityError

__all__ = ["Target", "TargetAttack"]


class Target(GradientMethod):
    """Projected gradient descent towards the actions of another policy.

    A white-box reference for learned targeted attacks: where it fails, they can hardly succeed.

    Descends sum_j (mu_j(z') - a_j)^2, a being the action of the intention policy in the true state.

    Args:
        victim: The policy under attack; needs gradients and continuous actions.
        intention: Policy whose actions the attack wants to cause, for instance one trained on the opposite task.
        space: Space in which the budget is measured. Default: ``"raw"``.
        steps: Gradient steps, >= 1. Default: 30.
    """

    name = "target"
    needs = ("gradient", "continuous")

    def __init__(self, victim: Policy, intention: Policy, space: Space = "raw", steps: int = 30) -> None:
        super().__init__(victim, space, steps)
        if intention.is_stateful:
            raise CapabilityError(
                f"intention policy {intention.name!r} is history-dependent, and attack 'target' needs its actions in "
                "single states; use a policy without a memory"
            )
        self.intention = intention

    def ascent(self, z: Array) -> Ascent:
        """Return the gradient towards the intention policy's actions."""
        wanted = self.wanted_actions(z)

        def gradient(point: Array) -> Array:
            outputs, back = self.view.vjp(self.victim.network, point)
            unit, slope = self.victim.q_actions(outputs)
            return back(-2 * (unit - wanted) * slope)

        return gradient

    def wanted_actions(self, z: Array) -> NDArray[Any]:
        """Return the intention policy's actions in the true states, in units of the victim's outputs."""
        actions = self.intention.act_batch(self.view.to_raw(z))
        if self.victim.head not in ("squashed", "scaled"):
            return actions
        space: Any = self.victim.action_space
        return np.asarray(2 * (actions - space.low) / (space.high - space.low) - 1)


def TargetAttack(
    env: EnvT, victim: Policy, intention: Policy, *, epsilon: float, steps: int = 30, **options: Unpack[Options]
) -> EnvT:
    """Wrap an environment in :class:`Target`, a white-box attack.

    Args:
        env: Environment or vector environment.
        victim: The policy under attack.
        intention: Policy with the behaviour that the attacker wants.
        epsilon: Budget, >= 0, in units of ``space``.
        steps: Gradient steps, >= 1; more than MAD's 10, because the target may be far from the victim's action.
            Default: 30.
        **options: See :class:`~quintain.attacks.observation.Options`.

    Raises:
        CapabilityError: If the victim has no gradient or discrete actions, or ``intention`` is history-dependent.
        ConfigurationError: If budget, space, victim and environment do not fit.
    """
    method = Target(victim, intention, options.get("space", "raw"), steps)
    return perturb_observations(env, victim, method, epsilon, **options)
