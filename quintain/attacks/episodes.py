"""Playing whole episodes under an attack, and measuring what attacker and victim achieve."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.vector import VectorEnv, VectorWrapper
from numpy.typing import NDArray

from quintain.agents.policies import Policy
from quintain.training.control import Episode, play_episodes
from quintain.training.control.rows import VectorWrap

__all__ = ["AttackedEpisode", "play_attacked"]


@dataclass(frozen=True, slots=True)
class AttackedEpisode(Episode):
    """The result of one episode under an attack, or of the clean episode that it is compared with.

    Attributes:
        attacker_success: ``info["attacker_success"]`` of the last step: whether the attacker's goal was reached;
            ``None`` where the environment reports none.
        distance: Largest distance between a true and a perturbed observation that the victim acted on, in the units of
            the attack's budget, >= 0; 0 without an attack. Default: 0.
    """

    attacker_success: bool | None = None
    distance: float = 0.0


def play_attacked(
    make_env: Callable[[], gym.Env[Any, Any]], victim: Policy, seeds: Sequence[int], attack: VectorWrap | None = None
) -> list[AttackedEpisode]:
    """Play one episode per seed, in which the victim takes its most likely actions.

    Args:
        make_env: Function without arguments that returns a new environment.
        victim: The victim. It may be history-dependent.
        seeds: Seeds of the episodes; they also seed the attack.
        attack: Wraps a vector environment in the attack; ``None`` for clean episodes.

    Returns:
        The episodes, in the order of the seeds.
    """
    wrap = None if attack is None else lambda env: _MaximumDistance(attack(env))
    return [
        AttackedEpisode(
            episode.seed,
            episode.reward,
            episode.length,
            episode.success,
            episode.info,
            bool(episode.info["attacker_success"]) if "attacker_success" in episode.info else None,
            float(episode.info.get(_KEY, 0.0)),
        )
        for episode in play_episodes(make_env, victim, seeds, wrap=wrap)
    ]


_KEY = "max_distance"


class _MaximumDistance(VectorWrapper):
    """Adds ``info["max_distance"]``: the largest distance of the episode so far, up to the last action."""

    def __init__(self, env: VectorEnv[Any, Any, Any]) -> None:
        super().__init__(env)
        self._largest = np.zeros(env.num_envs)

    def reset(
        self, *, seed: int | Sequence[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        mask = None if options is None else options.get("reset_mask")
        observations, infos = self.env.reset(seed=seed, options=options)  # type: ignore[arg-type]
        self._largest = np.where(True if mask is None else mask, self._distances(infos), self._largest)
        return observations, infos

    def step(self, actions: Any) -> tuple[Any, NDArray[Any], NDArray[np.bool_], NDArray[np.bool_], dict[str, Any]]:
        observations, rewards, terminated, truncated, infos = self.env.step(actions)
        reported = {_KEY: self._largest, f"_{_KEY}": np.ones(self.num_envs, dtype=np.bool_)}
        self._largest = np.maximum(self._largest, self._distances(infos))  # of observations that are acted on next
        return observations, rewards, terminated, truncated, {**infos, **reported}

    def _distances(self, infos: dict[str, Any]) -> NDArray[np.float64]:
        """Return the distance that each row's attacks report, the largest of all attacks; 0 where there is none."""
        largest = np.zeros(self.num_envs)
        for name, report in infos.get("attack", {}).items():
            if not name.startswith("_") and "distance" in report:
                largest = np.maximum(largest, report["distance"])
        return largest
