"""Thousands of mazes stepped together on torch tensors, on the CPU or a GPU."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from quintain.envs.navigation.layouts import Layout
from quintain.envs.navigation.maze import RADIUS, SPEED
from quintain.envs.navigation.motion import limit, slide
from quintain.errors import ConfigurationError, require

__all__ = ["BatchStep", "MazeBatch"]


class BatchStep(NamedTuple):
    """What a step gave, as tensors.

    Attributes:
        observation: Positions and goals, shape ``(n, 4)``.
        reward: 1 on arrival, else 0, shape ``(n,)``.
        at_goal: Which worlds arrived, shape ``(n,)``, bool.
    """

    observation: Any
    reward: Any
    at_goal: Any


class MazeBatch:
    """Mazes of :class:`~quintain.envs.navigation.maze.MazeEnv` with visits without end, as one batch of tensors.

    Motion is that of the single environment, by the same code; noise comes from torch's generator. After an arrival
    the next step returns the body to the start, whatever the action. Nothing is terminated or truncated.

    Args:
        layouts: The mazes, all of one shape; see :func:`~quintain.envs.navigation.layouts.generate`.
        noise: As for the single environment, like the following two.
        slip: Probability of a step in a random direction.
        drift: Displacement that is added to every step, in cells.
        device: Where the tensors are: ``"cpu"``, ``"cuda"``.
        dtype: Name of their floating-point type.

    Raises:
        ConfigurationError: If there are no layouts, or they differ in shape.
        MissingDependencyError: If torch is not installed.
    """

    def __init__(
        self,
        layouts: Sequence[Layout],
        *,
        noise: float = 0.03,
        slip: float = 0.0,
        drift: Sequence[float] = (0.0, 0.0),
        device: str = "cpu",
        dtype: str = "float32",
    ) -> None:
        if len({layout.shape for layout in layouts}) != 1:
            raise ConfigurationError("a batch needs layouts of one shape, at least one")
        self._torch = require("torch", "llm", "batches of mazes")
        self.num_envs, self.noise, self.slip = len(layouts), noise, slip
        kind = {"dtype": getattr(self._torch, dtype), "device": device}
        self.walls = self._torch.tensor(np.stack([layout.walls for layout in layouts]), device=device)
        self.start = self._torch.tensor(np.array([layout.start for layout in layouts]), **kind)
        self.goal = self._torch.tensor(np.array([layout.goal for layout in layouts]), **kind)
        self._drift = self._torch.tensor(list(drift), **kind)
        self._generator = self._torch.Generator(device)
        self.reset(seed=0)

    def reset(self, *, seed: int | None = None) -> Any:
        """Bring every body to its start and return the observations.

        Args:
            seed: Seed of noise and slips; by default the generator goes on.
        """
        if seed is not None:
            self._generator.manual_seed(seed)
        self.position = self.start.clone()
        self._at_goal = self._torch.zeros(self.num_envs, dtype=self._torch.bool, device=self.start.device)
        return self._observe()

    def step(self, velocity: Any) -> BatchStep:
        """Move every body.

        Args:
            velocity: Tensor of shape ``(num_envs, 2)``; norms above 1 are shortened, entries that are not finite count
                as 0.
        """
        torch = self._torch
        velocity = limit(torch.nan_to_num(velocity, 0.0, 0.0, 0.0).to(self.position.dtype), torch)
        if self.slip > 0:
            drawn = torch.rand((2, self.num_envs), generator=self._generator, device=velocity.device)
            angle = 2 * np.pi * drawn[1]
            slipped = torch.stack((torch.cos(angle), torch.sin(angle)), -1).to(velocity.dtype)
            velocity = torch.where((drawn[0] < self.slip)[:, None], slipped, velocity)
        moved = SPEED * velocity + self._drift
        if self.noise > 0:
            moved = moved + self.noise * torch.randn(
                moved.shape, generator=self._generator, device=moved.device, dtype=moved.dtype
            )
        moved = torch.clip(moved, -0.85, 0.85)
        self.position = torch.where(self._at_goal[:, None], self.start, slide(self.position, moved, self.walls, torch))
        away = self.position - self.goal
        self._at_goal = ((away * away).sum(-1) < RADIUS**2) & ~self._at_goal
        return BatchStep(self._observe(), self._at_goal.to(self.position.dtype), self._at_goal)

    def _observe(self) -> Any:
        return self._torch.cat((self.position, self.goal), -1)
