"""SA-PPO: PPO that is punished for every action distribution an attacker could talk it into."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gymnasium as gym

from quintain.agents.policies import Normaliser, Space
from quintain.attacks.defences.agent import Penalty, RobustAgent
from quintain.attacks.defences.regulariser import Bound, largest_divergence
from quintain.attacks.defences.settings import DefenceSettings, Defended, Progress
from quintain.errors import ConfigurationError

__all__ = ["sa_penalty", "train_sa_ppo"]

_DEFAULTS = DefenceSettings()


def train_sa_ppo(
    make: Callable[[], gym.Env[Any, Any]],
    *,
    epsilon: float,
    space: Space = "raw",
    settings: DefenceSettings = _DEFAULTS,
    weight: float = 1.0,
    bound: Bound = "sgld",
    climb: int = 2,
    normaliser: Normaliser | None = None,
    seed: int = 0,
    name: str = "sa-ppo",
    progress: Progress | None = None,
) -> Defended:
    """Train PPO with the state-adversarial regulariser (Zhang et al. 2020, section 3.2).

    Minimises PPO's loss + weight * E_s[max over |s' - s| <= epsilon of KL(pi(.|s) || pi(.|s'))], the budget growing
    from 0 to epsilon after the warm-up. No attacker takes part. With ``weight=0`` it is plain PPO.

    Differences: the standard deviation receives no gradient from the regulariser; interval bounds instead of the
    tighter linear relaxation.

    Args:
        make: Makes an environment with continuous actions.
        epsilon: Budget >= 0 in l_inf.
        space: Where it is measured.
        settings: How the agent learns.
        weight: Of the regulariser, >= 0; the papers search 0.01 to 10.
        bound: How the maximum is found; see :func:`~quintain.attacks.defences.regulariser.largest_divergence`.
        climb: Steps of ``"sgld"``.
        normaliser: Statistics of observations, so that a budget in ``"normalised"`` means the same as for the victim
            that they come from. By default running ones, frozen after the warm-up.
        seed: Root seed; equal seeds give equal runs.
        name: What reports call the victim.
        progress: Hears of every iteration.

    Raises:
        ConfigurationError: If the settings or the environment's spaces do not fit; actions have to be continuous.
    """
    if weight < 0 or climb < 1:
        raise ConfigurationError(f"the regulariser needs weight >= 0 and climb >= 1, got {weight!r} and {climb!r}")
    agent = RobustAgent(
        make, epsilon=epsilon, space=space, settings=settings, normaliser=normaliser, seed=seed, name=name,
        progress=progress,
    )  # fmt: skip
    if weight:
        agent.penalty = sa_penalty(agent, weight, bound, climb)
    return agent.train()


def sa_penalty(agent: RobustAgent, weight: float, bound: Bound = "sgld", climb: int = 2) -> Penalty:
    """Return the regulariser as a term of an agent's loss."""

    def penalty(mean: Any, std: Any, x: Any) -> Any:
        radius = agent.torch.as_tensor(agent.world.radius, dtype=x.dtype)
        return weight * largest_divergence(
            agent.torch, mean, x, std, radius, bound=bound, steps=climb, generator=agent.generator
        )

    return penalty
