"""Quintain: ``evaluate`` over the same Gymnasium environments as the bare loop, and over its own CodeReason-v0."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import gymnasium as gym
from arithmetic import solve
from gymnasium_adapter import Arithmetic, LeanArithmetic
from worker import Runner, serve

import quintain

_CODE_REASON = {
    "tasks": "number_multiply",
    "difficulty": {"min_factors": 2, "max_factors": 2, "max_digits": 3},
    "code": False,
}


def _evaluate(env: str | Callable[[], Any], agent: Any, *, record: bool, **env_kwargs: Any) -> Runner:
    def run(seeds: Sequence[int]) -> int:
        with tempfile.TemporaryDirectory() as folder:
            report = quintain.evaluate(
                env, agent, episodes=len(seeds), seed=seeds[0], progress=False, env_kwargs=env_kwargs,
                out=Path(folder) / "run" if record else None,
            )  # fmt: skip
        return report.outcomes["success"]

    return run


def code_reason_loop(seeds: Sequence[int]) -> int:
    """Play CodeReason-v0 without Quintain's evaluation."""
    env = gym.make("CodeReason-v0", disable_env_checker=True, **_CODE_REASON)
    right = 0
    for seed in seeds:
        env.reset(seed=seed)
        over = False
        while not over:
            _, _, terminated, truncated, info = env.step(env.unwrapped.solution())
            over = terminated or truncated
        right += info["success"]
    return right


if __name__ == "__main__":
    serve(
        {
            "Quintain: evaluate": _evaluate(Arithmetic, solve, record=True),
            "Quintain: evaluate, not recorded": _evaluate(Arithmetic, solve, record=False),
            "Quintain: evaluate, lean seeding": _evaluate(LeanArithmetic, solve, record=True),
            "Quintain: evaluate, CodeReason-v0": _evaluate("CodeReason-v0", "oracle", record=True, **_CODE_REASON),
            "CodeReason-v0: loop": code_reason_loop,
        }
    )
