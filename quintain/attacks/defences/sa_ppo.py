"""SA-PPO: PPO with a robustness regulariser, the largest KL divergence within the budget."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gymnasium as gym

from quintain.agents.policies import Normaliser, Space
from quintain.attacks.defences.agent import Penalty, RobustAgent
from quintain.attacks.defences.regulariser import Bound, largest_divergence
from quintain.attacks.defences.settings import DefenceSettings, Defended, Progress
from quintain.errors import ConfigurationError

__all__ = ["check_regulariser", "sa_penalty", "train_sa_ppo"]


def train_sa_ppo(
    make_env: Callable[[], gym.Env[Any, Any]],
    *,
    epsilon: float,
    space: Space = "raw",
    settings: DefenceSettings = DefenceSettings(),
    regulariser: float = 1.0,
    bound: Bound = "sgld",
    search_steps: int = 2,
    normaliser: Normaliser | None = None,
    seed: int = 0,
    name: str = "sa-ppo",
    progress: Progress | None = None,
) -> Defended:
    """Train PPO with the state-adversarial regulariser (Zhang et al. 2020, section 3.2); no attacker takes part.

    L = L_PPO + kappa E_s[max over |s' - s| <= epsilon of KL(pi(.|s) || pi(.|s'))], where epsilon grows from 0 to the
    full budget after the warm-up. With kappa = 0 this is plain PPO.

    Differences: the standard deviation receives no gradient from the regulariser; interval bounds in place of the
    tighter linear relaxation.

    Args:
        make_env: Makes one environment, not under attack, with continuous actions.
        epsilon: Budget in l_inf, >= 0, in units of ``space``.
        space: Space in which the budget is measured: ``"raw"`` for the environment's units, ``"normalised"`` for units
            of the observations' standard deviations. Default: ``"raw"``.
        settings: Hyper-parameters of the agent.
        regulariser: kappa, >= 0. The papers search 0.01 to 10. Default: 1.
        bound: How the maximum is found; see :func:`~quintain.attacks.defences.regulariser.largest_divergence`. Default:
            ``"sgld"``.
        search_steps: Gradient steps of the search of ``"sgld"``, >= 1. Default: 2, as for the recurrent agent of ATLA.
        normaliser: Statistics of observations, so that a budget in ``"normalised"`` means the same as for the policy
            that they come from. Default: running statistics, frozen after the warm-up.
        seed: Root seed; equal seeds give equal policies. Default: 0.
        name: Name of the policy in reports. Default: ``"sa-ppo"``.
        progress: Called after each update of the agent.

    Raises:
        ConfigurationError: If an argument is out of range, or the environment's spaces do not fit.
    """
    check_regulariser(regulariser, search_steps)
    agent = RobustAgent(
        make_env, epsilon=epsilon, space=space, settings=settings, normaliser=normaliser, seed=seed, name=name,
        progress=progress,
    )  # fmt: skip
    if regulariser:
        agent.penalty = sa_penalty(agent, regulariser, bound, search_steps)
    return agent.train()


def sa_penalty(agent: RobustAgent, regulariser: float, bound: Bound = "sgld", search_steps: int = 2) -> Penalty:
    """Return the regulariser of SA-PPO, for the agent's current budget, as a term of its loss."""

    def penalty(mean: Any, std: Any, x: Any) -> Any:
        radius = agent.torch.as_tensor(agent.envs.radius, dtype=x.dtype)
        return regulariser * largest_divergence(
            agent.torch, mean, x, std, radius, bound=bound, steps=search_steps, generator=agent.generator
        )

    return penalty


def check_regulariser(regulariser: float, search_steps: int = 1) -> None:
    """Check the weight of the regulariser and the number of steps of its search.

    Raises:
        ConfigurationError: If the weight is below 0, or there is no step.
    """
    if regulariser < 0 or search_steps < 1:
        raise ConfigurationError(
            f"expected regulariser >= 0 and search_steps >= 1, got {regulariser!r} and {search_steps!r}"
        )
