"""WocaR and RAT-WocaR: PPO with a term for the worst value that an attacker could cause, without an attacker."""

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
from quintain.attacks.defences.worst_case import WorstCaseCritic, scale_actions
from quintain.attacks.torch_mlp import torch_copy
from quintain.errors import ConfigurationError

__all__ = ["train_rat_wocar", "train_wocar"]


def train_wocar(
    make_env: Callable[[], gym.Env[Any, Any]],
    *,
    epsilon: float,
    space: Space = "raw",
    settings: DefenceSettings = DefenceSettings(),
    value_weight: float = 0.1,
    regulariser: float = 0.1,
    bound: Bound = "sgld",
    search_steps: int = 2,
    normaliser: Normaliser | None = None,
    seed: int = 0,
    name: str = "wocar",
    progress: Progress | None = None,
) -> Defended:
    """Train PPO that also maximises a worst-case estimate of its value (Liang et al. 2022); no attacker takes part.

    L = L_PPO - w E_s[Q(s, mu(s))] / std(Q) + kappa E_s[max over |s' - s| <= epsilon of KL(pi(.|s) || pi(.|s'))],

    where mu(s) is the mean action, and Q the worst-case action value of
    :class:`~quintain.attacks.defences.worst_case.WorstCaseCritic`, fitted to each rollout.

    Differences: kappa does not depend on the state; Q is divided by its standard deviation over the batch, so that w
    means the same at any scale of rewards; by default the actions that an attacker can cause are searched by gradient
    ascent on the observation, because interval bounds are loose.

    Args:
        make_env: Makes one environment, not under attack, with continuous actions.
        epsilon: Budget in l_inf, >= 0, in units of ``space``.
        space: Space in which the budget is measured: ``"raw"`` for the environment's units, ``"normalised"`` for units
            of the observations' standard deviations. Default: ``"raw"``.
        settings: Hyper-parameters of the agent.
        value_weight: w, >= 0. Default: 0.1.
        regulariser: kappa, >= 0. Default: 0.1.
        bound: How the worst actions and the maximum of the regulariser are found. Default: ``"sgld"``.
        search_steps: Gradient steps of these searches, >= 1. Default: 2.
        normaliser: Statistics of observations; see :func:`~quintain.attacks.defences.sa_ppo.train_sa_ppo`.
        seed: Root seed; equal seeds give equal policies. Default: 0.
        name: Name of the policy in reports. Default: ``"wocar"``.
        progress: Called after each update of the agent.

    Raises:
        ConfigurationError: If an argument is out of range, or the environment's spaces do not fit.
    """
    _check(value_weight, regulariser, search_steps)
    agent = RobustAgent(
        make_env, epsilon=epsilon, space=space, settings=settings, normaliser=normaliser, seed=seed, name=name,
        progress=progress,
    )  # fmt: skip
    torch, envs, ppo = agent.torch, agent.envs, settings.ppo
    state_size = envs.observation_space.shape[0]
    critic = WorstCaseCritic(
        torch, state_size, envs.action_space, gamma=ppo.gamma, bound=bound, search_steps=search_steps,
        generator=agent.generator,
    )  # fmt: skip
    smooth = sa_penalty(agent, regulariser, bound, search_steps)
    envs.transitions = []

    def fit() -> None:
        assert envs.transitions is not None
        x, actions, rewards, next_x, terminated = (np.concatenate(part) for part in zip(*envs.transitions, strict=True))
        envs.transitions.clear()
        scaled = scale_actions(torch, torch.as_tensor(actions), envs.action_space)
        rewards = rewards / np.sqrt(agent.venv.ret_rms.var + 1e-8)
        radius = torch.as_tensor(envs.radius, dtype=torch.float32)
        critic.fit(
            (x, scaled, rewards, next_x, terminated), agent.mean_network, radius,
            gradient_steps=ppo.n_epochs * len(x) // ppo.batch_size, batch_size=ppo.batch_size,
        )  # fmt: skip

    def penalty(mean: Any, std: Any, x: Any) -> Any:
        value = critic.value(x, scale_actions(torch, mean(x), envs.action_space))
        return smooth(mean, std, x) - value_weight * value / _batch_std(value)

    agent.before_update, agent.penalty = fit, penalty
    return agent.train()


