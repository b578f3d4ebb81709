"""Baselines that know the cells of a maze, and learn its walls by walking into them: D* Lite, counts, Q-learning."""

from __future__ import annotations

import heapq
from abc import ABC, abstractmethod
from collections import defaultdict
from typing import Any, Protocol

import numpy as np

from quintain.agents.agent import Actor, Seat
from quintain.agents.online.places import Array, Stall, check_places, towards
from quintain.arguments import check_number

__all__ = ["CountExplorationAgent", "DStarLiteAgent", "QLearningAgent"]

Cell = tuple[int, int]


class _Strategy(Protocol):
    def begin(self, start: Cell, goal: Cell) -> None: ...
    def choose(self, cell: Cell) -> Cell: ...
    def moved(self, before: Cell, after: Cell, arrived: bool) -> None: ...
    def blocked(self, before: Cell, after: Cell) -> None: ...


class _GridAgent(ABC):
    name = ""

    def describe(self) -> dict[str, Any]:
        """Return the agent's name, for the run's manifest."""
        return {"agent": self.name}

    def begin(self, seat: Seat) -> Actor:
        """Return an actor that knows the size of the maze and none of its walls."""
        check_places(self.name, seat, 2)
        bounds = np.asarray(seat.observation_space.high[:2], np.int64)  # type: ignore[attr-defined]  # a box, see above
        return _GridActor(self._strategy((int(bounds[1]), int(bounds[0])), seat.generator()))

    @abstractmethod
    def _strategy(self, shape: Cell, rng: np.random.Generator) -> _Strategy: ...


class DStarLiteAgent(_GridAgent):
    """D* Lite on the cells: takes every boundary for open until it walks into a wall, and replans incrementally.

    An oracle as to the discretisation: it knows that the world is a grid of unit cells. S. Koenig and M. Likhachev,
    "D* Lite", AAAI 2002, figure 4 (without the second queue order of the optimised version).
    """

    name = "d-star-lite"

    def _strategy(self, shape: Cell, rng: np.random.Generator) -> _Strategy:
        return _DStarLite(shape)


class CountExplorationAgent(_GridAgent):
    """Goes to the neighbouring cell that it visited least often, among those not known to be behind a wall."""

    name = "count-exploration"

    def _strategy(self, shape: Cell, rng: np.random.Generator) -> _Strategy:
        return _Counts(shape, rng)


class QLearningAgent(_GridAgent):
    """Tabular Q-learning of moves between cells, epsilon-greedy, from the reward of the goal alone.

    Args:
        epsilon: Share of random moves, in [0, 1].
        learning_rate: Step size, in (0, 1].
        gamma: Discount, in [0, 1].

    Raises:
        ConfigurationError: If one is out of its range.
    """

    name = "grid-q-learning"

    def __init__(self, *, epsilon: float = 0.1, learning_rate: float = 0.5, gamma: float = 0.95) -> None:
        check_number("epsilon", epsilon, low=0, high=1)
        check_number("learning_rate", learning_rate, above=0, high=1)
        check_number("gamma", gamma, low=0, high=1)
        self.epsilon, self.learning_rate, self.gamma = epsilon, learning_rate, gamma

    def describe(self) -> dict[str, Any]:
        """Return the hyper-parameters, for the run's manifest."""
        kept = {"epsilon": self.epsilon, "learning_rate": self.learning_rate, "gamma": self.gamma}
        return {"agent": self.name, **kept}

    def _strategy(self, shape: Cell, rng: np.random.Generator) -> _Strategy:
        return _QTable(shape, rng, self)


class _GridActor:
    """Walks from centre to centre as a strategy says."""

    def __init__(self, strategy: _Strategy) -> None:
        self._strategy = strategy
        self._new_visit = True
        self._cell = self._target = (0, 0)
        self._stall = Stall()

    def act(self, observation: Any, info: dict[str, Any]) -> Array:
        place, goal = np.asarray(observation, np.float64).reshape(2, 2)
        end = _cell_of(goal)
        if info.get("at_goal"):
            self._strategy.moved(self._cell, end, True)
            self._new_visit = True
            return np.zeros(2)
        if self._new_visit:
            self._new_visit, self._cell = False, _cell_of(place)
            self._strategy.begin(self._cell, end)
            self._aim(place, goal)
        elif _cell_of(place) == self._target != end and self._away(place, goal) < 0.25:
            self._strategy.moved(self._cell, self._target, False)
            self._cell = self._target
            self._aim(place, goal)
        elif self._stall.stalled(self._away(place, goal)):
            if self._target != self._cell:
                self._strategy.blocked(self._cell, self._target)
            self._cell = _cell_of(place)
            self._aim(place, goal)
        return towards(place, self._place(goal))

    def _aim(self, place: Array, goal: Array) -> None:
        self._target = self._strategy.choose(self._cell)
        self._stall.aim(self._away(place, goal))

    def _place(self, goal: Array) -> Array:
        return goal if self._target == _cell_of(goal) else np.array([self._target[1] + 0.5, self._target[0] + 0.5])

    def _away(self, place: Array, goal: Array) -> float:
        return float(np.linalg.norm(self._place(goal) - place))


