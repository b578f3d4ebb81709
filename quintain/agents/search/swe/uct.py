"""The selection score of SWE-Search, term by term, and the nodes that may be expanded."""

from __future__ import annotations

import math
from collections.abc import Callable

from quintain.agents.search.swe.nodes import Attempt, SWETree
from quintain.agents.search.swe.settings import SWESearchSettings, UCTBonuses
from quintain.agents.search.tree import mix

__all__ = ["expandable", "select", "uct_score", "uct_terms"]

#: Reward from which a child counts as a success of its parent.
_GREAT = 75.0
_BRANCHING = ("search", "plan")


def uct_terms(tree: SWETree, node: int, bonuses: UCTBonuses) -> dict[str, float]:
    """Return every term of the score of a node by name, without those that are 0.

    UCT(s, a) = V + C sqrt(ln N(parent) / N) + alpha exp(-beta (d - 1)) - gamma sqrt(d), and the heuristics of the code;
    see :class:`~quintain.agents.search.swe.settings.UCTBonuses`.
    """
    terms = {name: term(tree, node, bonuses) for name, term in _TERMS.items()}
    return {name: value for name, value in terms.items() if value}


def uct_score(tree: SWETree, node: int, bonuses: UCTBonuses) -> float:
    """Return the score of a node: the sum of its terms."""
    return math.fsum(uct_terms(tree, node, bonuses).values())


def expandable(tree: SWETree, settings: SWESearchSettings) -> list[int]:
    """Return the nodes that may get another child, in order.

    Not those that ended, are duplicates, are at the maximum depth or have ``max_expansions`` children; nor, in the
    state machine, a second time those that are neither search nor plan; nor those that the filters of the original
    exclude.
    """
    return [node for node in range(len(tree)) if _may_expand(tree, node, settings)]


def _may_expand(tree: SWETree, node: int, settings: SWESearchSettings) -> bool:
    attempt, bonuses = tree.attempts[node], settings.bonuses
    if attempt.ended or attempt.duplicate or tree.depth(node) >= settings.max_depth:
        return False
    children = tree.children(node, duplicates=True)
    if len(children) >= settings.max_expansions:
        return False
    if children and settings.actions == "state-machine" and attempt.phase not in _BRANCHING:
        return False
    rewards = [tree.attempts[child].reward for child in children]
    if bonuses.max_child is not None and any(reward >= bonuses.max_child for reward in rewards):
        return False
    finished = sum(tree.attempts[child].ended == "finish" for child in children)
    return bonuses.max_finished_children is None or finished <= bonuses.max_finished_children


def select(tree: SWETree, settings: SWESearchSettings, iteration: int) -> int | None:
    """Return the node to expand next; ``None`` if there is none.

    With ``finish_first``, the newest node until a trajectory has finished; in the state machine, the newest one as long
    as it is in a phase that does not branch.
    """
    open_nodes = expandable(tree, settings)
    if not open_nodes:
        return None
    newest = len(tree) - 1
    is_linear = settings.actions == "state-machine" and tree.attempts[newest].phase not in _BRANCHING
    if newest in open_nodes and (is_linear or (settings.finish_first and not tree.finished())):
        return newest
    scores = [uct_score(tree, node, settings.bonuses) for node in open_nodes]
    if settings.selection == "best":
        return open_nodes[max(range(len(scores)), key=lambda k: (scores[k], k))]
    top = max(scores)
    weights = [math.exp((score - top) / settings.softmax_temperature) for score in scores]
    draw = mix(settings.seed, iteration, 1) / 2**64 * math.fsum(weights)
    for node, weight in zip(open_nodes, weights, strict=True):
        draw -= weight
        if draw < 0:
            return node
    return open_nodes[-1]


def _value(tree: SWETree, node: int, bonuses: UCTBonuses) -> float:
    return tree.mean(node) if bonuses.value == "mean" else tree.attempts[node].reward


def _exploration(tree: SWETree, node: int, bonuses: UCTBonuses) -> float:
    parent, visits = tree.tree.parents[node], tree.tree.visits
    if parent < 0 or not visits[node]:
        return 0.0
    return bonuses.exploration * math.sqrt(math.log(max(1, visits[parent])) / visits[node])