def train_rat_wocar(
    make_env: Callable[[], gym.Env[Any, Any]],
    intention: Policy,
    *,
    epsilon: float,
    space: Space = "raw",
    settings: DefenceSettings = DefenceSettings(),
    value_weight: float = 0.1,
    regulariser: float = 0.1,
    search_steps: int = 2,
    seed: int = 0,
    name: str = "rat-wocar",
    progress: Progress | None = None,
) -> Defended:
    """Train PPO that minimises the value an attacker with an intention could reach; no attacker takes part.

    L = L_PPO + w E_s[max over |s' - s| <= epsilon of Q_int(s, mu(s'))] / std(Q_int)
    + kappa E_s[max over |s' - s| <= epsilon of KL(pi(.|s) || pi(.|s'))],

    where Q_int is the action value of the intention policy, that is, for the attacker. Bai et al. (2025) describe
    RAT-WocaR by one sentence, a term that minimises the value obtained under the intention policy; the formula is our
    reading (unconfirmed).

    Args:
        make_env: Makes one environment, not under attack, with continuous, bounded actions.
        intention: The attacker's intention policy with its critic, as :func:`~quintain.attacks.rat.training.train_rat`
            returns it; the agent uses its normaliser too.
        epsilon: Budget in l_inf, >= 0, in units of ``space``.
        space: Space in which the budget is measured: ``"raw"`` for the environment's units, ``"normalised"`` for units
            of the observations' standard deviations. Default: ``"raw"``.
        settings: Hyper-parameters of the agent.
        value_weight: w, >= 0. Default: 0.1.
        regulariser: kappa, >= 0. Default: 0.1.
        search_steps: Gradient steps of the searches in the ball, >= 1. Default: 2.
        seed: Root seed; equal seeds give equal policies. Default: 0.
        name: Name of the policy in reports. Default: ``"rat-wocar"``.
        progress: Called after each update of the agent.

    Raises:
        CapabilityError: If the intention policy has no critic.
        ConfigurationError: If an argument is out of range, or the environment's spaces do not fit.
    """
    _check(value_weight, regulariser, search_steps)
    intention.require(("action_value",), "RAT-WocaR")
    agent = RobustAgent(
        make_env, epsilon=epsilon, space=space, settings=settings, normaliser=intention.normaliser, seed=seed,
        name=name, progress=progress,
    )  # fmt: skip
    torch, envs = agent.torch, agent.envs
    assert intention.action_value is not None
    critics = [torch_copy(torch, network) for network in intention.action_value.networks]
    smooth = sa_penalty(agent, regulariser, "sgld", search_steps)

    def penalty(mean: Any, std: Any, x: Any) -> Any:
        def attacker_value(observed: Any) -> Any:
            joined = torch.cat([x, scale_actions(torch, mean(observed), envs.action_space)], 1)
            return sum(critic(joined)[:, 0] for critic in critics) / len(critics)

        radius = torch.as_tensor(envs.radius, dtype=x.dtype)
        worst = worst_observation(torch, x, radius, attacker_value, steps=search_steps, generator=agent.generator)
        value = attacker_value(worst)
        return smooth(mean, std, x) + value_weight * value / _batch_std(value)

    agent.penalty = penalty
    return agent.train()


def _batch_std(values: Any) -> Any:
    return values.detach().std().clamp(min=1e-3)


def _check(value_weight: float, regulariser: float, search_steps: int) -> None:
    if value_weight < 0 or regulariser < 0 or search_steps < 1:
        raise ConfigurationError(
            "expected value_weight and regulariser >= 0 and search_steps >= 1, "
            f"got {value_weight!r}, {regulariser!r} and {search_steps!r}"
        )
