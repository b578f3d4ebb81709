"""Mazes whose goal is behind a door that a key opens, at once or after a delay: KeyDoor-v0."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from quintain.arguments import check_number
from quintain.envs.navigation import layouts
from quintain.envs.navigation.layouts import Layout, cell_of
from quintain.envs.navigation.maze import RADIUS, MazeEnv, towards

__all__ = ["KeyDoorEnv"]


class KeyDoorEnv(MazeEnv):
    """Fetch a key, then go through the door that it opens to the goal.

    Description:
        A maze as in ``Maze-v0``, one opening of which is a door: without passing it the goal cannot be reached. It is
        closed until the body has been at the key, and for ``delay`` further steps. Every visit begins without the key.

    Observation:
        Position (x, y) and opening o, then those of the goal (x, y, 1), in cells; float64. The opening is 0 without
        the key and 1 when the door is open; in between it grows with the share of the delay that has passed.

    Action:
        Velocity in [-1, 1]^2, as in ``Maze-v0``.

    Reward:
        ``goal``: 1 on arrival, else 0. The key pays nothing.

    Episode end:
        Terminated at the last visit's arrival; a step beyond it raises ``ResetNeeded``. The registered environment is
        truncated after 10,000 steps.

    Info:
        As in ``Maze-v0``; ``metrics`` also has ``key``: whether this visit has the key. Ratios are over the shortest
        way by the key. ``task_hash`` also tells door and key.

    Arguments:
        size: Rows and columns, 2 to 64.
        openings: Share of the inner walls left by the backtracker that are removed, in [0, 1]. Of mazes without a
            possible door, one with fewer openings is taken.
        delay: Steps from the key to the opening of the door, >= 0.
        visits: Arrivals that end the episode, >= 1.
        noise: Standard deviation of the noise of every displacement, in cells.
        slip: Probability that a step goes in a random direction.
        drift: Displacement (x, y) that is added to every step, in cells; below 0.5 in size.
        maze_seed: Seed of the maze, >= 0; by default every episode draws its own.
        render_mode: ``None`` or ``"rgb_array"``.

    Determinism:
        A function of the seed and the actions. A copy (``copy.deepcopy``) continues as the original would.

    Source:
        Key-door and delayed-gate rooms, as problems whose state must be augmented by flags; the paper's own
        (Baranski and Tani 2024, arXiv 2410.01349) could not be read (unconfirmed).

    Version history:
        v0: first version.
    """

    def __init__(
        self,
        size: int = 5,
        *,
        openings: float = 0.0,
        delay: int = 0,
        visits: int = 1,
        noise: float = 0.03,
        slip: float = 0.0,
        drift: Sequence[float] = (0.0, 0.0),
        maze_seed: int | None = None,
        render_mode: str | None = None,
    ) -> None:
        check_number("delay", delay, low=0, integer=True)
        self.delay = delay
        self._since: int | None = None
        super().__init__(
            size, openings=openings, visits=visits, noise=noise, slip=slip, drift=drift, maze_seed=maze_seed,
            render_mode=render_mode,
        )  # fmt: skip

    @property
    def opening(self) -> float:
        """Share of the delay that has passed since the key, 0 without it; the door is open at 1."""
        if self._since is None:
            return 0.0
        return min(1.0, self._since / self.delay) if self.delay else 1.0

    def _task(self) -> list[Any]:
        return [*super()._task(), self.closed.walls.tolist(), self.key, int(self.delay)]

    def _make(self, rng: np.random.Generator) -> Layout:
        for openings in (self.openings, self.openings / 2, 0.0):
            made = layouts.generate(rng, (self.size, self.size), openings=openings)
            doors = [closed for closed in layouts.closings(made) if np.isinf(closed.shortest())]
            if doors:
                break
        self.closed = doors[len(doors) // 2]
        away = self.closed.distances(made.start)
        cells = [cell for cell in zip(*np.nonzero(np.isfinite(away)), strict=True) if cell != cell_of(made.start)]
        row, column = cells[rng.integers(len(cells))] if cells else cell_of(made.start)
        self.key = (float(column) + 0.5, float(row) + 0.5)
        return made

    def _space(self) -> spaces.Box:
        high = np.array([self.size, self.size, 1.0] * 2)
        return spaces.Box(0.0, high, dtype=np.float64)

    def _begin_visit(self) -> None:
        super()._begin_visit()
        self._since = None
        self._find_key()

    def _move(self, velocity: NDArray[np.float64]) -> None:
        super()._move(velocity)
        if self._since is not None:
            self._since += 1
        self._find_key()

    def _find_key(self) -> None:
        away = self.position - self.key
        if self._since is None and away @ away < RADIUS**2:
            self._since = 0

    def _walls(self) -> NDArray[np.bool_]:
        return self.layout.walls if self.opening == 1.0 else self.closed.walls

    def _shortest(self) -> float:
        to_key = replace(self.closed, goal=self.key).shortest()
        return to_key + replace(self.layout, start=self.key).shortest()

    def _next_place(self) -> NDArray[np.float64]:
        if self._since is None:
            return towards(self.closed, self.position, self.key)
        return towards(self.layout, self.position, self.layout.goal)

    def _observe(self) -> NDArray[np.float64]:
        return np.array([*self.position, self.opening, *self.layout.goal, 1.0])

    def _info(self, arrived: bool, invalid: bool) -> dict[str, Any]:
        info = super()._info(arrived, invalid)
        info["metrics"]["key"] = float(self._since is not None)
        return info

    def _picture(self) -> tuple[Layout, list[tuple[float, float]]]:
        """Return the maze with the door as it is now, and the key while it lies there."""
        shown = self.layout if self.opening == 1.0 else self.closed
        return shown, [self.key] if self._since is None else []
