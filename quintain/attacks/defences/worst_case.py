"""The worst-case critic of WocaR: the value of a policy's actions if an attacker chooses among those it can cause."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np

from quintain.attacks.defences.regulariser import Bound, interval, worst_observation
from quintain.attacks.torch_mlp import torch_mlp

__all__ = ["WorstCaseCritic", "scale_actions"]


def scale_actions(torch: Any, outputs: Any, space: Any) -> Any:
    """Return a policy's outputs as executed actions, scaled to [-1, 1] and clipped; unchanged in unbounded spaces.

    Args:
        torch: The module ``torch``, which the caller has imported.
        outputs: Actions in the units of ``space``, shape ``(n, k)``.
        space: The action space, a Box.
    """
    if not space.is_bounded():
        return outputs
    low, high = (torch.as_tensor(bound, dtype=outputs.dtype) for bound in (space.low, space.high))
    return (2 * (outputs - low) / (high - low) - 1).clamp(-1, 1)


class WorstCaseCritic:
    """Q(s, a) under the worst-attack Bellman operator of WocaR (Liang et al. 2022).

    Q(s, a) = E[r + gamma min over a' in A(s') of Q(s', a')], where A(s') are the actions that an attacker within the
    budget can make the policy take in s'. Q(s', .) is 0 where the task ended.

    Differences: one critic with a moving average of it (step size 0.02) as the target; the minimum over A starts from
    the action without an attack and keeps the lowest value found, so it is never above that action's value.

    Args:
        torch: The module ``torch``, which the caller has imported.
        state_size: Entries of a state.
        space: The action space, a Box.
        gamma: Discount factor, in [0, 1].
        bound: ``"relaxation"``: A is the box that interval arithmetic gives, searched by projected gradient descent; it
            holds more actions than an attacker can cause. ``"sgld"``: A are the actions at observations found by SGLD.
        search_steps: Gradient steps of the search, >= 1.
        generator: ``torch.Generator`` of initial weights, batches and searches.
    """

    def __init__(
        self,
        torch: Any,
        state_size: int,
        space: Any,
        *,
        gamma: float,
        bound: Bound,
        search_steps: int,
        generator: Any,
    ) -> None:
        self.torch, self.space, self.gamma, self.bound, self.search_steps = torch, space, gamma, bound, search_steps
        self.generator = generator
        self.network = torch_mlp(torch, [state_size + space.shape[0], 64, 64, 1], generator)
        self.target_network = copy.deepcopy(self.network).requires_grad_(False)
        self._adam = torch.optim.Adam(self.network.parameters(), lr=1e-3)

    def value(self, x: Any, action: Any, network: Any = None) -> Any:
        """Return Q for actions in [-1, 1], shape ``(n,)``, by the critic or by ``network``."""
        joined = self.torch.cat([x, action], 1)
        return (self.network if network is None else network)(joined)[:, 0]

    def worst_value(self, x: Any, policy: Any, radius: Any, network: Any = None) -> Any:
        """Return the lowest Q found over the actions that an attacker can cause: ``(n,)``, without a gradient.

        Args:
            x: Normalised true observations, shape ``(n, d)``.
            policy: Network of the mean action.
            radius: Half-width of the attacker's box in normalised units: ``(d,)`` or a number, >= 0.
            network: Evaluate this network in place of the critic.
        """
        torch = self.torch
        clean = scale_actions(torch, policy(x), self.space).detach()
        lowest = self.value(x, clean, network).detach()
        if not float(torch.as_tensor(radius).max()):
            return lowest
        if self.bound == "sgld":
            point = worst_observation(
                torch,
                x,
                radius,
                lambda p: -self.value(x, scale_actions(torch, policy(p), self.space), network),
                steps=self.search_steps,
                generator=self.generator,
            )
            caused = scale_actions(torch, policy(point), self.space)
            return torch.minimum(lowest, self.value(x, caused, network)).detach()
        low, high = (scale_actions(torch, edge, self.space).detach() for edge in interval(torch, policy, x, radius))
        action = clean
        for _ in range(self.search_steps):
            action = action.detach().requires_grad_()
            (gradient,) = torch.autograd.grad(self.value(x, action, network).sum(), action)
            step = (high - low) / self.search_steps * gradient.sign()
            action = torch.minimum(torch.maximum(action - step, low), high)
            lowest = torch.minimum(lowest, self.value(x, action, network).detach())
        return lowest

    def fit(self, transitions: Any, policy: Any, radius: Any, *, gradient_steps: int, batch_size: int) -> None:
        """Minimise the squared Bellman error on a rollout.

        Args:
            transitions: Normalised observations, actions in [-1, 1], rewards, next observations, and whether the task
                ended; each with one entry per transition.
            policy: Network of the current policy's mean action.
            radius: Half-width of the attacker's box in normalised units: ``(d,)`` or a number, >= 0.
            gradient_steps: Number of gradient steps.
            batch_size: Transitions per gradient step.
        """
        torch = self.torch
        x, action, reward, next_x, terminated = (
            torch.as_tensor(np.asarray(part), dtype=torch.float32) for part in transitions
        )
        for _ in range(gradient_steps):
            i = torch.randint(len(x), (min(batch_size, len(x)),), generator=self.generator)
            next_value = self.worst_value(next_x[i], policy, radius, self.target_network)
            target = reward[i] + self.gamma * (1 - terminated[i]) * next_value
            self._adam.zero_grad()
            (self.value(x[i], action[i]) - target).square().mean().backward()
            self._adam.step()
            with torch.no_grad():
                pairs = zip(self.network.parameters(), self.target_network.parameters(), strict=True)
                for parameter, target_parameter in pairs:
                    target_parameter.lerp_(parameter, 0.02)
