"""Mazes in continuous space, visited several times within an episode: Maze-v0."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal, get_args

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from quintain.arguments import check_number
from quintain.envs.bounded_actions import INVALID_PENALTY, read_action
from quintain.envs.navigation import layouts, pictures
from quintain.envs.navigation.layouts import Cell, Layout, cell_of
from quintain.envs.navigation.motion import limit, slide
from quintain.errors import ConfigurationError

__all__ = ["RADIUS", "SPEED", "MazeEnv", "towards"]

Change = Literal["wall", "goal"]
#: Cells that a body moves in one step at full speed.
SPEED = 0.15
#: Distance from the goal at which it is reached, in cells.
RADIUS = 0.3


class MazeEnv(gym.Env[NDArray[np.float64], NDArray[np.float64]]):
    """Find the goal of a maze, then find it again.

    Description:
        A point moves among walls in the plane; it slides along a wall that it meets at an angle. A recursive
        backtracker makes the maze, and some more walls are removed. The agent starts in the bottom left cell; the goal
        is in the top right one. An arrival ends a visit: whatever the agent does next brings it back to the start, in
        the same maze, until ``visits`` visits are over. So one episode measures how long the first way takes to find,
        what is retained, and, with ``change``, how fast the agent recovers when the maze changes.

    Observation:
        Position (x, y), then the goal's position (x, y), in cells; float64.

    Action:
        Velocity in [-1, 1]^2 as a share of full speed, shortened to a norm of at most 1. Full speed is 0.15 cells per
        step. Anything but an array of two finite numbers counts as zero velocity, and numbers beyond the bounds are
        clipped; both set ``invalid_action`` and cost 1.

    Reward:
        ``goal``: 1 on arrival, else 0.

    Episode end:
        Terminated at the last visit's arrival; a step beyond it raises ``ResetNeeded``. The registered environment is
        truncated after 10,000 steps.

    Info:
        ``success``: all visits have ended with an arrival. ``at_goal``: this step arrived. ``metrics``: ``arrivals``,
        ``changed`` (whether the maze has changed), and ``ratio_1``, ``ratio_2`` ... of finished visits: executed steps
        over those of the shortest way through the centres of the cells (below 1 where corners were cut).
        ``task_hash``: a hash of the arguments and of the maze at the reset, its walls, start and goal. Also
        ``task_id``, ``reward_terms``, ``invalid_action`` and ``parse_error``.

    Arguments:
        size: Rows and columns, 2 to 64; by default 5.
        openings: Share of the inner walls left by the backtracker that are removed, in [0, 1]; by default 0.3.
        visits: Arrivals that end the episode, >= 1.
        change: What changes after ``change_after`` visits, which must be fewer than ``visits``: ``"wall"`` closes an
            opening that the last visit went through and opens another wall (nothing changes where there would be no
            detour), ``"goal"`` moves the goal.
        change_after: Visits before the change, >= 1.
        one_way: Share of the openings that can be passed in one direction alone, in [0, 1]; by default 0.
        noise: Standard deviation of the noise of every displacement, in cells.
        slip: Probability that a step goes in a random direction.
        drift: Displacement (x, y) that is added to every step, in cells; below 0.5 in size.
        layout: Lines of a drawn maze, as the method ``draw`` of a layout gives it, in place of a generated one: then
            without ``size``, ``openings``, ``one_way`` and ``maze_seed``.
        maze_seed: Seed of the maze, >= 0; by default every episode draws its own.
        goal: Place (x, y) of the goal in cells, by default the centre of its cell.
        render_mode: ``None`` or ``"rgb_array"``.

    Determinism:
        A function of the seed and the actions. A copy (``copy.deepcopy``) continues as the original would.

    Source:
        The continuous navigation problems of Baranski and Tani 2024 (arXiv 2410.01349). Their geometry is not
        published in the texts that could be read; this one is a reconstruction (unconfirmed).

    Version history:
        v0: first version.
    """

    metadata = {"render_modes": ["rgb_array"], "render_fps": 30}

    def __init__(
        self,
        size: int | None = None,
        *,
        openings: float | None = None,
        visits: int = 1,
        change: Change | None = None,
        change_after: int = 1,
        one_way: float | None = None,
        noise: float = 0.03,
        slip: float = 0.0,
        drift: Sequence[float] = (0.0, 0.0),
        layout: Sequence[str] | None = None,
        maze_seed: int | None = None,
        goal: Sequence[float] | None = None,
        render_mode: str | None = None,
    ) -> None:
        made_by = {"size": size, "openings": openings, "one_way": one_way, "maze_seed": maze_seed}
        if layout is not None and (given := [name for name, value in made_by.items() if value is not None]):
            raise ConfigurationError(f"a drawn maze (layout) is not generated: leave out {', '.join(given)}")
        self.size, self.openings = 5 if size is None else size, 0.3 if openings is None else openings
        self.one_way, self.visits = 0.0 if one_way is None else one_way, visits
        self.change, self.change_after, self.noise, self.slip = change, change_after, noise, slip
        self.maze_seed, self.render_mode = maze_seed, render_mode
        self._check()
        self.drift = np.array(_two_numbers("drift", drift))
        if not np.abs(self.drift).max() < 0.5:
            raise ConfigurationError(f"drift must be two numbers below 0.5 in size, got {drift!r}")
        self._drawn = None if layout is None else layouts.read_drawing(layout)
        self._goal = None if goal is None else _two_numbers("goal", goal)
        self.ratios: list[float] = []
        self.changed = self._at_goal = False
        self._over = True
        self._hash = ""
        self._taken: list[Cell] = []
        self.layout = self._make(np.random.default_rng(0))  # refuses arguments before the first episode
        self.observation_space: spaces.Space[Any] = self._space()
        self.action_space: spaces.Space[Any] = spaces.Box(-1.0, 1.0, (2,), np.float64)
        self._begin_episode()

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float64], dict[str, Any]]:
        """Make a maze and begin the first visit."""
        super().reset(seed=seed)
        rng = self.np_random if self.maze_seed is None else np.random.default_rng(self.maze_seed)
        self.layout = self._make(rng)
        self._begin_episode()
        self._over = False
        self._hash = hashlib.blake2b(json.dumps(self._task()).encode(), digest_size=8).hexdigest()
        return self._observe(), self._info(arrived=False, invalid=False)

    def step(self, action: Any) -> tuple[NDArray[np.float64], float, bool, bool, dict[str, Any]]:
        """Move, or after an arrival return to the start.

        Raises:
            ResetNeeded: If no episode is under way.
        """
        if self._over:
            raise gym.error.ResetNeeded("the episode has ended; call reset() before the next step()")
        velocity, invalid = read_action(action, 2)
        arrived = False
        if self._at_goal:
            self._begin_visit()
        else:
            self._move(velocity)
            arrived = self._reached()
            if arrived:
                self._arrive()
        self._at_goal = arrived
        self._over = len(self.ratios) == self.visits
        info = self._info(arrived, invalid)
        return self._observe(), float(sum(info["reward_terms"].values())), self._over, False, info

    def solution(self) -> NDArray[np.float64]:
        """Return the velocity along a shortest way: an oracle, which knows the walls."""
        target = self._next_place()
        away = (target - self.position) / SPEED
        return np.asarray(away / max(1.0, float(np.linalg.norm(away))))

    def render(self) -> NDArray[np.uint8] | None:
        """Return the maze and this visit's path, shape ``(height, width, 3)``, uint8; ``None`` without a mode."""
        if self.render_mode is None:
            return None
        layout, marks = self._picture()
        return pictures.draw_maze(layout, np.array(self.path), marks=marks)

    def _picture(self) -> tuple[Layout, list[tuple[float, float]]]:
        """Return the maze as it is now, and places to mark."""
        return self.layout, []

    def _check(self) -> None:
        check_number("size", self.size, low=2, high=64, integer=True)
        for name, high in (("openings", 1), ("one_way", 1), ("slip", 1), ("noise", 0.15)):
            check_number(name, getattr(self, name), low=0, high=high)
        for name in ("visits", "change_after"):
            check_number(name, getattr(self, name), low=1, integer=True)
        if self.maze_seed is not None:
            check_number("maze_seed", self.maze_seed, low=0, integer=True)
        if self.change not in (None, *get_args(Change)):
            raise ConfigurationError(f"change must be None or one of {get_args(Change)}, got {self.change!r}")
        if self.change is not None and self.visits <= self.change_after:
            raise ConfigurationError(
                f"change needs more visits than change_after ({self.change_after}), got {self.visits!r}"
            )
        if self.render_mode not in (None, "rgb_array"):
            raise ConfigurationError(f"render_mode must be None or 'rgb_array', got {self.render_mode!r}")

    def _task(self) -> list[Any]:
        """Return what makes the episode's task, as JSON-able data."""
        settings = [float(self.noise), float(self.slip), *self.drift.tolist(), self.change, int(self.change_after)]
        return [self.layout.walls.tolist(), self.layout.start, self.layout.goal, int(self.visits), *settings]

    def _make(self, rng: np.random.Generator) -> Layout:
        """Make the maze of an episode."""
        made = self._drawn
        if made is None:
            made = layouts.generate(rng, (self.size, self.size), openings=self.openings, one_way=self.one_way)
        if self._goal is not None:
            made = replace(made, goal=layouts.check_place(made, "goal", self._goal))
            made.way()
        return made

    def _space(self) -> spaces.Box:
        rows, columns = self.layout.shape
        return spaces.Box(0.0, np.array([columns, rows] * 2, np.float64), dtype=np.float64)

    def _begin_episode(self) -> None:
        self.ratios, self._taken = [], []
        self.changed = self._at_goal = False
        self._begin_visit()

    def _begin_visit(self) -> None:
        if len(self.ratios) == self.change_after and self.change is not None and not self.changed:
            rng = self.np_random
            found = (
                layouts.reroute(self.layout, _without_loops(self._taken), rng)
                if self.change == "wall"
                else layouts.move_goal(self.layout, rng)
            )
            self.changed = found is not None and found is not self.layout
            self.layout = found or self.layout
        self.position = np.array(self.layout.start)
        self.path = [self.position]
        self._taken = [cell_of(self.position)]

    def _move(self, velocity: NDArray[np.float64]) -> None:
        if self.slip > 0 and self.np_random.random() < self.slip:
            angle = self.np_random.uniform(0, 2 * np.pi)
            velocity = np.array([np.cos(angle), np.sin(angle)])
        moved = SPEED * limit(velocity[None], np)[0] + self.drift
        if self.noise > 0:
            moved = moved + self.noise * self.np_random.standard_normal(2)
        moved = np.clip(moved, -0.85, 0.85)  # no step passes a whole cell
        self.position = slide(self.position[None], moved[None], self._walls()[None], np)[0]
        self.path.append(self.position)
        row, column = cell_of(self.position)
        for cell in ((self._taken[-1][0], column), (row, column)):  # along x first: see ``slide``
            if cell != self._taken[-1]:
                self._taken.append(cell)

    def _walls(self) -> NDArray[np.bool_]:
        return self.layout.walls

    def _reached(self) -> bool:
        away = self.position - self.layout.goal
        return bool(away @ away < RADIUS**2)

    def _arrive(self) -> None:
        self.ratios.append((len(self.path) - 1) * SPEED / max(1.0, self._shortest()))

    def _shortest(self) -> float:
        return self.layout.shortest()

    def _next_place(self) -> NDArray[np.float64]:
        return towards(self.layout, self.position, self.layout.goal)

    def _observe(self) -> NDArray[np.float64]:
        return np.concatenate([self.position, self.layout.goal])

    def _info(self, arrived: bool, invalid: bool) -> dict[str, Any]:
        terms = {"goal": float(arrived), **({"invalid_action": INVALID_PENALTY} if invalid else {})}
        rows, columns = self.layout.shape
        metrics = {f"ratio_{number}": ratio for number, ratio in enumerate(self.ratios, 1)}
        return {
            "task_id": f"{type(self).__name__.removesuffix('Env').lower()}/{rows}x{columns}",
            "task_hash": self._hash,
            "success": len(self.ratios) == self.visits,
            "at_goal": arrived,
            "reward_terms": terms,
            "invalid_action": invalid,
            "parse_error": False,
            "metrics": {"arrivals": float(len(self.ratios)), "changed": float(self.changed), **metrics},
        }


def towards(layout: Layout, position: NDArray[np.float64], place: tuple[float, float]) -> NDArray[np.float64]:
    """Return where to go next: the place, if it is in this cell, else the centre of the next cell on the way."""
    cell = cell_of(position)
    if cell == cell_of(place):
        return np.array(place)
    way = replace(layout, start=(float(position[0]), float(position[1])), goal=place).way()
    return np.array([way[1][1] + 0.5, way[1][0] + 0.5])


def _without_loops(cells: Sequence[Cell]) -> list[Cell]:
    """Return a way without the loops that it went."""
    kept: list[Cell] = []
    for cell in cells:
        if cell in kept:
            del kept[kept.index(cell) :]
        kept.append(cell)
    return kept


def _two_numbers(name: str, values: Sequence[float]) -> tuple[float, float]:
    try:
        one, other = values
    except (TypeError, ValueError):
        raise ConfigurationError(f"{name} must be two numbers (x, y), got {values!r}") from None
    for value in (one, other):
        check_number(name, value)
    return float(one), float(other)
