"""MCTS*: the search of ReST-MCTS*, guided by the value of partial solutions.

Source: Zhang et al. 2024, arXiv 2406.03816, and the repository of the paper; defaults are those of its class. One
iteration selects a leaf, asks the critic about it, expands it by single steps, rolls out greedily from the best
child, and averages values on the way back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from quintain.agents.search.problem import Costs, Problem, SearchBudget, Step
from quintain.agents.search.selection import UCT, back_up, descend
from quintain.agents.search.tree import END, Tree, mix
from quintain.arguments import check_bool, check_number

__all__ = ["MCTSStarSettings", "end_leaves", "mcts_star", "weighted_vote"]


@dataclass(frozen=True, slots=True)
class MCTSStarSettings:
    """Settings of MCTS*.

    Attributes:
        uct: How children are selected. Default: eps = 0.7, inf = 1.0.
        branch: Number of proposals of an expansion (b), >= 1. Default: 3.
        retries: Number of further attempts for a proposal that is empty or repeats a step of its prefix, >= 0.
            Default: 2 (3 attempts in all).
        roll_forward_steps: Number of steps of the greedy rollout, >= 0; 0 leaves it out. Default: 3 (the evaluation
            script has 2).
        roll_branch: Number of proposals of each step of the rollout, >= 1. Default: 1.
        alpha: Weight of the rollout in the value of the child, in [0, 1]. Default: 0.5.
        end_gate: Value from which a leaf counts as solved, in (0, 1]. Default: 0.9.
        full_sampling: Whether the search goes on after a solved leaf, to sample the tree for labels. Default: false.
        max_depth: Maximum number of steps of a solution, >= 1. Default: 30.
        seed: Seed of the search, >= 0. Default: 0.

    Raises:
        ConfigurationError: If a setting is out of range.
    """

    uct: UCT = field(default_factory=UCT)
    branch: int = 3
    retries: int = 2
    roll_forward_steps: int = 3
    roll_branch: int = 1
    alpha: float = 0.5
    end_gate: float = 0.9
    full_sampling: bool = False
    max_depth: int = 30
    seed: int = 0

    def __post_init__(self) -> None:
        """Check the settings."""
        for name, low in (("branch", 1), ("retries", 0), ("roll_forward_steps", 0), ("roll_branch", 1)):
            check_number(name, getattr(self, name), low=low, integer=True)
        check_number("max_depth", self.max_depth, low=1, integer=True)
        check_number("seed", self.seed, low=0, integer=True)
        check_number("alpha", self.alpha, low=0, high=1)
        check_number("end_gate", self.end_gate, above=0, high=1)
        check_bool("full_sampling", self.full_sampling)


async def mcts_star(
    problem: Problem, settings: MCTSStarSettings, budget: SearchBudget, tree: Tree | None = None
) -> tuple[Tree, int]:
    """Search, or resume a search.

    Args:
        problem: Proposes steps and evaluates prefixes.
        settings: Settings of the search.
        budget: Its limits, those of earlier parts of a resumed search included.
        tree: The tree of a search to resume. Default: a new one.

    Returns:
        The tree, and the index of the solution: the leaf that ended the search, or else that with the highest value.

    Raises:
        AgentError: If the value model returns anything but finite numbers.
    """
    tree = Tree() if tree is None else tree
    costs = Costs(problem, tree, budget)
    facts = tree.facts
    while facts["iterations"] < budget.iterations and not costs.spent and "solved" not in facts:
        iteration = facts["iterations"]
        path = descend(tree, settings.uct, settings.seed, iteration)
        leaf = path[-1]
        if tree.values[leaf] >= settings.end_gate and leaf and tree.notes[leaf] != END:
            tree.notes[leaf] = END
            if not settings.full_sampling:
                facts["solved"] = leaf
                break
        await _visit(tree, path, costs, settings, mix(settings.seed, iteration, 1))
        back_up(tree, path)
        facts["iterations"] = iteration + 1
    return tree, facts["solved"] if "solved" in facts else tree.best(tree.leaves())


async def _visit(tree: Tree, path: Sequence[int], costs: Costs, settings: MCTSStarSettings, seed: int) -> None:
    """Ask the critic about a leaf, expand it, and roll out from its best child."""
    leaf = path[-1]
    if not tree.notes[leaf] and leaf:
        tree.notes[leaf] = await costs.criticise(tree.prefix(leaf))
    if tree.notes[leaf] == END or len(path) - 1 >= settings.max_depth:
        tree.notes[leaf] = END
        return
    await _expand(tree, leaf, costs, settings, seed)
    if not tree.children[leaf]:
        if not costs.spent:
            tree.notes[leaf] = END
        return
    child = max(tree.children[leaf], key=lambda k: (settings.uct.bound(tree, leaf, k), -k))
    await _roll_out(tree, child, costs, settings, mix(seed, 2))


async def _expand(tree: Tree, leaf: int, costs: Costs, settings: MCTSStarSettings, seed: int) -> None:
    """Add proposals of one next step as children, equal ones once, each with its value."""
    prefix = tree.prefix(leaf)
    steps: dict[str, Step] = {}
    wanted = settings.branch
    for attempt in range(settings.retries + 1):
        found = await costs.propose(prefix, wanted, mix(seed, attempt))
        good = [step for step in found if step.text.strip() and step.text not in prefix]
        for step in good:
            steps.setdefault(step.text, step)
        wanted -= len(good)
        if wanted < 1 or not found:
            break
    new = list(steps.values())
    values = await costs.evaluate([(*prefix, step.text) for step in new])
    for step, value in zip(new, values, strict=True):
        tree.add(leaf, step.text, value, step.key)


async def _roll_out(tree: Tree, child: int, costs: Costs, settings: MCTSStarSettings, seed: int) -> None:
    """Continue greedily by value, and mix the highest value on the way into the child's; count a visit."""
    prefix, highest = tree.prefix(child), tree.values[child]
    for depth in range(settings.roll_forward_steps):
        if len(prefix) >= settings.max_depth or await costs.criticise(prefix) == END:
            break
        steps = await costs.propose(prefix, settings.roll_branch, mix(seed, depth))
        prefixes = [(*prefix, step.text) for step in steps if step.text.strip() and step.text not in prefix]
        values = await costs.evaluate(prefixes)
        if not values:
            break
        best = max(range(len(values)), key=values.__getitem__)
        prefix, highest = prefixes[best], max(highest, values[best])
    if settings.roll_forward_steps:
        tree.values[child] = (1 - settings.alpha) * tree.values[child] + settings.alpha * highest
    tree.visits[child] += 1


def end_leaves(tree: Tree, end_gate: float = 0.9) -> list[int]:
    """Return the leaves that are complete: noted as such, or of at least this value."""
    return [leaf for leaf in tree.leaves() if leaf and (tree.notes[leaf] == END or tree.values[leaf] >= end_gate)]


def weighted_vote(tree: Tree, answers: dict[int, str | None]) -> str | None:
    """Return the answer with the largest sum of values over the end leaves that give it; ``None`` without any.

    Args:
        tree: A finished tree.
        answers: The answer of each end leaf.
    """
    votes: dict[str, float] = {}
    for leaf, answer in answers.items():
        if answer is not None:
            votes[answer] = votes.get(answer, 0.0) + tree.values[leaf]
    return max(votes, key=votes.__getitem__) if votes else None
