"""Rewards of a learner's own: curiosity by random network distillation, and imitation of its own successes."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from quintain.errors import require
from quintain.training.control.reward_worlds import WorldStep

__all__ = ["Bonus", "RandomNetworkDistillation", "SelfImitation"]


class Bonus(Protocol):
    """Adds to the rewards of a learner, and learns after every rollout."""

    def add(self, step: WorldStep, actions: NDArray[Any]) -> NDArray[np.float64] | None:
        """Return what is added to the rewards of a step, shape ``(n,)``, or ``None`` for nothing."""
        ...

    def update(self, model: Any) -> None:
        """Learn from the rollout that has ended, before PPO does."""
        ...


class RandomNetworkDistillation:
    """Curiosity: the error of predicting a fixed random network's output (Burda et al. 2019, arXiv 1810.12894).

    Errors are divided by their running standard deviation; observations are clipped to [-5, 5].

    Args:
        size: Length of the observations.
        seed: Seed of both networks. Default: 0.
        scale: Weight of the bonus. Default: 0.02, so that a hundred steps of average novelty are about the goal's 1.
        learning_rate: Step size of Adam. Default: 1e-3.
    """

    def __init__(self, size: int, seed: int = 0, *, scale: float = 0.02, learning_rate: float = 1e-3) -> None:
        torch: Any = require("torch", "rl", "curiosity")
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self._target, self._student = (
                torch.nn.Sequential(torch.nn.Linear(size, 64), torch.nn.ReLU(), torch.nn.Linear(64, 32))
                for _ in range(2)
            )
        self._torch, self._scale = torch, scale
        self._optimiser = torch.optim.Adam(self._student.parameters(), lr=learning_rate)
        self._seen: list[Any] = []
        self._sum = self._squares = self._count = 0.0

    def add(self, step: WorldStep, actions: NDArray[Any]) -> NDArray[np.float64]:
        """Return the scaled errors at the observations after the step."""
        torch = self._torch
        seen = torch.as_tensor(np.clip(step.last, -5, 5), dtype=torch.float32)
        self._seen.append(seen)
        with torch.no_grad():
            errors = ((self._student(seen) - self._target(seen)) ** 2).mean(1).numpy().astype(np.float64)
        self._count += len(errors)
        self._sum, self._squares = self._sum + float(errors.sum()), self._squares + float((errors**2).sum())
        mean = self._sum / self._count
        std = float(np.sqrt(max(self._squares / self._count - mean**2, 1e-12)))
        return np.asarray(self._scale * np.clip(errors / std, 0.0, 5.0))

    def update(self, model: Any) -> None:
        """Train the predictor on the observations of the rollout, one pass in batches of 1,024."""
        torch, seen = self._torch, self._torch.cat(self._seen)
        self._seen = []
        for part in torch.split(seen, 1024):
            loss = ((self._student(part) - self._target(part).detach()) ** 2).mean()
            self._optimiser.zero_grad()
            loss.backward()
            self._optimiser.step()


class SelfImitation:
    """Imitation of the learner's own successful episodes (after Oh et al. 2018, arXiv 1806.05635).

    Differences: a buffer of the transitions of successful episodes, whose log-likelihood is raised after every rollout,
    without the weight by the positive advantage, since every kept episode has the same return of 1.

    Args:
        n: Number of rows.
        capacity: Maximum number of transitions kept. Default: 20,000.
        batches: Batches of 512 transitions per rollout. Default: 4.
        seed: Seed of the choice of transitions. Default: 0.
    """

    def __init__(self, n: int, *, capacity: int = 20_000, batches: int = 4, seed: int = 0) -> None:
        self._running: list[list[tuple[Any, Any]]] = [[] for _ in range(n)]
        self._kept: list[tuple[Any, Any]] = []
        self._capacity, self._batches, self._rng = capacity, batches, np.random.default_rng(seed)
        self._before: Any = None

    def add(self, step: WorldStep, actions: NDArray[Any]) -> None:
        """Keep the transitions of episodes that end with success."""
        if self._before is not None:
            for row, running in enumerate(self._running):
                running.append((self._before[row].copy(), actions[row]))
        for row in np.flatnonzero(step.done).tolist():
            if step.success[row]:
                self._kept = (self._kept + self._running[row])[-self._capacity :]
            self._running[row] = []
        self._before = step.observations

    def update(self, model: Any) -> None:
        """Raise the log-likelihood of kept actions, at observations as the policy sees them."""
        if not self._kept:
            return
        torch: Any = require("torch", "rl", "self-imitation")
        scaler = model.get_vec_normalize_env()  # what the policy sees is normalised by the statistics of now
        for _ in range(self._batches):
            chosen = self._rng.integers(len(self._kept), size=512)
            raw = np.stack([self._kept[k][0] for k in chosen])
            seen = torch.as_tensor(raw if scaler is None else scaler.normalize_obs(raw), dtype=torch.float32)
            done = torch.as_tensor(np.array([self._kept[k][1] for k in chosen]))
            loss = -0.1 * model.policy.get_distribution(seen).log_prob(done).mean()
            model.policy.optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.policy.parameters(), 0.5)
            model.policy.optimizer.step()