def _depth_penalty(tree: SWETree, node: int, bonuses: UCTBonuses) -> float:
    return -bonuses.depth_penalty * math.sqrt(tree.depth(node))


def _depth_bonus(tree: SWETree, node: int, bonuses: UCTBonuses) -> float:
    depth = tree.depth(node)
    if depth > 1 or not tree.children(node):
        return 0.0
    return bonuses.depth_bonus * math.exp(-bonuses.depth_decay * (depth - 1))


def _good_leaf(tree: SWETree, node: int, bonuses: UCTBonuses) -> float:
    is_good = node > 0 and tree.attempts[node].reward >= bonuses.good_value
    return bonuses.good_leaf if is_good and not tree.children(node) else 0.0


def _bad_child(tree: SWETree, node: int, bonuses: UCTBonuses) -> float:
    children, reward = tree.children(node), tree.attempts[node].reward
    if reward < bonuses.good_value or len(children) != 1:
        return 0.0
    child = tree.attempts[children[0]]
    if child.reward > bonuses.bad_value or (bonuses.bad_child_edits and child.kind != "edit"):
        return 0.0
    return bonuses.bad_child * (reward - child.reward)


def _good_child(tree: SWETree, node: int, bonuses: UCTBonuses) -> float:
    return -bonuses.good_child if any(tree.attempts[c].reward >= _GREAT for c in tree.children(node)) else 0.0


def _low_leaf(tree: SWETree, node: int, bonuses: UCTBonuses) -> float:
    parent, reward = tree.tree.parents[node], tree.attempts[node].reward
    if parent < 1 or tree.children(node) or reward >= bonuses.good_value:
        return 0.0
    return (
        bonuses.low_leaf * (bonuses.good_value - reward) if tree.attempts[parent].reward >= bonuses.good_value else 0.0
    )


def _finished(tree: SWETree, node: int, bonuses: UCTBonuses) -> float:
    perfect = (end for end in tree.finished() if tree.attempts[end].reward >= 100)
    return -bonuses.finished if bonuses.finished and any(node in tree.tree.path(end) for end in perfect) else 0.0


def _correction(tree: SWETree, node: int, bonuses: UCTBonuses) -> float:
    if tree.attempts[node].error is None:
        return 0.0
    return bonuses.correction / (1 + len(tree.children(node)) ** 2)


def _diversity(tree: SWETree, node: int, bonuses: UCTBonuses) -> float:
    if not bonuses.diversity:
        return 0.0
    others = [k for k in range(1, len(tree)) if k != node and tree.children(k)]
    if not others or node == 0:
        return 0.0
    similar = [_similarity(tree.attempts[node], tree.attempts[other]) for other in others]
    return bonuses.diversity * (1 - math.fsum(similar) / len(similar))


def _similarity(one: Attempt, two: Attempt) -> float:
    """Return the common lines of two contexts over all of them (Jaccard); 1 for two empty ones."""
    union = len(one.context | two.context)
    return len(one.context & two.context) / union if union else 1.0


def _duplicates(tree: SWETree, node: int, bonuses: UCTBonuses) -> float:
    n = sum(tree.attempts[child].duplicate for child in tree.children(node, duplicates=True))
    return -bonuses.duplicates * n * n


def _repeats(tree: SWETree, node: int, bonuses: UCTBonuses) -> float:
    n, tool = 0, tree.attempts[node].tool
    for attempt in reversed(tree.attempts_to(node)):
        if attempt.tool != tool:
            break
        n += 1
    return -bonuses.repeats * (n - 1) ** 2 if n > 1 else 0.0


_TERMS: dict[str, Callable[[SWETree, int, UCTBonuses], float]] = {
    "value": _value,
    "exploration": _exploration,
    "depth_penalty": _depth_penalty,
    "depth_bonus": _depth_bonus,
    "good_leaf": _good_leaf,
    "bad_child": _bad_child,
    "good_child": _good_child,
    "low_leaf": _low_leaf,
    "finished": _finished,
    "correction": _correction,
    "diversity": _diversity,
    "duplicates": _duplicates,
    "repeats": _repeats,
}
