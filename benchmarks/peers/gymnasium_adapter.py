"""Gymnasium: the bare loop that any harness over the same environment contains, and the least that recording adds."""

from __future__ import annotations

import json
import random
import tempfile
import time
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


def _recording_loop(env: gym.Env[str, str], seeds: Sequence[int]) -> int:
    """Play, and write one line of JSON an episode, at once: the fields of Quintain's record and nothing else."""
    right = 0
    encode = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode
    with tempfile.TemporaryFile(buffering=0) as lines:
        for index, seed in enumerate(seeds):
            started = time.perf_counter()
            observation, info = env.reset(seed=seed)
            steps, total, over, truncated = [], 0.0, False, False
            while not over:
                action = solve(observation)
                following, reward, terminated, truncated, info = env.step(action)
                steps.append({"observation": observation, "action": action, "reward": reward})
                observation, over = following, terminated or truncated
                total += reward
            record = {
                "index": index, "seed": seed, "outcome": "success" if info["success"] else "failure",
                "returns": {"agent": total}, "steps": steps, "final_observation": observation,
                "truncated": truncated, "info": info, "reward_terms": {}, "reward_errors": 0, "error": None,
                "calls": [], "prompt_tokens": 0, "completion_tokens": 0,
                "wall_s": round(time.perf_counter() - started, 6), "schema": 1,
            }  # fmt: skip
            lines.write(encode(record).encode() + b"\n")
            right += total == 1
    return right


if __name__ == "__main__":
    serve(
        {
            "Gymnasium: loop": lambda seeds: _loop(Arithmetic(), seeds),
            "Gymnasium: loop, lean seeding": lambda seeds: _loop(LeanArithmetic(), seeds),
            "Gymnasium: loop that writes JSON": lambda seeds: _recording_loop(Arithmetic(), seeds),
            "Gymnasium: loop that writes JSON, lean seeding": lambda seeds: _recording_loop(LeanArithmetic(), seeds),
        }
    )
