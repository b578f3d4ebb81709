"""The cognitive graph: nodes at places, directed edges with Hebbian conductances, and a field of failures."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from quintain.agents.online.hebbian.harmonic_code import HarmonicCode
from quintain.agents.online.hebbian.settings import HebbianSettings

__all__ = ["CognitiveGraph"]

Array = NDArray[np.float64]
_GROWTH = 64
#: Least conductance: costs stay finite, however often an edge fails.
_LEAST = 1e-100


class CognitiveGraph:
    """Nodes, edges and failures of one agent in one episode. Only what the agent did and felt changes it.

    Args:
        code: Code of the places.
        settings: Hyper-parameters.

    Attributes:
        size: Number of nodes.
        places: Place of each node, shape ``(size, dimensions)``; stored beside its code, not decoded from it.
        conductance: ``E[i, j]`` in (0, 1], shape ``(size, size)``, 1 at first: costs are divided by it.
        tested: Whether the edge was traversed since it last failed, shape ``(size, size)``.
        tried: Whether the edge was ever traversed, or an intention to traverse it failed, shape ``(size, size)``.
        edits: Number of changes so far that can lower the cost of a behaviour: nodes added, edges traversed that were
            untested or weakened.
    """

    def __init__(self, code: HarmonicCode, settings: HebbianSettings) -> None:
        self.code, self.settings, self.size, self.edits = code, settings, 0, 0
        self._places = np.empty((0, code.dimensions))
        self._codes = np.empty((0, 2 * len(code.frequencies)))
        self._conductance = np.ones((0, 0))
        self._tested = np.zeros((0, 0), np.bool_)
        self._tried = np.zeros((0, 0), np.bool_)
        self._resistance = np.zeros((0, 0))
        self._lengths = np.zeros((0, 0))
        self.failure_places = np.empty((0, code.dimensions))
        self.failure_normals = np.empty((0, code.dimensions))
        self.failure_strengths = np.empty(0)

    @property
    def places(self) -> Array:
        """Place of each node."""
        return self._places[: self.size]

    @property
    def conductance(self) -> Array:
        """Conductance of each edge."""
        return self._conductance[: self.size, : self.size]

    @property
    def tested(self) -> NDArray[np.bool_]:
        """Whether each edge was traversed since it last failed."""
        return self._tested[: self.size, : self.size]

    @property
    def tried(self) -> NDArray[np.bool_]:
        """Whether each edge was ever traversed, or failed."""
        return self._tried[: self.size, : self.size]

    def activation(self, place: Array) -> Array:
        """Return the activation of every node at a place, shape ``(size,)``, at most 1."""
        if self.settings.one_hot:
            return np.asarray((np.round(self.places / 0.5) == np.round(place / 0.5)).all(-1), np.float64)
        return np.asarray(self._codes[: self.size] @ self.code.encode(place))

    def winner(self, place: Array) -> int | None:
        """Return the most active node that no known obstacle separates from the place; ``None`` if none is active."""
        active = self.activation(place)
        for node in np.argsort(-active)[:4]:
            if active[node] < self.settings.threshold:
                break
            if self.resistance(place, self._places[node]) < 0.5:
                return int(node)
        return None

    def allocate(self, place: Array) -> int:
        """Add a node at a place and return it."""
        node = self.size
        if node == len(self._places):
            self._grow()
        self.size, self.edits = self.size + 1, self.edits + 1
        self._places[node], self._codes[node] = place, self.code.encode(place)
        lengths = np.linalg.norm(self.places - place, axis=1)
        self._lengths[node, : self.size] = self._lengths[: self.size, node] = lengths
        if self.settings.failure_field:
            for index in range(len(self.failure_strengths)):
                self._spread(index, node)
        return node

    def potentiate(self, before: int, after: int) -> None:
        """Strengthen the edge that was traversed: ``E += eta_p (1 - E)``, and mark it as tested (R).

        It is the Hebbian rule ``eta_p a_i(t-) a_j(t) (1 - E)`` for units of which the winner alone is active, at 1.

        Args:
            before: Node that was active before.
            after: Node that is active now.
        """
        edge = before, after
        self.edits += not self._tested[edge] or bool(self._conductance[edge] < 1)
        self._conductance[edge] += self.settings.potentiation * (1 - self._conductance[edge])
        self._tested[edge] = self._tried[edge] = True

    def depress(self, before: int, after: int) -> None:
        """Weaken the edge of an intention that failed: ``E <- eta_f E`` (R)."""
        edge = before, after
        self._conductance[edge] = max(_LEAST, self._conductance[edge] * self.settings.depression)
        self._tested[edge], self._tried[edge] = False, True

    def add_failure(self, place: Array, normal: Array, *, strength: float = 0.0) -> None:
        """Store that a movement in direction ``normal`` was stopped at a place, or strengthen what is stored there.

        Args:
            place: Where, shape ``(dimensions,)``.
            normal: Direction that was blocked, of norm 1.
            strength: Factor - 1 by which a known failure is strengthened: 0 for a mere contact.
        """
        if not self.settings.failure_field:
            return
        near = np.linalg.norm(self.failure_places - place, axis=1) < 0.25
        same = np.flatnonzero(near & (self.failure_normals @ normal > 0.7))
        if len(same):
            index = int(same[0])
            self.failure_strengths[index] *= 1 + strength
            self.failure_strengths[index] = min(self.failure_strengths[index], self.settings.max_failure)
            if strength == 0.0:
                return
        else:
            index = len(self.failure_strengths)
            self.failure_places = np.vstack([self.failure_places, place])
            self.failure_normals = np.vstack([self.failure_normals, normal])
            self.failure_strengths = np.append(self.failure_strengths, 1.0)
        self._spread(index)

    def resistance(self, start: Array, end: Array) -> float:
        """Return the strongest failure on the straight line between two places; 0 if there is none."""
        if not len(self.failure_strengths):
            return 0.0
        found = _crossing(start, end, self.failure_places, self.failure_normals, self.settings.spread)
        return float((found * self.failure_strengths).max())

    def costs(self, goal: int, optimism: float | None = None) -> Array:
        """Return the cost of every edge, shape ``(size, size)``; inf where there is none.

        Tested: ``d / E + c``; untested: ``(base d + pen F) / E + c0`` (R). As long as an edge only fails,
        ``E = eta_f^fails``.

        Args:
            goal: Node of the goal, which every node has an edge to.
            optimism: ``base``; by default that of the settings.
        """
        settings, size = self.settings, self.size
        length = self._lengths[:size, :size]
        untested = (optimism or settings.optimism) * length + settings.penalty * self._resistance[:size, :size]
        cost = np.where(self.tested, length, untested) / self.conductance
        cost += np.where(self.tested, settings.tested_edge_cost, settings.edge_cost)
        none = (length > settings.radius) & ~self.tested
        none[:, goal] = False
        np.fill_diagonal(none, True)
        cost[none] = np.inf
        return cost

    def _grow(self) -> None:
        more = len(self._places) + _GROWTH
        self._places = _enlarged(self._places, (more, self.code.dimensions), 0.0)
        self._codes = _enlarged(self._codes, (more, self._codes.shape[1]), 0.0)
        self._conductance = _enlarged(self._conductance, (more, more), 1.0)
        self._tested = _enlarged(self._tested, (more, more), False)
        self._tried = _enlarged(self._tried, (more, more), False)
        self._resistance = _enlarged(self._resistance, (more, more), 0.0)
        self._lengths = _enlarged(self._lengths, (more, more), 0.0)

    def _spread(self, index: int, node: int | None = None) -> None:
        """Raise the resistance of the edges through a failure: all edges, or those of one node."""
        place, normal = self.failure_places[index], self.failure_normals[index]
        strength, spread, places = self.failure_strengths[index], self.settings.spread, self.places
        if node is None:
            found = strength * _crossing(places[:, None], places, place, normal, spread)
            part = self._resistance[: self.size, : self.size]
            np.maximum(part, found, out=part)
            return
        row = strength * _crossing(self._places[node], places, place, normal, spread)
        for part in (self._resistance[node, : self.size], self._resistance[: self.size, node]):
            np.maximum(part, row, out=part)


def _crossing(start: Array, end: Array, place: Array, normal: Array, spread: float) -> Array:
    """Return how closely lines pass a failure: a Gaussian of where they cross its plane; 0 if they do not."""
    before = ((place - start) * normal).sum(-1)
    along = ((end - start) * normal).sum(-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = before / along
    crosses = (share > 0) & (share < 1)
    share = np.where(crosses, share, 0.0)
    away = ((start + share[..., None] * (end - start) - place) ** 2).sum(-1)
    return np.where(crosses, np.exp(-away / (2 * spread**2)), 0.0)


def _enlarged(values: NDArray[Any], shape: tuple[int, ...], fill: float) -> NDArray[Any]:
    found = np.full(shape, fill, values.dtype)
    found[tuple(slice(length) for length in values.shape)] = values
    return found
