"""Baselines in continuous space: a persistent random walk, and the expansion of a random tree by walking."""

from __future__ import annotations

from typing import Any

import numpy as np

from quintain.agents.agent import Actor, Seat
from quintain.agents.online.places import Array, Stall, check_places, towards
from quintain.arguments import check_number

__all__ = ["RRTWalkAgent", "RandomWalkAgent"]

#: Distance at which a node of the tree is reached, in cells.
_AT = 0.12


class RandomWalkAgent:
    """Keeps its heading until it is stopped or, now and then, turns by chance. It learns nothing.

    Args:
        turn: Probability of a new heading at a step, in [0, 1].

    Raises:
        ConfigurationError: If it is out of its range.
    """

    def __init__(self, *, turn: float = 0.02) -> None:
        check_number("turn", turn, low=0, high=1)
        self.turn = turn

    def describe(self) -> dict[str, Any]:
        """Return the hyper-parameters, for the run's manifest."""
        return {"agent": "random-walk", "turn": self.turn}

    def begin(self, seat: Seat) -> Actor:
        """Return an actor with its own generator."""
        check_places("random-walk", seat, 2)
        return _Walker(self.turn, seat.generator())


class _Walker:
    def __init__(self, turn: float, rng: np.random.Generator) -> None:
        self._turn, self._rng = turn, rng
        self._last = np.full(2, np.inf)
        self._heading = np.zeros(2)

    def act(self, observation: Any, info: dict[str, Any]) -> Array:
        place = np.asarray(observation, np.float64)[:2]
        stopped = not np.linalg.norm(place - self._last) > 0.07
        if stopped or not self._heading.any() or self._rng.random() < self._turn:
            angle = self._rng.uniform(0, 2 * np.pi)
            self._heading = np.array([np.cos(angle), np.sin(angle)])
        self._last = place
        return self._heading


class RRTWalkAgent:
    """Grows a rapidly exploring random tree (RRT, LaValle 1998) by walking: every extension is executed.

    The body goes along the tree to the node nearest to a random place, and from there towards it until it is stopped
    or has gone one unit; where it ends, a node is added. Later visits follow the tree's path to the goal.

    Args:
        goal_bias: Probability of the goal as the place, in [0, 1].

    Raises:
        ConfigurationError: If it is out of its range.
    """

    def __init__(self, *, goal_bias: float = 0.1) -> None:
        check_number("goal_bias", goal_bias, low=0, high=1)
        self.goal_bias = goal_bias

    def describe(self) -> dict[str, Any]:
        """Return the hyper-parameters, for the run's manifest."""
        return {"agent": "rrt-walk", "goal_bias": self.goal_bias}

    def begin(self, seat: Seat) -> Actor:
        """Return an actor with an empty tree."""
        check_places("rrt-walk", seat, 2)
        return _TreeWalker(self.goal_bias, seat)


class _TreeWalker:
    def __init__(self, goal_bias: float, seat: Seat) -> None:
        self._bias, self._rng = goal_bias, seat.generator()
        self._high = np.asarray(seat.observation_space.high[:2], np.float64)  # type: ignore[attr-defined]  # a box
        self._places: list[Array] = []
        self._parents: list[int] = []
        self._at, self._new_visit = 0, True
        self._goal_node: int | None = None
        self._route: list[int] = []
        self._extension: Array | None = None
        self._stall = Stall()

    def act(self, observation: Any, info: dict[str, Any]) -> Array:
        place, goal = np.asarray(observation, np.float64).reshape(2, 2)
        if info.get("at_goal"):
            self._goal_node = self._add(place)
            self._new_visit = True
            return np.zeros(2)
        if self._new_visit:
            self._new_visit, self._at = False, 0
            if not self._places:
                self._add(place)
            self._plan(place, goal)
        target = self._target(goal)
        away = float(np.linalg.norm(target - place))
        if away < _AT or self._stall.stalled(away):
            self._arrive(place, goal, away < _AT)
            target = self._target(goal)
        return towards(place, target)

    def _target(self, goal: Array) -> Array:
        if self._route:
            return self._places[self._route[0]]
        return goal if self._extension is None else self._extension

    def _arrive(self, place: Array, goal: Array, reached: bool) -> None:
        """End a piece of the way: at a node of the tree, at the end of an extension, or stopped."""
        if self._route:
            if reached:
                self._at = self._route.pop(0)
            else:  # stopped beside an edge of the tree, which was no straight line: go elsewhere first
                if self._route[0] == self._goal_node:  # the goal was reached along a wall: explore again
                    self._goal_node = None
                angle = self._rng.uniform(0, 2 * np.pi)
                self._route, self._extension = [], place + np.array([np.cos(angle), np.sin(angle)])
        else:
            if self._extension is not None and self._is_straight(place):
                self._at = self._add(place)
            self._plan(place, goal)
        self._stall.aim(float(np.linalg.norm(self._target(goal) - place)))

    def _is_straight(self, place: Array) -> bool:
        """Whether a place lies on the line of the extension, away from its beginning: an edge that can be walked."""
        assert self._extension is not None
        start = self._places[self._at]
        along = (self._extension - start) / max(1e-9, float(np.linalg.norm(self._extension - start)))
        share = float((place - start) @ along)
        return share > 0.2 and float(np.linalg.norm(place - start - share * along)) < 0.12

    def _plan(self, place: Array, goal: Array) -> None:
        if self._goal_node is not None:
            self._route, self._extension = self._between(self._at, self._goal_node), None
        else:
            random = goal if self._rng.random() < self._bias else self._rng.uniform(0, self._high)
            near = int(np.argmin([np.linalg.norm(each - random) for each in self._places]))
            away = random - self._places[near]
            self._route = self._between(self._at, near)
            self._extension = self._places[near] + away / max(1.0, float(np.linalg.norm(away)))
        if np.linalg.norm(place - self._places[self._at]) > _AT:
            self._route = [self._at, *self._route]
        self._stall.aim(float(np.linalg.norm(self._target(goal) - place)))

    def _add(self, place: Array) -> int:
        self._parents.append(self._at if self._places else -1)
        self._places.append(place)
        return len(self._places) - 1

    def _between(self, start: int, end: int) -> list[int]:
        """Return the nodes after ``start`` on the tree's path to ``end``."""
        up, down = [start], [end]
        while self._parents[up[-1]] >= 0:
            up.append(self._parents[up[-1]])
        while down[-1] not in up:
            down.append(self._parents[down[-1]])
        return [*up[1 : up.index(down[-1]) + 1], *reversed(down[:-1])]
