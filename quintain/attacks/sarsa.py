"""Training of Robust Sarsa's critic: Q(s, a) of a frozen policy, smooth in the action."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from quintain.agents.policies import ActionValue, Policy, as_network
from quintain.attacks.torch_mlp import torch_mlp
from quintain.errors import ConfigurationError, require
from quintain.seeding import SeedStream
from quintain.training.control.rows import EnvRows
from quintain.training.control.settings import AdamSettings
from quintain.training.control.threads import one_thread

__all__ = ["SarsaSettings", "train_robust_sarsa"]

Array = NDArray[np.floating[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class SarsaSettings:
    """Hyper-parameters of the critic's training. Defaults are chosen for short runs on one core.

    Attributes:
        transitions: Environment steps of the policy to learn from, >= 2 per environment. Default: 20,000.
        n_envs: Environments stepped together, >= 1. Default: 8.
        n_epochs: Gradient steps, as multiples of the number of transitions over the batch size, >= 1. Default: 30.
        optimiser: Adam. Default: learning rate 1e-3, 256 transitions per batch.
        net_arch: Widths of the hidden layers. Default: (64, 64).
        gamma: Discount factor, in [0, 1). Default: 0.99.
        tau: Share of the new weights in each update of the target network, in (0, 1]. Default: 0.01.
        radius: Half-width of the box of actions over which Q should change little, > 0, in units of the critic's
            actions. Default: 0.1.
        robustness: Weight of that term in the loss, >= 0. Default: 0.1.
    """

    transitions: int = 20_000
    n_envs: int = 8
    n_epochs: int = 30
    optimiser: AdamSettings = field(default_factory=AdamSettings)
    net_arch: tuple[int, ...] = (64, 64)
    gamma: float = 0.99
    tau: float = 0.01
    radius: float = 0.1
    robustness: float = 0.1


class _Transitions(NamedTuple):
    """Transitions of the policy, shapes ``(n, ...)``; ``going_on`` is 0 where the task ended, else 1."""

    states: Any
    actions: Any
    rewards: Any
    next_states: Any
    next_actions: Any
    going_on: Any


@one_thread()
def train_robust_sarsa(
    make_env: Callable[[], gym.Env[Any, Any]],
    victim: Policy,
    *,
    settings: SarsaSettings = SarsaSettings(),
    seed: int = 0,
) -> ActionValue:
    """Fit Q(s, a) of a policy (Zhang et al. 2020, section 3.4).

    Minimises smooth-L1[Q(s, a) - r - gamma Q'(s', a')] + robustness * gap(s, a)^2 over the policy's own transitions,
    where gap is the width of interval bounds on Q over a box of actions around a, and Q' the target network. Actions
    are sampled where the policy has a distribution, so that they vary.

    Differences: interval bounds instead of the tighter linear relaxation; rewards are divided by their standard
    deviation, which does not change the direction of the attack.

    Args:
        make_env: Makes one environment, not under attack.
        victim: The policy, with continuous actions; not history-dependent.
        settings: Hyper-parameters of data collection and of the critic.
        seed: Root seed; equal seeds give equal critics. Default: 0.

    Returns:
        The critic, for :func:`~quintain.attacks.critics.RobustSarsaAttack`.

    Raises:
        CapabilityError: If the policy's actions are discrete.
        ConfigurationError: If there are fewer than two transitions per environment.
    """
    victim.require(("continuous",), "Robust Sarsa")
    s = settings
    if s.transitions < 2 * s.n_envs:
        raise ConfigurationError(f"transitions must be at least two per environment, got {s.transitions!r}")
    torch = require("torch", "rl", "Robust Sarsa")
    data = _Transitions(
        *(torch.as_tensor(part, dtype=torch.float32) for part in _collect(make_env, victim, settings, seed))
    )
    data = data._replace(rewards=data.rewards / data.rewards.std().clamp(min=1e-6))
    generator = torch.Generator().manual_seed(SeedStream(seed, "sarsa", "fit").seed)
    sizes = [data.states.shape[1] + data.actions.shape[1], *s.net_arch, 1]
    critic, target = (torch_mlp(torch, sizes, generator) for _ in range(2))
    target.load_state_dict(critic.state_dict())
    optimiser = torch.optim.Adam(critic.parameters(), lr=s.optimiser.learning_rate)
    for _ in range(s.n_epochs * len(data.states) // s.optimiser.batch_size):
        batch = torch.randint(len(data.states), (s.optimiser.batch_size,), generator=generator)
        optimiser.zero_grad()
        _loss(torch, critic, target, _Transitions(*(part[batch] for part in data)), s).backward()
        optimiser.step()
        with torch.no_grad():
            for weight, target_weight in zip(critic.parameters(), target.parameters(), strict=True):
                target_weight.lerp_(weight, s.tau)
    return ActionValue([as_network(critic)])


def _loss(torch: Any, critic: Any, target: Any, batch: _Transitions, settings: SarsaSettings) -> Any:
    with torch.no_grad():
        next_value = target(torch.cat([batch.next_states, batch.next_actions], 1))[:, 0]
        wanted = batch.rewards + settings.gamma * batch.going_on * next_value
    q = critic(torch.cat([batch.states, batch.actions], 1))[:, 0]
    gap = _gap(torch, critic, batch.states, batch.actions, settings.radius)
    return torch.nn.functional.smooth_l1_loss(q, wanted) + settings.robustness * (gap**2).mean()


def _collect(
    make_env: Callable[[], gym.Env[Any, Any]], victim: Policy, settings: SarsaSettings, seed: int
) -> _Transitions:
    """Play with the policy and return its transitions."""
    rng = SeedStream(seed, "sarsa", "actions").generator()
    columns: list[list[Array]] = [[] for _ in _Transitions._fields]

    def choose(observations: Array) -> tuple[Array, Array, Array]:
        """Return observations and actions as the critic reads them, and the actions to execute."""
        x = victim.normalise(observations)
        outputs = victim.network(x)
        if "density" in victim.capabilities:
            outputs = outputs + victim.std(x) * rng.standard_normal(outputs.shape)
        return x, victim.q_actions(outputs)[0], victim.to_actions(outputs)

    with EnvRows(make_env, settings.n_envs, SeedStream(seed, "sarsa", "episode")) as rows:
        x, critic_actions, actions = choose(rows.reset())
        for _ in range(-(-settings.transitions // settings.n_envs)):
            step = rows.step(actions)
            next_x, next_critic_actions, actions = choose(step.final_observations)
            transition = (x, critic_actions, step.rewards, next_x, next_critic_actions, 1.0 - step.terminated)
            for column, part in zip(columns, transition, strict=True):
                column.append(np.asarray(part))
            x, critic_actions = next_x, next_critic_actions
            if step.done.any():
                x, critic_actions, actions = choose(step.observations)
    return _Transitions(*(np.concatenate(column) for column in columns))


def _gap(torch: Any, critic: Any, states: Any, actions: Any, radius: float) -> Any:
    """Return a bound, shape ``(n,)``, on max - min of Q over actions within ``radius``, by interval arithmetic."""
    centre = torch.cat([states, actions], 1)
    width = torch.cat([torch.zeros_like(states), torch.full_like(actions, radius)], 1)
    for layer in critic:
        if isinstance(layer, torch.nn.Linear):
            centre, width = layer(centre), width @ layer.weight.abs().T
        else:
            low, high = torch.relu(centre - width), torch.relu(centre + width)
            centre, width = (high + low) / 2, (high - low) / 2
    return 2 * width[:, 0]
