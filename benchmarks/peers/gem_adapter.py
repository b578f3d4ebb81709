"""GEM: its loop over one environment, and its asynchronous vector environment. Neither records anything."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import gem
from arithmetic import is_right, pose, solve
from gem.core import Env
from gem.envs.registration import register
from worker import serve

_NUM_ENVS = 16


class Arithmetic(Env):
    """The task as a ``gem.Env``: the base class seeds the global generator, as GEM's own environments expect."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__()

    def reset(self, seed: int | None = None) -> tuple[str, dict[str, Any]]:
        """Pose a question."""
        super().reset(seed)
        question, self.answer = pose(random)
        return question, {}

    def step(self, action: str) -> tuple[str, float, bool, bool, dict[str, Any]]:
        """Judge the reply."""
        right = is_right(action, self.answer)
        return "", float(right), True, False, {"success": right}


def loop(seeds: Sequence[int]) -> int:
    """Play one episode after the other."""
    env = Arithmetic()
    right = 0
    for seed in seeds:
        observation, _ = env.reset(seed=seed)
        over = False
        while not over:
            observation, reward, terminated, truncated, _ = env.step(solve(observation))
            over = terminated or truncated
        right += reward == 1
    return right


def vector(seeds: Sequence[int]) -> int:
    """Play 16 environments in GEM's thread pool; only the first episode of each can be seeded."""
    envs = gem.make_vec(["Arithmetic-v0"] * _NUM_ENVS, async_mode=True)
    observations, _ = envs.reset(seed=seeds[0])
    right = played = 0
    while played < len(seeds):
        actions = [solve(observation) for observation in observations]
        observations, rewards, *_ = envs.step(actions)
        right += int(rewards[: len(seeds) - played].sum())
        played += min(_NUM_ENVS, len(seeds) - played)
    envs.thread_pool_executer.shutdown()
    return right


if __name__ == "__main__":
    register("Arithmetic-v0", Arithmetic)
    serve({"GEM: loop": loop, "GEM: AsyncVectorEnv": vector})
