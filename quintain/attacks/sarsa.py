"""Robust Sarsa's critic: Q(s, a) of the frozen victim, learned from its own episodes and kept smooth in the action."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from quintain.agents.policies import ActionValue, Policy, as_network
from quintain.errors import ConfigurationError, require
from quintain.seeding import SeedStream

__all__ = ["SarsaSettings", "train_robust_sarsa"]

Array = NDArray[np.floating[Any]]


@dataclass(frozen=True, slots=True)
class SarsaSettings:
    """How the critic is fitted.

    Attributes:
        transitions: Steps of the victim to learn from.
        passes: Times each is used.
        batch: Transitions per update.
        hidden: Width of the two hidden layers.
        learning_rate: Of Adam.
        gamma: Discount in [0, 1).
        radius: Half-width of the box of actions over which Q may not change much, in units of Q's actions.
        robustness: Weight of that term.
    """

    transitions: int = 20_000
    passes: int = 30
    batch: int = 256
    hidden: int = 64
    learning_rate: float = 1e-3
    gamma: float = 0.99
    radius: float = 0.1
    robustness: float = 0.1


def train_robust_sarsa(
    make: Callable[[], gym.Env[Any, Any]],
    victim: Policy,
    *,
    settings: SarsaSettings = SarsaSettings(),
    envs: int = 8,
    seed: int = 0,
) -> ActionValue:
    """Fit Q(s, a) of the victim (Zhang et al. 2020, section 3.4).

    Minimises smooth-L1[Q(s, a) - r - gamma Q'(s', a')] + robustness * gap(s, a)^2 over the victim's own transitions,
    where gap is the width of interval bounds on Q over a box of actions around a, and Q' a slowly following copy. The
    victim samples its actions where it has a distribution, so that actions vary.

    Differences: interval bounds instead of the tighter linear relaxation; rewards are divided by their standard
    deviation, which leaves the direction of the attack as it is.

    Args:
        make: Makes an environment as the victim knows it, not under attack.
        victim: The victim, with continuous actions.
        settings: How.
        envs: Environments played at once, >= 1.
        seed: Root seed; equal seeds give equal critics.

    Returns:
        The critic, for :func:`~quintain.attacks.critics.RobustSarsaAttack`.

    Raises:
        CapabilityError: If the victim's actions are discrete.
        ConfigurationError: If there are fewer transitions than environments.
    """
    victim.require(("continuous",), "Robust Sarsa")
    if settings.transitions < 2 * envs:
        raise ConfigurationError(f"transitions must be at least two per environment, got {settings.transitions!r}")
    torch = require("torch", "rl", "Robust Sarsa")
    torch.set_num_threads(1)
    data = _collect(make, victim, settings.transitions, envs, seed)
    states, actions, rewards, following, next_actions, going = (
        torch.as_tensor(part, dtype=torch.float32) for part in data
    )
    rewards = rewards / rewards.std().clamp(min=1e-6)
    generator = torch.Generator().manual_seed(SeedStream(seed, "sarsa", "fit").seed)
    critic, slow = (_critic(torch, states.shape[1] + actions.shape[1], settings.hidden, generator) for _ in range(2))
    slow.load_state_dict(critic.state_dict())
    optimiser = torch.optim.Adam(critic.parameters(), lr=settings.learning_rate)
    updates = settings.passes * len(states) // settings.batch
    for _ in range(updates):
        i = torch.randint(len(states), (settings.batch,), generator=generator)
        with torch.no_grad():
            later = slow(torch.cat([following[i], next_actions[i]], 1))[:, 0]
            target = rewards[i] + settings.gamma * going[i] * later
        q = critic(torch.cat([states[i], actions[i]], 1))[:, 0]
        gap = _gap(torch, critic, states[i], actions[i], settings.radius)
        loss = torch.nn.functional.smooth_l1_loss(q, target) + settings.robustness * (gap**2).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        with torch.no_grad():
            for mine, its in zip(critic.parameters(), slow.parameters(), strict=True):
                its.lerp_(mine, 0.01)
    return ActionValue([as_network(critic)])


def _collect(
    make: Callable[[], gym.Env[Any, Any]], victim: Policy, transitions: int, envs: int, seed: int
) -> tuple[Array, ...]:
    """Play, and return states, actions, rewards, next states, next actions, and 0 where the task ended."""
    seeds, rng = SeedStream(seed, "sarsa", "episode"), SeedStream(seed, "sarsa", "actions").generator()
    rows: list[list[Array]] = [[] for _ in range(6)]
    worlds = [make() for _ in range(envs)]
    played = 0

    def choose(observations: Array) -> tuple[Array, Array, Array]:
        x = victim.normalise(observations)
        outputs = victim.policy(x)
        if "density" in victim.capabilities:
            outputs = outputs + victim.std(x) * rng.standard_normal(outputs.shape)
        return x, victim.q_actions(outputs)[0], victim.to_actions(outputs)

    try:
        observations = np.stack([world.reset(seed=seeds[i])[0] for i, world in enumerate(worlds)])
        started = envs
        x, unit, actions = choose(observations)
        while played < transitions:
            steps = [world.step(action) for world, action in zip(worlds, actions, strict=True)]
            ended = np.array([step[2] for step in steps])
            after_x, after_unit, after = choose(np.stack([step[0] for step in steps]))
            rewards = np.array([float(step[1]) for step in steps])
            for column, part in zip(rows, (x, unit, rewards, after_x, after_unit, 1.0 - ended), strict=True):
                column.append(np.asarray(part))
            played += envs
            if any(step[2] or step[3] for step in steps):
                fresh = np.stack([step[0] for step in steps])
                for i, (world, step) in enumerate(zip(worlds, steps, strict=True)):
                    if step[2] or step[3]:
                        fresh[i] = world.reset(seed=seeds[started])[0]
                        started += 1
                after_x, after_unit, after = choose(fresh)
            x, unit, actions = after_x, after_unit, after
    finally:
        for world in worlds:
            world.close()
    return tuple(np.concatenate(column) for column in rows)


def _critic(torch: Any, inputs: int, hidden: int, generator: Any) -> Any:
    sizes = [inputs, hidden, hidden, 1]
    layers: list[Any] = []
    for fan_in, fan_out in itertools.pairwise(sizes):
        layer = torch.nn.utils.skip_init(torch.nn.Linear, fan_in, fan_out)  # leaves torch's global generator alone
        with torch.no_grad():
            layer.weight.uniform_(-(fan_in**-0.5), fan_in**-0.5, generator=generator)
            layer.bias.zero_()
        layers += [layer, torch.nn.ReLU()]
    return torch.nn.Sequential(*layers[:-1])


def _gap(torch: Any, critic: Any, states: Any, actions: Any, radius: float) -> Any:
    """Bound max - min of Q over actions within ``radius``, by interval arithmetic."""
    centre = torch.cat([states, actions], 1)
    width = torch.cat([torch.zeros_like(states), torch.full_like(actions, radius)], 1)
    for layer in critic:
        if isinstance(layer, torch.nn.Linear):
            centre, width = layer(centre), width @ layer.weight.abs().T
        else:
            low, high = torch.relu(centre - width), torch.relu(centre + width)
            centre, width = (high + low) / 2, (high - low) / 2
    return 2 * width[:, 0]
