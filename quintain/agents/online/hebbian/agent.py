"""Systematic neural search: behaviour as a search over the paths of a graph that the behaviour itself changes."""

from __future__ import annotations

from dataclasses import asdict
from itertools import pairwise
from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from quintain.agents.agent import Actor, Seat
from quintain.agents.online.hebbian.attempts import Attempt
from quintain.agents.online.hebbian.graph import CognitiveGraph
from quintain.agents.online.hebbian.harmonic_code import HarmonicCode
from quintain.agents.online.hebbian.insertion import proposals
from quintain.agents.online.hebbian.motor import Motor
from quintain.agents.online.hebbian.planning import cheapest_path, spread_from
from quintain.agents.online.hebbian.settings import HebbianSettings
from quintain.agents.online.places import check_places
from quintain.arguments import check_arguments, check_number

__all__ = ["HebbianActor", "HebbianSearchAgent"]

Array = NDArray[np.float64]
#: Distance at which a node counts as reached, in units of places.
_AT = 0.2
#: How far ahead of the body an obstacle is stored.
_AHEAD = 0.06


class HebbianSearchAgent:
    """Finds a goal by attempting behaviours in the order of their cost, and learns from each attempt.

    A behaviour is a path through a graph of places. The cheapest path to the goal is executed; transitions that happen
    strengthen edges (one-shot, asymmetric Hebb), an intention that fails weakens its edge, leaves a mark in a field of
    failures that other edges feel, and inserts new nodes nearby. The cost of an edge is divided by its strength, so
    that each attempt changes what is attempted next, and in a graph that only failures change no path is put off
    forever. Nothing is tried in a simulator, and nothing is known before the episode.

    Observations are one array: the agent's place, then the goal's, of equal length. Actions are velocities in
    [-1, 1] of the first coordinates. ``info["at_goal"]``, where it is given, says that the goal is reached; the next
    observation then begins a new visit, with the graph as it is.

    Reconstruction (R) of A. Baranski and J. Tani, "Life, uh, Finds a Way: Systematic Neural Search" (arXiv 2410.01349):
    graph, Hebbian learning, harmonic code and order by simplicity and effectiveness are the paper's; its equations
    could not be read, so every formula and value is ours (unconfirmed).

    Args:
        unit: Length of observations that counts as 1: that of a cell of a maze, or of a body.
        **settings: Fields of :class:`~quintain.agents.online.hebbian.settings.HebbianSettings`.

    Raises:
        ConfigurationError: If an argument is unknown or out of its range.
    """

    def __init__(self, *, unit: float = 1.0, **settings: Any) -> None:
        check_number("unit", unit, above=0)
        check_arguments("agent", "hebbian-search", HebbianSettings, (), settings)
        self.unit, self.settings = unit, HebbianSettings(**settings)

    def describe(self) -> dict[str, Any]:
        """Return the hyper-parameters, for the run's manifest."""
        return {"agent": "hebbian-search", "unit": self.unit, **asdict(self.settings)}

    def check_seat(self, seat: Seat) -> None:
        """Check that observations are a place and a goal, and actions velocities.

        Raises:
            CapabilityError: If not.
        """
        check_places("hebbian-search", seat)

    def begin(self, seat: Seat) -> Actor:
        """Return an actor with an empty graph."""
        return HebbianActor(self, seat)