class _DStarLite:
    def __init__(self, shape: Cell) -> None:
        self._shape = shape
        self._walls: set[tuple[Cell, Cell]] = set()
        self._g: dict[Cell, float] = {}
        self._rhs: dict[Cell, float] = {}
        self._queue: list[tuple[tuple[float, float], Cell]] = []
        self._start = self._last = self._goal = (0, 0)
        self._km = 0.0

    def begin(self, start: Cell, goal: Cell) -> None:
        self._g, self._rhs = defaultdict(lambda: np.inf), defaultdict(lambda: np.inf)
        self._start = self._last = start
        self._goal, self._km, self._queue = goal, 0.0, []
        self._rhs[goal] = 0.0
        heapq.heappush(self._queue, (self._key(goal), goal))

    def choose(self, cell: Cell) -> Cell:
        self._start = cell
        if cell == self._goal:
            return cell
        self._compute()
        best = min(_neighbours(cell, self._shape), key=lambda near: self._cost(cell, near) + self._g[near])
        if np.isinf(self._g[best]):  # slips were taken for walls: begin again
            self._walls.clear()
            self.begin(cell, self._goal)
            return self.choose(cell)
        return best

    def moved(self, before: Cell, after: Cell, arrived: bool) -> None:
        pass

    def blocked(self, before: Cell, after: Cell) -> None:
        self._walls |= {(before, after), (after, before)}
        self._km += _manhattan(self._last, self._start)
        self._last = self._start
        self._update(before)
        self._update(after)

    def _cost(self, one: Cell, other: Cell) -> float:
        return np.inf if (one, other) in self._walls else 1.0

    def _key(self, cell: Cell) -> tuple[float, float]:
        least = min(self._g[cell], self._rhs[cell])
        return least + _manhattan(self._start, cell) + self._km, least

    def _update(self, cell: Cell) -> None:
        if cell != self._goal:
            around = _neighbours(cell, self._shape)
            self._rhs[cell] = min(self._cost(cell, near) + self._g[near] for near in around)
        if self._g[cell] != self._rhs[cell]:
            heapq.heappush(self._queue, (self._key(cell), cell))

    def _compute(self) -> None:
        """Make the cells consistent that decide the next move; entries of consistent cells are out of date."""
        while self._queue and (
            self._queue[0][0] < self._key(self._start) or self._rhs[self._start] != self._g[self._start]
        ):
            key, cell = heapq.heappop(self._queue)
            if self._g[cell] == self._rhs[cell]:
                continue
            if key < self._key(cell):
                heapq.heappush(self._queue, (self._key(cell), cell))
                continue
            if self._g[cell] > self._rhs[cell]:
                self._g[cell] = self._rhs[cell]
            else:
                self._g[cell] = np.inf
                self._update(cell)
            for near in _neighbours(cell, self._shape):
                self._update(near)


class _Counts:
    def __init__(self, shape: Cell, rng: np.random.Generator) -> None:
        self._shape, self._rng = shape, rng
        self._counts: dict[Cell, int] = defaultdict(int)
        self._walls: set[tuple[Cell, Cell]] = set()

    def begin(self, start: Cell, goal: Cell) -> None:
        self._counts[start] += 1

    def choose(self, cell: Cell) -> Cell:
        known = [near for near in _neighbours(cell, self._shape) if (cell, near) not in self._walls]
        around = known or list(_neighbours(cell, self._shape))
        least = min(self._counts[near] for near in around)
        best = [near for near in around if self._counts[near] == least]
        return best[self._rng.integers(len(best))]

    def moved(self, before: Cell, after: Cell, arrived: bool) -> None:
        self._counts[after] += 1

    def blocked(self, before: Cell, after: Cell) -> None:
        self._walls.add((before, after))


class _QTable:
    def __init__(self, shape: Cell, rng: np.random.Generator, agent: QLearningAgent) -> None:
        self._shape, self._rng, self._agent = shape, rng, agent
        self._values: dict[tuple[Cell, Cell], float] = defaultdict(float)

    def begin(self, start: Cell, goal: Cell) -> None:
        pass

    def choose(self, cell: Cell) -> Cell:
        around = list(_neighbours(cell, self._shape))
        best = max(self._values[cell, near] for near in around)
        if self._rng.random() >= self._agent.epsilon:
            around = [near for near in around if self._values[cell, near] == best]
        return around[self._rng.integers(len(around))]

    def moved(self, before: Cell, after: Cell, arrived: bool) -> None:
        later = max(self._values[after, near] for near in _neighbours(after, self._shape))
        self._learn(before, after, 1.0 if arrived else self._agent.gamma * later)

    def blocked(self, before: Cell, after: Cell) -> None:
        stay = max(self._values[before, near] for near in _neighbours(before, self._shape))
        self._learn(before, after, self._agent.gamma * stay)

    def _learn(self, cell: Cell, chosen: Cell, target: float) -> None:
        self._values[cell, chosen] += self._agent.learning_rate * (target - self._values[cell, chosen])


def _cell_of(place: Array) -> Cell:
    return int(np.floor(place[1])), int(np.floor(place[0]))


def _neighbours(cell: Cell, shape: Cell) -> list[Cell]:
    row, column = cell
    around = ((row, column + 1), (row, column - 1), (row + 1, column), (row - 1, column))
    return [near for near in around if 0 <= near[0] < shape[0] and 0 <= near[1] < shape[1]]


def _manhattan(one: Cell, other: Cell) -> int:
    return abs(one[0] - other[0]) + abs(one[1] - other[1])
