"""Playing whole episodes with a policy, as many rows at a time as fit one vector environment."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import gymnasium as gym
import numpy as np

from quintain.agents.policies.actor import Rollouts
from quintain.agents.policies.policy import Policy
from quintain.training.control.rows import EnvRows, VectorWrap

__all__ = ["Episode", "play_episodes"]

#: Largest number of rows of a vector environment. More rows take more memory and are no faster.
_MAX_ROWS = 32


@dataclass(frozen=True, slots=True)
class Episode:
    """The result of one episode.

    Attributes:
        seed: Seed of the environment's reset.
        reward: Sum of the rewards that the environment gave.
        length: Number of environment steps of the episode.
        success: ``info["success"]``, or else ``info["is_success"]``, of the last step; ``None`` where the environment
            reports neither.
        info: The whole info of the last step. Not part of comparisons between episodes.
    """

    seed: int
    reward: float
    length: int
    success: bool | None = None
    info: Mapping[str, Any] = field(default_factory=dict, compare=False, repr=False)


def play_episodes(
    make_env: Callable[[], gym.Env[Any, Any]], policy: Policy, seeds: Sequence[int], *, wrap: VectorWrap | None = None
) -> list[Episode]:
    """Play one episode per seed with the policy's most likely actions.

    Args:
        make_env: Function without arguments that returns a new environment.
        policy: The policy. It may be history-dependent.
        seeds: Seeds of the episodes.
        wrap: Wraps each vector environment, for example in an attack; see
            :class:`~quintain.training.control.rows.EnvRows`.

    Returns:
        The episodes, in the order of the seeds.

    Raises:
        CapabilityError: If the policy was made for other spaces.
    """
    episodes: list[Episode] = []
    for first in range(0, len(seeds), _MAX_ROWS):
        episodes += _play(make_env, policy, list(seeds[first : first + _MAX_ROWS]), wrap)
    return episodes


def _play(
    make_env: Callable[[], gym.Env[Any, Any]], policy: Policy, seeds: list[int], wrap: VectorWrap | None
) -> list[Episode]:
    """Play one episode in every row, until the longest has ended."""
    rewards, length = np.zeros(len(seeds)), 0
    finished: dict[int, Episode] = {}
    with EnvRows(make_env, len(seeds), seeds, wrap=wrap) as rows:
        policy.check_seat(rows.seat)
        rollouts = Rollouts(policy, len(seeds))
        rollouts.reset()
        observations = rows.reset()
        while len(finished) < len(seeds):
            actions = rollouts.act(observations)
            step = rows.step(actions)
            observations = step.observations
            rollouts.record(actions, step.rewards)
            rollouts.reset(np.flatnonzero(step.done))
            rewards += step.rewards
            length += 1
            for row in np.flatnonzero(step.done).tolist():
                if row not in finished:
                    info = step.infos[row]
                    name = "success" if "success" in info else "is_success"
                    success = bool(info[name]) if name in info else None
                    finished[row] = Episode(seeds[row], float(rewards[row]), length, success, info)
    return [finished[row] for row in range(len(seeds))]
