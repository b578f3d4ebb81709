"""Environments and families for audits: sound ones, and each faulty one with a single fault."""

from __future__ import annotations

import random
from typing import Any, ClassVar

import gymnasium as gym
import numpy as np
from gymnasium import spaces

from quintain.spaces import UnicodeText


class Quiz(gym.Env[str, str]):
    """A sum of two numbers, answered by one reply; sound."""

    metadata: dict[str, Any] = {"render_modes": []}
    observation_space = UnicodeText(1000)
    action_space = UnicodeText(100_000)

    def __init__(self, render_mode: str | None = None) -> None:
        self.render_mode = render_mode

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[str, dict[str, Any]]:
        super().reset(seed=seed)
        self.numbers = [int(number) for number in self.np_random.integers(10, 99, size=2)]
        return f"What is {self.numbers[0]} + {self.numbers[1]}?", {}

    def solution(self) -> str:
        return str(sum(self.numbers))

    def is_right(self, reply: str) -> bool:
        return reply == self.solution()

    def step(self, action: Any) -> tuple[str, float, bool, bool, dict[str, Any]]:
        invalid = action not in self.action_space
        right = not invalid and self.is_right(action)
        return "", float(right), True, False, {"success": right, "invalid_action": invalid}


class PaysForForm(Quiz):
    """A small reward for any answer; sound."""

    def step(self, action: Any) -> tuple[str, float, bool, bool, dict[str, Any]]:
        seen, reward, *rest = super().step(action)
        return seen, reward + 0.1 * isinstance(action, str), *rest


class AcceptsEmptyAnswers(Quiz):
    def is_right(self, reply: str) -> bool:
        return self.solution().startswith(reply)


class FindsTheAnswerAnywhere(Quiz):
    def is_right(self, reply: str) -> bool:
        return self.solution() in reply


class BelievesWhatItIsTold(Quiz):
    def is_right(self, reply: str) -> bool:
        return super().is_right(reply) or "score = 1.0" in reply


class PaysForLength(Quiz):
    def step(self, action: Any) -> tuple[str, float, bool, bool, dict[str, Any]]:
        seen, reward, *rest = super().step(action)
        return seen, max(reward, len(str(action)[:2000]) / 5000), *rest


class RefusesItsSolution(Quiz):
    def is_right(self, reply: str) -> bool:
        return reply == f"{self.solution()}."


class ScoresItsFailures(Quiz):
    def step(self, action: Any) -> tuple[str, float, bool, bool, dict[str, Any]]:
        try:
            right = int(action) == sum(self.numbers)
        except Exception as error:
            return "", 0.0, True, False, {"error": f"{type(error).__name__}: {error}"}
        return "", float(right), True, False, {}


class RaisesAgainstItsWord(Quiz):
    def is_right(self, reply: str) -> bool:
        return int(reply) == sum(self.numbers)


class LeavesItsRange(Quiz):
    metadata: dict[str, Any] = {"render_modes": [], "reward_range": (0.0, 0.5)}


class Keeps(Quiz):
    """Keeps what every episode asked."""

    kept: ClassVar[list[str]] = []

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[str, dict[str, Any]]:
        observation, info = super().reset(seed=seed)
        self.kept.append(observation * 100)
        return observation, info


class Walk(gym.Env[Any, Any]):
    """A random walk that goes on for ever; sound with a time limit."""

    metadata: dict[str, Any] = {"render_modes": []}
    observation_space, action_space = spaces.Box(-99, 99, (1,), np.float32), spaces.Discrete(2)

    def __init__(self, render_mode: str | None = None) -> None:
        self.render_mode = render_mode

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self.t, self.x = 0, self.np_random.random(1).astype(np.float32)
        return self.x.copy(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        self.t += 1
        self.x = self.x + np.float32(2 * int(action) - 1)
        return self.x.copy(), float(self.x[0]), False, False, {}


class CallsItsLimitTermination(Walk):
    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        seen, reward, _, truncated, info = super().step(action)
        return seen, reward, self.t >= 10, truncated, info


class TellsTheLimitInInfoOnly(Walk):
    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        seen, reward, *_ = super().step(action)
        return seen, reward, self.t >= 5, False, {"TimeLimit.truncated": self.t >= 5}


class Family:
    """Sums, as a data set of reasoning-gym; sound."""

    def __init__(self, seed: int, size: int) -> None:
        self.seed, self.size = seed, size

    def rng(self, index: int) -> random.Random:
        return random.Random(f"{self.seed} {index}")

    def __getitem__(self, index: int) -> dict[str, Any]:
        rng = self.rng(index)
        a, b = rng.randrange(10, 99), rng.randrange(10, 99)
        return {"question": f"What is {a} + {b}?", "answer": str(a + b), "metadata": {}}

    def score_answer(self, answer: Any, entry: dict[str, Any]) -> float:
        return float(answer == entry["answer"])


class IgnoresItsSeed(Family):
    def __init__(self, seed: int, size: int) -> None:
        super().__init__(random.SystemRandom().randrange(10**9), size)


class DrawsItemsAnew(Family):
    draws = 0

    def rng(self, index: int) -> random.Random:
        self.draws += 1
        return random.Random(f"{self.seed} {self.draws}")


class SharesItsGenerator(Family):
    shared: ClassVar[list[int]] = [0]

    def rng(self, index: int) -> random.Random:
        if index == 0:
            self.shared[0] = self.seed
        self.shared[0] = self.shared[0] * 3 % 1009 + index
        return random.Random(f"{self.seed} {index}" if index < 3 else f"{self.shared[0]}")


class RefusesTheAnswer(Family):
    def score_answer(self, answer: Any, entry: dict[str, Any]) -> float:
        return 0.5 * super().score_answer(answer, entry)


class GivesPartsForLists(Family):
    def score_answer(self, answer: Any, entry: dict[str, Any]) -> float:
        return 0.3 * (entry["answer"] in str(answer).split()) if answer != entry["answer"] else 1.0


class ScoresAboveOne(Family):
    def score_answer(self, answer: Any, entry: dict[str, Any]) -> float:
        return 1.0 + str(answer).endswith(" ") if str(answer).strip() == entry["answer"] else 0.0


class EvaluatesAnswers(Family):
    def score_answer(self, answer: Any, entry: dict[str, Any]) -> float:
        return float((answer is not None and answer == entry["answer"]) or (answer == "1/0" and 1 / 0 > 0))


class ComputesForEver(Family):
    def score_answer(self, answer: Any, entry: dict[str, Any]) -> float:
        while str(answer).startswith("10**"):
            pass
        return super().score_answer(answer, entry)


class HasNoAnswers(Family):
    def __getitem__(self, index: int) -> dict[str, Any]:
        return super().__getitem__(index) | {"answer": None}

    def score_answer(self, answer: Any, entry: dict[str, Any]) -> float:
        return 0.0
