"""Step labels from finished trees: values of prefixes from the distance to a right answer.

Source: ReST-MCTS* (Zhang et al. 2024, arXiv 2406.03816), section 3. Only final answers are compared with the reference.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

from quintain.agents.search.tree import Tree

__all__ = ["Label", "label_tree", "next_value"]


class Label(NamedTuple):
    """The target of a value model.

    Attributes:
        prefix: The steps so far.
        value: Their value, in [0, 1].
        right: Whether the last step leads to a right answer.
    """

    prefix: tuple[str, ...]
    value: float
    right: bool


def next_value(previous: float, distance: int, right: bool) -> float:
    """Return v_k = max(0, v_{k-1} +- (1 - v_{k-1}) / d), with d the steps to the right answer, this one included.

    With m_k the steps that remain after step k, d = m_k + 1. A chain of K right steps has the values k/K; a wrong step
    costs the more, the nearer the answer was.

    Example:
        >>> next_value(0.5, 1, True), next_value(0.5, 2, False)
        (1.0, 0.25)
    """
    change = (1 - previous) / distance
    return max(0.0, previous + change if right else previous - change)


def label_tree(tree: Tree, verdicts: Mapping[int, bool]) -> list[Label]:
    """Label the prefixes of a finished tree.

    Args:
        tree: The tree, sampled in full (``full_sampling``).
        verdicts: For every end leaf, whether its answer is right.

    Returns:
        A label for each node on the way to a right answer, and for each node below one of these that ends wrongly; no
        other node is verified. A tree without a right answer has no labels.
    """
    distance = [math.inf] * len(tree)
    for leaf, right in verdicts.items():
        if right:
            for steps, node in enumerate(reversed(tree.path(leaf)), start=1):
                distance[node] = min(distance[node], steps)
    if math.isinf(distance[0]):
        return []
    wrong: dict[int, float] = {}
    for leaf, right in verdicts.items():
        if right:
            continue
        path = tree.path(leaf)
        last = max(k for k, node in enumerate(path) if not math.isinf(distance[node]))
        for node in path[last + 1 :]:
            wrong.setdefault(node, distance[path[last]])
    values, labels = {0: 0.0}, []
    for node in range(1, len(tree)):
        right = not math.isinf(distance[node])
        if not right and node not in wrong:
            continue
        remaining = distance[node] if right else wrong[node]
        values[node] = next_value(values[tree.parents[node]], int(remaining), right)
        labels.append(Label(tree.prefix(node), values[node], right))
    return labels
