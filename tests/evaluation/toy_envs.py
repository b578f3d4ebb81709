"""Small environments and agents for the evaluation tests, importable by worker processes."""

from __future__ import annotations

import asyncio
import os
import signal
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces

from quintain.agents.agent import Seat


class Sum(gym.Env[np.ndarray, int]):
    """Is the sum of two digits even? Three questions per episode, reward 1 for each correct answer."""

    metadata: dict[str, Any] = {"render_modes": []}

    def __init__(self, fail_on: int = -1, nan: bool = False, kill_on: int = -1) -> None:
        self.observation_space = spaces.Box(0, 9, (2,), np.int64)
        self.action_space = spaces.Discrete(2)
        self.fail_on, self.nan, self.kill_on = fail_on, nan, kill_on
        self.episodes = 0

    def _draw(self) -> np.ndarray:
        self.digits = self.np_random.integers(10, size=2)
        return self.digits

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[np.ndarray, dict[str, Any]]:
        super().reset(seed=seed)
        self.asked = self.right = 0
        self.seed = seed
        return self._draw(), {}

    def step(self, action: int) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        if self.fail_on >= 0 and self.seed is not None and self.seed % 5 == self.fail_on:
            raise RuntimeError("the environment broke")
        if self.kill_on >= 0 and self.seed is not None and self.seed % 5 == self.kill_on:
            os.kill(os.getpid(), signal.SIGKILL)
        correct = int(action) == int(self.digits.sum()) % 2
        self.right += correct
        self.asked += 1
        reward = float("nan") if self.nan else float(correct)
        info = {"success": self.right == 3, "reward_terms": {"right": float(correct)}, "metrics": {"right": self.right}}
        return self._draw(), reward, self.asked == 3, False, info

    def solution(self) -> int:
        return int(self.digits.sum()) % 2


class Frugal(gym.Env[np.ndarray, int]):
    """Counts three steps; returns the same array object as every observation."""

    metadata: dict[str, Any] = {"render_modes": []}

    def __init__(self) -> None:
        self.observation_space = spaces.Box(0, 9, (1,), np.int64)
        self.action_space = spaces.Discrete(2)
        self.shown = np.zeros(1, np.int64)

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[np.ndarray, dict[str, Any]]:
        super().reset(seed=seed)
        self.shown[:] = 0
        return self.shown, {}

    def step(self, action: int) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        self.shown += 1
        return self.shown, 0.0, bool(self.shown[0] == 3), False, {}


def make_sum() -> gym.Env[Any, Any]:
    return Sum()


class Coin:
    """Acts at random with the seat's generator, after a delay that differs between episodes."""

    def begin(self, seat: Seat) -> Any:
        rng = seat.generator()
        delay = (seat.seed % 7) / 2000

        class Actor:
            async def act(self, observation: Any, info: dict[str, Any]) -> int:
                await asyncio.sleep(delay)
                return int(rng.integers(2))

        return Actor()


class Parity:
    """Always correct; acts on single observations or on batches."""

    batches: list[int]

    def __init__(self) -> None:
        self.batches = []

    def begin(self, seat: Seat) -> Any:
        return self

    def act(self, observation: Any, info: dict[str, Any]) -> int:
        return int(observation.sum()) % 2


class Tidy(Parity):
    """Counts the calls of ``close`` of all its instances."""

    closed = 0

    def __init__(self, engine: Any = None) -> None:
        super().__init__()
        self.engine = engine

    def act(self, observation: Any, info: dict[str, Any]) -> int:
        return 0

    def close(self) -> None:
        type(self).closed += 1


class BatchParity(Parity):
    def act_batch(self, observations: np.ndarray) -> np.ndarray:
        self.batches.append(len(observations))
        return observations.sum(axis=1) % 2
