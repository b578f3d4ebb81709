"""The worst-case value of a policy: what its actions are worth if an attacker chooses among those it can cause."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np

from quintain.attacks.defences.regulariser import Bound, interval, worst_observation
from quintain.attacks.torch_mlp import torch_mlp

__all__ = ["WorstCaseCritic", "as_unit"]


def as_unit(torch: Any, outputs: Any, space: Any) -> Any:
    """Turn a policy's outputs into executed actions in [-1, 1]; those of unbounded spaces stay as they are."""
    if not space.is_bounded():
        return outputs
    low, high = (torch.as_tensor(bound, dtype=outputs.dtype) for bound in (space.low, space.high))
    return (2 * (outputs - low) / (high - low) - 1).clamp(-1, 1)


class WorstCaseCritic:
    """Q(s, a) under the worst-attack Bellman operator of WocaR (Liang et al. 2022).

    Q(s, a) = E[r + gamma min over a' in A(s') of Q(s', a')], A(s') being the actions that an attacker can cause there.

    Differences: one critic with a slowly following copy as its target; the minimum over A starts from the action that
    the policy takes undisturbed and keeps the lowest value met, so that it is never above that action's.

    Args:
        torch: The library.
        states: Length of a state.
        space: The action space.
        gamma: Discount.
        bound: ``"relaxation"``: A is the box that interval arithmetic gives, searched by projected descent:
            more than an attacker can do. ``"sgld"``: the actions at observations found by climbing.
        climb: Steps of the search.
        generator: Where all draws come from.
    """

    def __init__(
        self, torch: Any, states: int, space: Any, *, gamma: float, bound: Bound, climb: int, generator: Any
    ) -> None:
        self.torch, self.space, self.gamma, self.bound, self.climb = torch, space, gamma, bound, climb
        self.generator = generator
        self.network = torch_mlp(torch, [states + space.shape[0], 64, 64, 1], generator)
        self.slow = copy.deepcopy(self.network).requires_grad_(False)
        self._step = torch.optim.Adam(self.network.parameters(), lr=1e-3)

    def value(self, x: Any, unit: Any, network: Any = None) -> Any:
        """Return Q for actions in [-1, 1], shape ``(n,)``."""
        joined = self.torch.cat([x, unit], 1)
        return (self.network if network is None else network)(joined)[:, 0]

    def worst_value(self, x: Any, policy: Any, radius: Any, network: Any = None) -> Any:
        """Return the least Q found over the actions that ``policy`` can be made to take: ``(n,)``, no gradient."""
        torch = self.torch
        undisturbed = as_unit(torch, policy(x), self.space).detach()
        lowest = self.value(x, undisturbed, network).detach()
        if not float(torch.as_tensor(radius).max()):
            return lowest
        if self.bound == "sgld":
            point = worst_observation(
                torch,
                x,
                radius,
                lambda p: -self.value(x, as_unit(torch, policy(p), self.space), network),
                steps=self.climb,
                generator=self.generator,
            )
            caused = as_unit(torch, policy(point), self.space)
            return torch.minimum(lowest, self.value(x, caused, network)).detach()
        low, high = (as_unit(torch, edge, self.space).detach() for edge in interval(torch, policy, x, radius))
        unit = undisturbed
        for _ in range(self.climb):
            unit = unit.detach().requires_grad_()
            (gradient,) = torch.autograd.grad(self.value(x, unit, network).sum(), unit)
            unit = torch.minimum(torch.maximum(unit - (high - low) / self.climb * gradient.sign(), low), high)
            lowest = torch.minimum(lowest, self.value(x, unit, network).detach())
        return lowest

    def fit(self, transitions: Any, policy: Any, radius: Any, *, updates: int, batch: int) -> None:
        """Learn from what happened.

        Args:
            transitions: x, unit, reward, x after it, and whether the task ended, each with one entry per transition.
            policy: The mean of the policy as it is now.
            radius: Half-width of the attacker's box.
            updates: Gradient steps.
            batch: Transitions per step.
        """
        torch = self.torch
        x, unit, reward, following, ended = (torch.as_tensor(np.asarray(p), dtype=torch.float32) for p in transitions)
        for _ in range(updates):
            i = torch.randint(len(x), (min(batch, len(x)),), generator=self.generator)
            later = self.worst_value(following[i], policy, radius, self.slow)
            target = reward[i] + self.gamma * (1 - ended[i]) * later
            self._step.zero_grad()
            (self.value(x[i], unit[i]) - target).square().mean().backward()
            self._step.step()
            with torch.no_grad():
                for mine, its in zip(self.network.parameters(), self.slow.parameters(), strict=True):
                    its.lerp_(mine, 0.02)
