"""Gymnasium: the bare loop that any harness over the same environment contains."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import gymnasium as gym
from arithmetic import is_right, pose, solve
from worker import serve

__all__ = ["Arithmetic", "LeanArithmetic"]


class Arithmetic(gym.Env[str, str]):
    """The task as a ``gymnasium.Env``. The base class makes a NumPy generator from the seed, as Gymnasium demands."""

    observation_space = action_space = gym.spaces.Text(200)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[str, dict[str, Any]]:
        """Pose a question."""
        super().reset(seed=seed)
        question, self.answer = pose(random.Random(seed))
        return question, {}

    def step(self, action: str) -> tuple[str, float, bool, bool, dict[str, Any]]:
        """Judge the reply."""
        right = is_right(action, self.answer)
        return "", float(right), True, False, {"success": right}


class LeanArithmetic(Arithmetic):
    """The same without the NumPy generator that nobody draws from: no more seeding than in GEM and TextArena."""

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[str, dict[str, Any]]:
        """Pose a question."""
        question, self.answer = pose(random.Random(seed))
        return question, {}


def _loop(env: gym.Env[str, str], seeds: Sequence[int]) -> int:
    right = 0
    for seed in seeds:
        observation, _ = env.reset(seed=seed)
        over = False
        while not over:
            observation, reward, terminated, truncated, _ = env.step(solve(observation))
            over = terminated or truncated
        right += reward == 1
    return right


if __name__ == "__main__":
    serve(
        {
            "Gymnasium: loop": lambda seeds: _loop(Arithmetic(), seeds),
            "Gymnasium: loop, lean seeding": lambda seeds: _loop(LeanArithmetic(), seeds),
        }
    )
