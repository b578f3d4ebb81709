"""WocaR and RAT-WocaR: policies that care for the worst value an attacker could leave them, without an attacker."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gymnasium as gym
import numpy as np

from quintain.agents.policies import Normaliser, Policy, Space
from quintain.attacks.defences.agent import RobustAgent
from quintain.attacks.defences.regulariser import Bound, worst_observation
from quintain.attacks.defences.sa_ppo import sa_penalty
from quintain.attacks.defences.settings import DefenceSettings, Defended, Progress
from quintain.attacks.defences.worst_case import WorstCaseCritic, as_unit
from quintain.attacks.torch_mlp import torch_copy
from quintain.errors import ConfigurationError

__all__ = ["train_rat_wocar", "train_wocar"]

_DEFAULTS = DefenceSettings()


def train_wocar(
    make: Callable[[], gym.Env[Any, Any]],
    *,
    epsilon: float,
    space: Space = "raw",
    settings: DefenceSettings = _DEFAULTS,
    worth: float = 0.1,
    regulariser: float = 0.1,
    bound: Bound = "sgld",
    climb: int = 2,
    normaliser: Normaliser | None = None,
    seed: int = 0,
    name: str = "wocar",
    progress: Progress | None = None,
) -> Defended:
    """Train PPO that also raises a worst-case estimate of its own value (Liang et al. 2022). No attacker takes part.

    Minimises PPO's loss - worth * E_s[Q(s, mu(s))] + regulariser * (that of SA-PPO), Q being the worst-case value of
    :class:`~quintain.attacks.defences.worst_case.WorstCaseCritic`, fitted to each rollout.

    Differences: the state-dependent weight of the regulariser is left out; Q is divided by its spread over the batch,
    so that ``worth`` means the same at any scale of rewards; by default the actions that an attacker can cause are
    searched for by climbing, interval bounds being very loose.

    Args:
        make: Makes an environment with continuous actions.
        epsilon: Budget >= 0 in l_inf.
        space: Where it is measured.
        settings: How the agent learns.
        worth: Weight of the worst-case value, >= 0.
        regulariser: Weight of the regulariser, >= 0.
        bound: How the worst actions are found, and the regulariser's maximum.
        climb: Steps of these searches.
        normaliser: As for :func:`~quintain.attacks.defences.sa_ppo.train_sa_ppo`.
        seed: Root seed; equal seeds give equal runs.
        name: What reports call the victim.
        progress: Hears of every iteration.

    Raises:
        ConfigurationError: If the settings or the environment's spaces do not fit; actions have to be continuous.
    """
    _check(worth, regulariser, climb)
    agent = RobustAgent(
        make, epsilon=epsilon, space=space, settings=settings, normaliser=normaliser, seed=seed, name=name,
        progress=progress,
    )  # fmt: skip
    torch, world = agent.torch, agent.world
    states = world.observation_space.shape[0]
    critic = WorstCaseCritic(
        torch, states, world.action_space, gamma=settings.gamma, bound=bound, climb=climb, generator=agent.generator
    )
    smooth = sa_penalty(agent, regulariser, bound, climb)
    world.transitions = []

    def fit() -> None:
        assert world.transitions is not None
        x, actions, rewards, following, ended = (np.concatenate(part) for part in zip(*world.transitions, strict=True))
        world.transitions.clear()
        unit = as_unit(torch, torch.as_tensor(actions), world.action_space)
        scaled = rewards / np.sqrt(agent.venv.ret_rms.var + 1e-8)
        radius = torch.as_tensor(world.radius, dtype=torch.float32)
        updates = settings.epochs * len(x) // settings.batch
        critic.fit(
            (x, unit, scaled, following, ended), agent.mean_network, radius, updates=updates, batch=settings.batch
        )

    def penalty(mean: Any, std: Any, x: Any) -> Any:
        value = critic.value(x, as_unit(torch, mean(x), world.action_space))
        return smooth(mean, std, x) - worth * value / _spread(value)

    agent.before_update, agent.penalty = fit, penalty
    return agent.train()


def train_rat_wocar(
    make: Callable[[], gym.Env[Any, Any]],
    intention: Policy,
    *,
    epsilon: float,
    space: Space = "raw",
    settings: DefenceSettings = _DEFAULTS,
    worth: float = 0.1,
    regulariser: float = 0.1,
    climb: int = 2,
    seed: int = 0,
    name: str = "rat-wocar",
    progress: Progress | None = None,
) -> Defended:
    """Train PPO that keeps down what an attacker with an intention could gain. No attacker takes part.

    Minimises PPO's loss + worth * E_s[max over |s' - s| <= epsilon of Q(s, mu(s'))] + regulariser * (that of SA-PPO),
    Q being the value of actions under the intention policy, for the attacker. Bai et al. (2025) describe RAT-WocaR by
    one sentence, a term that minimises the value obtained under the intention policy; the formula is our reading.

    Args:
        make: Makes an environment with continuous, bounded actions.
        intention: The attacker's intention policy with its critic, as :func:`~quintain.attacks.rat.training.train_rat`
            gives it; its normaliser is used for the agent, too.
        epsilon: Budget >= 0 in l_inf.
        space: Where it is measured.
        settings: How the agent learns.
        worth: Weight of the attacker's value, >= 0.
        regulariser: Weight of the regulariser, >= 0.
        climb: Steps of the searches in the ball.
        seed: Root seed; equal seeds give equal runs.
        name: What reports call the victim.
        progress: Hears of every iteration.

    Raises:
        CapabilityError: If the intention policy has no critic.
        ConfigurationError: If the settings or the environment's spaces do not fit; actions have to be continuous.
    """
    _check(worth, regulariser, climb)
    intention.require(("action_value",), "RAT-WocaR")
    agent = RobustAgent(
        make, epsilon=epsilon, space=space, settings=settings, normaliser=intention.normaliser, seed=seed, name=name,
        progress=progress,
    )  # fmt: skip
    torch, world = agent.torch, agent.world
    assert intention.action_value is not None
    critics = [torch_copy(torch, network) for network in intention.action_value.networks]
    smooth = sa_penalty(agent, regulariser, "sgld", climb)

    def penalty(mean: Any, std: Any, x: Any) -> Any:
        def gain(seen: Any) -> Any:
            joined = torch.cat([x, as_unit(torch, mean(seen), world.action_space)], 1)
            return sum(critic(joined)[:, 0] for critic in critics) / len(critics)

        radius = torch.as_tensor(world.radius, dtype=x.dtype)
        value = gain(worst_observation(torch, x, radius, gain, steps=climb, generator=agent.generator))
        return smooth(mean, std, x) + worth * value / _spread(value)

    agent.penalty = penalty
    return agent.train()


def _spread(values: Any) -> Any:
    return values.detach().std().clamp(min=1e-3)


def _check(worth: float, regulariser: float, climb: int) -> None:
    if worth < 0 or regulariser < 0 or climb < 1:
        raise ConfigurationError(
            f"weights must be >= 0 and climb >= 1, got worth={worth!r}, regulariser={regulariser!r}, climb={climb!r}"
        )
