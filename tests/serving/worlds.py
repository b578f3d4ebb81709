"""Small environments that misbehave on request."""

from __future__ import annotations

import threading
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces

from quintain.spaces import UnicodeText

SECRET = "the right answer is 1234"


class Misbehaving(gym.Env[str, str]):
    """Does what the action says."""

    observation_space = UnicodeText(100)
    action_space = UnicodeText(100_000)
    release = threading.Event()

    def __init__(self, fails: bool = False) -> None:
        if fails:
            raise RuntimeError(SECRET)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[str, dict[str, Any]]:
        super().reset(seed=seed)
        if options == {"item": 3}:
            raise RuntimeError(SECRET)
        if options == {"item": 4}:
            return "", {"backend_error": SECRET}
        return f"draw {self.np_random.integers(1000)}", {"task_id": "t", "expected": SECRET, "detail": SECRET}

    def step(self, action: str) -> tuple[str, float, bool, bool, dict[str, Any]]:
        reward = 1.0
        match action:
            case "raise":
                raise KeyError(SECRET)
            case "nan":
                reward = float("nan")
            case "wait":
                self.release.wait(20)
        if action == "lost":
            return "", 0.0, False, True, {"success": False, "backend_error": SECRET}
        info = {"expected": SECRET, "solution": SECRET, "extra": np.float32(0.5), "success": action == "win"}
        return action[:100], reward, action == "win", action == "cut", info


class Numbers(gym.Env[Any, Any]):
    """Observations of every kind that JSON can hold; the reward is the action."""

    observation_space = spaces.Dict(
        {
            "box": spaces.Box(-np.inf, np.inf, (2, 2), np.float32),
            "pair": spaces.Tuple([spaces.Discrete(3, start=-1), spaces.MultiBinary(2)]),
        }
    )
    action_space = spaces.Box(-1.0, 1.0, (1,), np.float32)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        return self._seen(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        return self._seen(), float(action[0]), False, True, {}

    def _seen(self) -> dict[str, Any]:
        box = self.np_random.standard_normal((2, 2)).astype(np.float32)
        box[0, 0] = -np.inf
        return {"box": box, "pair": (np.int64(-1), np.array([0, 1], dtype=np.int8))}
