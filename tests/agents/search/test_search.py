"""The search core: hand-computed values, determinism, resumption, budgets, labels, and rates that are known exactly."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Sequence
from typing import Any

import pytest
from scipy.stats import binomtest

from quintain.agents.search import (
    END,
    UCT,
    Label,
    MCTSStarSettings,
    SearchBudget,
    Step,
    Tree,
    back_up,
    beam_search,
    best_of_n,
    descend,
    end_leaves,
    label_tree,
    mcts_star,
    next_value,
    tree_page,
    weighted_vote,
)
from quintain.agents.search.tree import mix
from quintain.errors import AgentError, ConfigurationError


class Ladder:
    """A problem of ``depth`` steps, each of them right with probability ``p``; a wrong step cannot be undone.

    Values are those of ReST-MCTS*: k / depth after k right steps, and less after a wrong one.
    """

    def __init__(self, p: float, depth: int = 4) -> None:
        self.p, self.depth = p, depth
        self.calls = 0

    async def propose(self, prefix: Sequence[str], n: int, seed: int) -> list[Step]:
        self.calls += n
        kinds = ["right" if mix(seed, k) / 2**64 < self.p else "wrong" for k in range(n)]
        return [Step(f"{kind} {mix(seed, k, 7)}", tokens=1) for k, kind in enumerate(kinds)]

    async def evaluate(self, prefixes: Sequence[Sequence[str]]) -> list[float]:
        values = []
        for prefix in prefixes:
            value = 0.0
            for k, step in enumerate(prefix):
                right = step.startswith("right") and all(s.startswith("right") for s in prefix[:k])
                value = next_value(value, self.depth - k, right)
            values.append(value)
        return values

    async def criticise(self, prefix: Sequence[str]) -> str:
        return END if len(prefix) == self.depth else ""

    def solved(self, tree: Tree, node: int) -> bool:
        prefix = tree.prefix(node)
        return len(prefix) == self.depth and all(step.startswith("right") for step in prefix)


def run(search: Any) -> tuple[Tree, int]:
    found: tuple[Tree, int] = asyncio.run(search)
    return found


def small_tree() -> Tree:
    """A root with children a (V .5, n 1), b (V .4, n 3) and c (V .1, n 0)."""
    tree = Tree()
    for step, value, visits in (("a", 0.5, 1), ("b", 0.4, 3), ("c", 0.1, 0)):
        tree.visits[tree.add(0, step, value)] = visits
    tree.visits[0] = 4
    return tree


def test_the_bound_of_a_child_by_hand() -> None:
    tree = small_tree()
    rule = UCT(eps=0.7, inf=1.0)
    assert rule.bound(tree, 0, 1) == pytest.approx(0.5 + 0.7 * math.sqrt(2 * math.log(4)))
    assert rule.bound(tree, 0, 2) == pytest.approx(0.4 + 0.7 * math.sqrt(2 * math.log(4) / 3))
    assert rule.bound(tree, 0, 3) == pytest.approx(1.1)  # unvisited: a finite bonus, ranked by value
    assert rule.pick(tree, 0, 0) == max((1, 2, 3), key=lambda child: rule.bound(tree, 0, child))
    assert UCT(eps=0, inf=0).pick(tree, 0, 0) == 1


def test_backup_averages_children_by_visits_and_leaves_out_unvisited_ones() -> None:
    tree = small_tree()
    back_up(tree, [0, 2])
    assert tree.visits[:3] == [5, 1, 4]
    assert tree.values[0] == pytest.approx((1 * 0.5 + 4 * 0.4) / 5)
    assert tree.values[2] == 0.4  # a leaf keeps its value


def test_ties_are_broken_by_the_seed() -> None:
    tree = Tree()
    for k in range(4):
        tree.add(0, str(k), 0.5)
    picks = [descend(tree, UCT(), seed, 0)[-1] for seed in range(40)]
    assert set(picks) == {1, 2, 3, 4}
    assert picks == [descend(tree, UCT(), seed, 0)[-1] for seed in range(40)]


def test_equal_keys_share_a_node_unless_that_would_make_a_cycle() -> None:
    tree = Tree()
    a = tree.add(0, "a", 0.1, "a")
    b = tree.add(0, "b", 0.2, "b")
    ab = tree.add(a, "b", 0.3, "ab")
    assert tree.add(b, "a", 0.9, "ab") == ab
    assert tree.children[b] == [ab]
    assert tree.add(b, "a", 0.9, "ab") == ab
    assert tree.children[b] == [ab]
    assert tree.prefix(ab) == ("a", "b")
    below = tree.add(ab, "back", 0.5, "a")
    assert below not in (a, b, ab)


def test_a_resumed_search_equals_an_uninterrupted_one() -> None:
    settings = MCTSStarSettings(seed=5, full_sampling=True)
    whole, best = run(mcts_star(Ladder(0.5), settings, SearchBudget(iterations=20)))
    part, _ = run(mcts_star(Ladder(0.5), settings, SearchBudget(iterations=7)))
    restored = Tree.from_json(part.to_json())
    again, same = run(mcts_star(Ladder(0.5), settings, SearchBudget(iterations=20), restored))
    assert (again.to_json(), same) == (whole.to_json(), best)
    other, _ = run(mcts_star(Ladder(0.5), MCTSStarSettings(seed=6, full_sampling=True), SearchBudget(iterations=20)))
    assert other.to_json() != whole.to_json()


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"schema": 9}', '{"schema": 1, "parents": [0]}'])
def test_damaged_trees_are_refused(text: str) -> None:
    with pytest.raises(ConfigurationError, match="tree"):
        Tree.from_json(text)


@pytest.mark.parametrize("calls", [1, 2, 10, 57])
def test_no_search_exceeds_its_calls(calls: int) -> None:
    budget = SearchBudget(calls=calls)
    for search in (
        lambda problem: mcts_star(problem, MCTSStarSettings(full_sampling=True), budget),
        lambda problem: best_of_n(problem, 50, budget),
        lambda problem: beam_search(problem, 3, 3, budget),
    ):
        problem = Ladder(0.5)
        tree, _ = run(search(problem))
        assert problem.calls == tree.facts["calls"] <= calls


def test_the_search_stops_at_a_solved_leaf_and_returns_it() -> None:
    tree, solution = run(mcts_star(Ladder(1.0), MCTSStarSettings(roll_forward_steps=0), SearchBudget(iterations=50)))
    assert Ladder(1.0).solved(tree, solution)
    assert tree.facts["solved"] == solution
    assert tree.facts["iterations"] < 10
    assert end_leaves(tree)


def test_the_rollout_is_mixed_into_the_value_of_its_child() -> None:
    settings = MCTSStarSettings(alpha=0.25, roll_forward_steps=2)
    tree, _ = run(mcts_star(Ladder(1.0), settings, SearchBudget(iterations=1)))
    visited = [child for child in tree.children[0] if tree.visits[child]]
    assert len(visited) == 1
    assert tree.values[visited[0]] == pytest.approx(0.75 * 0.25 + 0.25 * 0.75)  # 1/4 after 1 step, 3/4 after 3
    assert tree.values[0] == pytest.approx(tree.values[visited[0]])


class Repeats(Ladder):
    """Proposes the same step for ever."""

    async def propose(self, prefix: Sequence[str], n: int, seed: int) -> list[Step]:
        self.calls += n
        return [Step("again")] * n


def test_a_policy_that_repeats_itself_ends_its_branch() -> None:
    problem = Repeats(1.0)
    tree, _ = run(mcts_star(problem, MCTSStarSettings(), SearchBudget(iterations=10)))
    assert tree.steps == ["", "again"]
    assert tree.notes[1] == END
    assert problem.calls < 100


class Broken(Ladder):
    def __init__(self, values: Any) -> None:
        super().__init__(0.5)
        self.values = values

    async def evaluate(self, prefixes: Sequence[Sequence[str]]) -> Any:
        return [self.values] * len(prefixes) if not isinstance(self.values, list) else self.values


@pytest.mark.parametrize("values", [math.nan, "high", None, True, math.inf, []])
def test_a_value_model_without_numbers_is_an_agent_error(values: Any) -> None:
    for search in (
        mcts_star(Broken(values), MCTSStarSettings(), SearchBudget()),
        best_of_n(Broken(values), 2, SearchBudget()),
        beam_search(Broken(values), 2, 2, SearchBudget()),
    ):
        with pytest.raises(AgentError, match="finite numbers"):
            run(search)


def test_settings_are_checked() -> None:
    for wrong in ({"branch": 0}, {"alpha": 2}, {"end_gate": 0}, {"seed": -1}):
        with pytest.raises(ConfigurationError):
            MCTSStarSettings(**wrong)
    with pytest.raises(ConfigurationError, match="eps"):
        UCT(eps=math.nan)
    with pytest.raises(ConfigurationError, match="calls"):
        SearchBudget(calls=0)


@pytest.mark.parametrize("steps", [1, 2, 3, 7])
def test_a_right_chain_of_k_steps_has_the_values_k_over_its_length(steps: int) -> None:
    tree, node = Tree(), 0
    for k in range(steps):
        node = tree.add(node, f"step {k}", 0.0)
    labels = label_tree(tree, {node: True})
    assert [label.value for label in labels] == pytest.approx([(k + 1) / steps for k in range(steps)])
    assert all(label.right for label in labels)


def test_wrong_branches_inherit_the_distance_of_the_ancestor_they_left() -> None:
    tree = Tree()
    a = tree.add(0, "a", 0.0)
    b = tree.add(a, "b", 0.0)  # a, b is right
    bad = tree.add(a, "bad", 0.0)
    worse = tree.add(bad, "worse", 0.0)
    tree.add(a, "open", 0.0)  # never finished: no label
    # Distances with the current step: root 3, a 2, b 1. Below a, wrong steps have its distance 2.
    assert label_tree(tree, {b: True, worse: False}) == [
        Label(("a",), 0.5, True),
        Label(("a", "b"), 1.0, True),
        Label(("a", "bad"), 0.25, False),
        Label(("a", "bad", "worse"), 0.0, False),
    ]
    assert label_tree(tree, {worse: False}) == []


def test_end_leaves_vote_with_their_values() -> None:
    tree = Tree()
    for value in (0.95, 0.5, 0.5, 0.2):
        node = tree.add(0, str(value), value)
        tree.notes[node] = END if value != 0.2 else ""
    leaves = end_leaves(tree)
    assert leaves == [1, 2, 3]
    assert weighted_vote(tree, dict(zip(leaves, ["x", "y", "y"], strict=True))) == "y"
    assert weighted_vote(tree, dict.fromkeys(leaves)) is None


def test_the_page_escapes_what_models_write_and_marks_the_solution() -> None:
    tree = Tree()
    node = tree.add(0, "<script>alert(1)</script> & <b>", 0.5)
    leaf = tree.add(node, "done", 1.0)
    page = tree_page(tree, leaf)
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
    assert page.count("<details") == page.count("</details>") == 2
    assert 'class="leaf on"' in page


def test_the_page_of_a_deep_tree_needs_no_recursion() -> None:
    tree, node = Tree(), 0
    for k in range(5000):
        node = tree.add(node, str(k), 0.0)
    assert tree_page(tree).count("<details") == 5000


def test_trees_are_plain_json() -> None:
    tree, _ = run(mcts_star(Ladder(0.5), MCTSStarSettings(), SearchBudget(iterations=3)))
    assert set(json.loads(tree.to_json())) >= {"schema", "parents", "children", "values", "visits", "facts"}
    assert [node.depth for node in tree][:2] == [0, 1]


def survival(p: float, branch: int, depth: int) -> float:
    """Return the probability that a tree of ``branch`` proposals a node, each right with ``p``, holds a solution."""
    alive = 1.0
    for _ in range(depth):
        alive = 1 - (1 - p * alive) ** branch
    return alive


def test_success_rates_are_those_of_an_exact_computation_and_search_beats_sampling_at_equal_calls() -> None:
    """150 problems of 4 steps, right with p = 0.5; rates lie within their exact binomial 99.9 % intervals.

    One chain succeeds with p^4, the best of n with 1 - (1 - p^4)^n, and a tree of 3 proposals a node with the survival
    of its branching process. A perfect value lets MCTS* find the solution of its tree within few calls.
    """
    p, depth, problems = 0.5, 4, 150
    rates: dict[str, int] = {"single": 0, "best-of-n": 0, "tree": 0}
    for seed in range(problems):
        problem = Ladder(p, depth)
        settings = MCTSStarSettings(seed=seed, roll_forward_steps=0, end_gate=1.0)
        tree, node = run(mcts_star(problem, settings, SearchBudget(iterations=40)))
        rates["tree"] += problem.solved(tree, node)
        found = next((k for k in range(len(tree)) if problem.solved(tree, k)), None)
        assert (found is not None) == problem.solved(tree, node)  # a perfect value misses no solution of its tree
        for name, n in (("single", 1), ("best-of-n", 6)):  # 6 chains of 4 steps: 24 calls
            chains = Ladder(p, depth)
            tree, node = run(best_of_n(chains, n, SearchBudget(), max_depth=depth, seed=seed))
            rates[name] += chains.solved(tree, node)
    exact = {
        "single": p**depth,
        "best-of-n": 1 - (1 - p**depth) ** 6,
        "tree": survival(p, 3, depth),
    }
    for name, rate in exact.items():
        interval = binomtest(rates[name], problems).proportion_ci(0.999, "exact")
        assert interval.low <= rate <= interval.high, name
    assert exact["tree"] > exact["best-of-n"] > exact["single"]


def test_at_equal_calls_search_beats_the_best_of_n_and_that_a_single_chain() -> None:
    """24 calls for each of 120 problems: MCTS* over 6 chains over 1, each by more than a standard error."""
    p, depth, problems = 0.5, 4, 120
    solved = {"mcts": 0, "best": 0, "beam": 0, "single": 0}
    for seed in range(problems):
        budget = SearchBudget(iterations=1000, calls=24)
        settings = MCTSStarSettings(seed=seed, roll_forward_steps=0, end_gate=1.0)
        for name, search in (
            ("mcts", lambda problem, s=settings, b=budget: mcts_star(problem, s, b)),
            ("best", lambda problem, s=seed, b=budget: best_of_n(problem, 6, b, max_depth=depth, seed=s)),
            ("beam", lambda problem, s=seed, b=budget: beam_search(problem, 2, 3, b, max_depth=depth, seed=s)),
            ("single", lambda problem, s=seed, b=budget: best_of_n(problem, 1, b, max_depth=depth, seed=s)),
        ):
            problem = Ladder(p, depth)
            tree, node = run(search(problem))
            assert problem.calls <= 24
            solved[name] += problem.solved(tree, node)
    error = math.sqrt(0.5 / problems)
    assert solved["mcts"] / problems > solved["best"] / problems + error
    assert solved["best"] / problems > solved["single"] / problems + error
    assert solved["beam"] / problems > solved["best"] / problems + error
