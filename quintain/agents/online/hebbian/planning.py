"""The cheapest behaviour: a wave of costs that spreads through the graph from the goal."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["cheapest_path", "spread_from"]

Array = NDArray[np.float64]


def spread_from(goal: int, costs: Array, start: Array | None = None) -> Array:
    """Return the cost of the cheapest path from every node: the fixed point of ``v_i = min_j (c_ij + v_j)``.

    Args:
        goal: Node where the wave begins.
        costs: Cost of every edge, shape ``(n, n)``, > 0; inf where there is none.
        start: Costs that are reached otherwise, shape ``(n,)``; by default 0 at the goal and inf elsewhere.

    Returns:
        Shape ``(n,)``; inf where no path leads to the goal.
    """
    if start is None:
        start = np.full(len(costs), np.inf)
        start[goal] = 0.0
    values = start
    while True:
        lower = np.minimum(values, (costs + values).min(1))
        if np.array_equal(lower, values):
            return values
        values = lower


def cheapest_path(start: int, goal: int, costs: Array, values: Array) -> list[int]:
    """Return the nodes of the cheapest path after ``start``; ties go to the node that was allocated first.

    At the goal itself, the path is the goal.
    """
    path = [] if start != goal else [goal]
    node = start
    while node != goal:
        node = int(np.argmin(costs[node] + values))
        path.append(node)
    return path