class HebbianActor:
    """One life: a graph that begins empty and lasts for all visits of an episode.

    Args:
        agent: The agent, for its hyper-parameters.
        seat: The seat it plays.

    Attributes:
        graph: The cognitive graph.
        attempts: The log of attempted behaviours, in order.
    """

    def __init__(self, agent: HebbianSearchAgent, seat: Seat) -> None:
        self._unit, self._settings = agent.unit, agent.settings
        self._dimensions, moved = check_places("hebbian-search", seat)
        box = seat.observation_space
        assert isinstance(box, spaces.Box)
        self._low, self._high = box.low[: self._dimensions] / agent.unit, box.high[: self._dimensions] / agent.unit
        self.graph = CognitiveGraph(HarmonicCode(self._dimensions), agent.settings)
        self.attempts: list[Attempt] = []
        self._motor = Motor(self._dimensions, moved)
        self._rng = seat.generator()
        self._visit, self._new_visit, self._arrived = -1, True, False
        self._inserted = 0
        self._ranks: dict[int, int] = {}
        self._path: list[int] = []
        self._blocked: Array | None = None
        self._at = self._goal = self._source = 0
        self._last = np.zeros(self._dimensions)
        self._nearest, self._stalled, self._left = 0.0, 0, 0

    def act(self, observation: Any, info: dict[str, Any]) -> Array:
        """Learn from the step that was made, and choose the next velocity."""
        values = np.asarray(observation, np.float64) / self._unit
        if not np.isfinite(values).all():
            return self._motor.rest()
        place, goal = values[: self._dimensions], values[self._dimensions :]
        if self._new_visit:
            self._begin_visit(place, goal)
        else:
            self._learn(place)
            if info.get("at_goal"):
                self._end_visit()
                return self._motor.rest()
            self._follow(place)
        if not self._path:
            self._choose(place)
        self._last = place
        return self._motor.steer(self.graph.places[self._path[0]] - place)

    def _begin_visit(self, place: Array, goal: Array) -> None:
        self._visit, self._new_visit = self._visit + 1, False
        self._goal = self._node(goal)
        self._at = self._node(place)
        self._path = []
        self._motor.rest()

    def _end_visit(self) -> None:
        self.graph.potentiate(self._at, self._goal)
        self._arrived = True
        self.attempts[-1].outcome = "goal"
        self._path, self._new_visit = [], True

    def _node(self, place: Array) -> int:
        found = self.graph.winner(place)
        return self.graph.allocate(place) if found is None else found

    def _learn(self, place: Array) -> None:
        """Feel obstacles, allocate a node where none stands for the place, strengthen the transition."""
        self.attempts[-1].steps += 1
        self._blocked = self._motor.feel(place - self._last)
        if self._blocked is not None:
            self.graph.add_failure(place + _AHEAD * self._blocked, self._blocked)
        now = self._node(place)
        if now != self._at:
            self.graph.potentiate(self._at, now)
            self._at = now

    def _follow(self, place: Array) -> None:
        """Go on with the behaviour: take the next edge where one is done, give up where there is no progress."""
        while self._path:
            target = self._path[0]
            away = self._away(place)
            if target != self._goal and (target == self._at or (away < _AT and self._clear(place, target))):
                if target != self._source:
                    self.graph.potentiate(self._source, target)
                self._source = self._path.pop(0)
                if self._path:
                    self._aim(place)
                continue
            if away < self._nearest - 0.3 * self._motor.speed:
                self._nearest, self._stalled = away, 0
            else:
                self._stalled += 1
            self._left -= 1
            if self._stalled > self._settings.patience or self._left <= 0:
                self._fail(place)
            return
        self.attempts[-1].outcome = "ended"

    def _clear(self, place: Array, node: int) -> bool:
        """Whether no known obstacle separates a place from a node."""
        return self.graph.resistance(place, self.graph.places[node]) < 0.5

    def _away(self, place: Array) -> float:
        return float(np.linalg.norm(self.graph.places[self._path[0]] - place))

    def _aim(self, place: Array) -> None:
        """Begin an intention: to go to the next node of the path."""
        self._nearest, self._stalled = self._away(place), 0
        steps = self._settings.slack * self._nearest / max(self._motor.speed, 1e-3) if self._motor.speed else 100
        self._left = int(steps) + self._settings.patience

    def _fail(self, place: Array) -> None:
        """Weaken the edge that failed, remember where, and insert nodes around that place."""
        graph, target = self.graph, self._path[0]
        for node in {self._source, self._at}:
            graph.depress(node, target)
        ahead = graph.places[target] - place
        normal = self._blocked if self._blocked is not None else ahead / max(1e-9, float(np.linalg.norm(ahead)))
        graph.add_failure(place + _AHEAD * normal, normal, strength=1.0)
        self.attempts[-1].outcome = "failed"
        self._insert(place)
        self._path = []

    def _insert(self, place: Array) -> None:
        number, rank = self._settings.branches, self._ranks.get(self._at, 0) // 4
        places = proposals(
            place, self._motor.actions, first=self._inserted, number=number, rank=rank, reach=self._settings.reach
        )
        for new in places:
            if self._inside(new) and (np.linalg.norm(self.graph.places - new, axis=1) > 0.45 * 0.5**rank).all():
                self.graph.allocate(new)
        self._inserted += number
        self._ranks[self._at] = self._ranks.get(self._at, 0) + 1

    def _inside(self, place: Array) -> bool:
        return bool((place >= self._low).all() and (place <= self._high).all())

    def _choose(self, place: Array) -> None:
        """Begin the next behaviour: the cheapest path to the goal."""
        graph = self.graph
        costs = graph.costs(self._goal, self._settings.caution if self._arrived else None)
        drawn = costs * self._rng.uniform(0.1, 10.0, costs.shape) if self._settings.order == "random" else costs
        values = spread_from(self._goal, drawn)
        self._path, self._source = cheapest_path(self._at, self._goal, drawn, values), self._at
        path = (self._at, *self._path)
        cost = float(sum(costs[edge] for edge in pairwise(path)))
        untried = self._untried(costs) if self._settings.audit else np.nan
        self.attempts.append(Attempt(len(self.attempts), self._visit, path, cost, untried, graph.edits))
        self._aim(place)

    def _untried(self, costs: Array) -> float:
        """Return the least cost of the behaviours from here with an edge that was neither traversed nor failed."""
        tried = self.graph.tried
        first = (np.where(tried, np.inf, costs) + spread_from(self._goal, costs)).min(1)
        return float(spread_from(self._goal, np.where(tried, costs, np.inf), first)[self._at])
