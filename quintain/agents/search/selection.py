"""Selection and backup: descend to a leaf by upper confidence bounds, and average the values of children."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

from quintain.agents.search.tree import Tree, mix
from quintain.arguments import check_number

__all__ = ["UCT", "Selection", "back_up", "descend"]


class Selection(Protocol):
    """Chooses a child of an expanded node."""

    def pick(self, tree: Tree, node: int, draw: int) -> int:
        """Return a child of a node that has children.

        Args:
            tree: The tree; it is not changed.
            node: Index of the node.
            draw: A random integer of 64 bits, for ties.
        """
        ...


@dataclass(frozen=True, slots=True)
class UCT:
    """U = V + eps sqrt(2 ln N_parent / n), and V + inf for a child without visits; ties are broken at random.

    Source: ReST-MCTS* (Zhang et al. 2024, arXiv 2406.03816), as its repository computes it.

    Attributes:
        eps: Weight of exploration, >= 0. Default: 0.7 (class of the repository; its evaluation script has 0.4).
        inf: Bonus of a child without visits, >= 0; finite, so that such children are ranked by value. Default: 1.0 (the
            evaluation script has 0.8).

    Raises:
        ConfigurationError: If a weight is negative or not finite.
    """

    eps: float = 0.7
    inf: float = 1.0

    def __post_init__(self) -> None:
        """Check the weights."""
        check_number("eps", self.eps, low=0)
        check_number("inf", self.inf, low=0)

    def bound(self, tree: Tree, parent: int, child: int) -> float:
        """Return U of a child."""
        n = tree.visits[child]
        if not n:
            return tree.values[child] + self.inf
        return tree.values[child] + self.eps * math.sqrt(2 * math.log(max(1, tree.visits[parent])) / n)

    def pick(self, tree: Tree, node: int, draw: int) -> int:
        """Return the child with the largest bound."""
        values, visits, inf, sqrt = tree.values, tree.visits, self.inf, math.sqrt
        scale = self.eps * sqrt(2 * math.log(visits[node] or 1))
        best, ties = -math.inf, [-1]
        for child in tree.children[node]:
            n = visits[child]
            bound = values[child] + (scale / sqrt(n) if n else inf)
            if bound > best:
                best, ties = bound, [child]
            elif bound == best:
                ties.append(child)
        return ties[0] if len(ties) == 1 else ties[draw % len(ties)]


def descend(tree: Tree, selection: Selection, seed: int, iteration: int) -> list[int]:
    """Select from the root down to a node without children.

    Args:
        tree: The tree; it is not changed.
        selection: How children are chosen.
        seed: Seed of the search.
        iteration: Number of the iteration, from 0.

    Returns:
        The path, from the root to the leaf.
    """
    node, path, children, pick = 0, [0], tree.children, selection.pick
    draw = mix(seed, iteration)
    while children[node]:
        node = pick(tree, node, draw)
        path.append(node)
    return path


def back_up(tree: Tree, path: list[int]) -> None:
    """Count a visit for every node of a path, and set the value of every expanded one, from the leaf up.

    V = sum_c n_c V_c / sum_c n_c over its children: the mean weighted by visits, so that children without visits do not
    count. Before any child has a visit, a node keeps its value.
    """
    values, visits, children = tree.values, tree.visits, tree.children
    for node in reversed(path):
        visits[node] += 1
        total = count = 0.0
        for child in children[node]:
            n = visits[child]
            if n:
                total += n * values[child]
                count += n
        if count:
            values[node] = total / count
