"""Rivals of tree search on the same core, at the same costs: best-of-n chains, and Tree-of-Thought's beam.

Sources: Tree-of-Thought by breadth (Yao et al. 2023, arXiv 2305.10601); chains sampled to their end and selected by the
value of the last step.
"""

from __future__ import annotations

from quintain.agents.search.problem import Costs, Problem, SearchBudget
from quintain.agents.search.tree import END, Tree, mix
from quintain.arguments import check_number

__all__ = ["beam_search", "best_of_n"]


async def best_of_n(
    problem: Problem, n: int, budget: SearchBudget, *, max_depth: int = 30, seed: int = 0
) -> tuple[Tree, int]:
    """Sample ``n`` chains of single steps, and take the one whose end has the highest value; 1 is plain sampling.

    Args:
        problem: Proposes steps and evaluates prefixes.
        n: Number of chains, >= 1; fewer where the budget ends.
        budget: Limits of the search.
        max_depth: Maximum number of steps of a chain, >= 1. Default: 30.
        seed: Seed, >= 0. Default: 0.

    Returns:
        The tree of all chains, and the index of the chosen end.
    """
    check_number("n", n, low=1, integer=True)
    tree = Tree()
    costs = Costs(problem, tree, budget)
    ends: list[int] = []
    for chain in range(n):
        node = await _chain(tree, costs, max_depth, mix(seed, chain))
        if node and node not in ends:
            ends.append(node)
    for node, value in zip(ends, await costs.evaluate([tree.prefix(end) for end in ends]), strict=True):
        tree.values[node] = tree.estimates[node] = value
    return tree, tree.best(ends) if ends else 0


async def _chain(tree: Tree, costs: Costs, max_depth: int, seed: int) -> int:
    """Sample one chain; return its last node."""
    node, depth = 0, 0
    while depth < max_depth:
        prefix = tree.prefix(node)
        if node and await costs.criticise(prefix) == END:
            tree.notes[node] = END
            break
        steps = await costs.propose(prefix, 1, mix(seed, depth))
        if not steps or not steps[0].text.strip():
            break
        node = tree.add(node, steps[0].text, 0.0, steps[0].key)
        tree.visits[node] += 1
        depth += 1
    return node


async def beam_search(
    problem: Problem, width: int, branch: int, budget: SearchBudget, *, max_depth: int = 30, seed: int = 0
) -> tuple[Tree, int]:
    """Expand every prefix of a beam by ``branch`` steps, keep the ``width`` best by value, and go on to the next depth.

    Args:
        problem: Proposes steps and evaluates prefixes.
        width: Number of prefixes that are kept, >= 1.
        branch: Number of proposals for each, >= 1.
        budget: Limits of the search.
        max_depth: Maximum number of steps of a solution, >= 1. Default: 30.
        seed: Seed, >= 0. Default: 0.

    Returns:
        The tree of all proposals, and the index of the complete solution with the highest value, or else of the leaf
        with the highest value.
    """
    check_number("width", width, low=1, integer=True)
    check_number("branch", branch, low=1, integer=True)
    tree = Tree()
    costs = Costs(problem, tree, budget)
    beam, ends = [0], []
    for depth in range(max_depth):
        new: list[int] = []
        for node in beam:
            prefix = tree.prefix(node)
            steps = await costs.propose(prefix, branch, mix(seed, depth, node))
            texts = list(dict.fromkeys(step.text for step in steps if step.text.strip() and step.text not in prefix))
            for text, value in zip(texts, await costs.evaluate([(*prefix, text) for text in texts]), strict=True):
                new.append(tree.add(node, text, value))
        new = sorted(new, key=lambda node: -tree.values[node])[:width]
        beam = []
        for node in new:
            if await costs.criticise(tree.prefix(node)) == END:
                tree.notes[node] = END
                ends.append(node)
            else:
                beam.append(node)
        if not beam or costs.spent:
            break
    return tree, tree.best(ends or tree.leaves())
