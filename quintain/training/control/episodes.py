"""Playing whole episodes on a vector environment, one per row, all rows in one batch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.vector import AutoresetMode, SyncVectorEnv, VectorEnv

from quintain.agents.policies.actor import Rollouts
from quintain.agents.policies.policy import Policy

__all__ = ["Episode", "play_episodes"]

#: Rows of one vector; more only cost memory.
_ROWS = 32


@dataclass(frozen=True, slots=True)
class Episode:
    """What came out of an episode.

    Attributes:
        seed: Its seed.
        reward: Sum of what the environment paid.
        length: Steps.
        success: The environment's own flag at the end; ``None`` where it has none.
        attacker_success: Likewise, of the attacker's goal.
        distance: Largest distance between what was and what was seen, in the attack's units; 0 without an attack.
    """

    seed: int
    reward: float
    length: int
    success: bool | None = None
    attacker_success: bool | None = None
    distance: float = 0.0


def play_episodes(
    make: Callable[[], gym.Env[Any, Any]],
    victim: Policy,
    seeds: Sequence[int],
    attack: Callable[[VectorEnv[Any, Any, Any]], VectorEnv[Any, Any, Any]] | None = None,
) -> list[Episode]:
    """Play one episode per seed, the victim taking its most likely actions.

    Args:
        make: Makes an environment.
        victim: Who plays.
        seeds: Seeds of the episodes.
        attack: Wraps the vector environment.

    Returns:
        The episodes, in the order of the seeds.
    """
    episodes: list[Episode] = []
    for first in range(0, len(seeds), _ROWS):
        episodes += _play(make, victim, list(seeds[first : first + _ROWS]), attack)
    return episodes


def _play(make: Any, victim: Policy, seeds: list[int], attack: Any) -> list[Episode]:
    vector: Any = SyncVectorEnv([make] * len(seeds), autoreset_mode=AutoresetMode.NEXT_STEP)
    env = vector if attack is None else attack(vector)
    rewards, far = np.zeros(len(seeds)), np.zeros(len(seeds))
    done: dict[int, Episode] = {}
    player, over = Rollouts(victim, len(seeds)), np.zeros(len(seeds), np.bool_)
    player.restart()
    try:
        observations, infos = env.reset(seed=seeds)
        length = 0
        while len(done) < len(seeds):
            far = np.maximum(far, _distance(infos, len(seeds)))
            actions = player.act(observations)
            observations, paid, terminated, truncated, infos = env.step(actions)
            player.did(actions, paid)
            player.restart(np.flatnonzero(over))  # this step has reset them
            rewards += paid
            length += 1
            over = terminated | truncated
            for row in np.flatnonzero(over).tolist():
                if row not in done:
                    done[row] = Episode(
                        seeds[row],
                        float(rewards[row]),
                        length,
                        _flag(infos, "success", row),
                        _flag(infos, "attacker_success", row),
                        float(far[row]),
                    )
    finally:
        env.close()
    return [done[row] for row in range(len(seeds))]


def _distance(infos: dict[str, Any], rows: int) -> Any:
    largest = np.zeros(rows)
    for name, report in infos.get("attack", {}).items():
        if not name.startswith("_") and "distance" in report:
            largest = np.maximum(largest, report["distance"])
    return largest


def _flag(infos: dict[str, Any], name: str, row: int) -> bool | None:
    return bool(infos[name][row]) if name in infos and infos[f"_{name}"][row] else None
