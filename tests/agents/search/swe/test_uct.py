"""The selection score of SWE-Search, term by term, against values computed by hand."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import pytest

from quintain.agents.search.swe import (
    ORIGINAL,
    REFACTORED,
    SWESearchSettings,
    SWETree,
    UCTBonuses,
    uct_score,
    uct_terms,
)
from quintain.agents.search.swe.uct import expandable, select
from quintain.errors import ConfigurationError

OFF = UCTBonuses(
    **{
        field.name: 0.0
        for field in dataclasses.fields(UCTBonuses)
        if field.name
        not in (
            "value",
            "bad_child_edits",
            "depth_decay",
            "good_value",
            "bad_value",
            "max_child",
            "max_finished_children",
        )
    }
)


@dataclasses.dataclass(frozen=True)
class Result:
    observation: str = ""
    ended: str = ""
    error: str | None = None
    malformed: bool = False
    facts: Any = dataclasses.field(default_factory=dict)


def grow(tree: SWETree, parent: int, reward: float, kind: str = "view", **changes: Any) -> int:
    """Add a node with a reward."""
    facts = {"kind": kind, "tool": changes.pop("tool", f"{kind}_tool"), **changes.pop("facts", {})}
    node = tree.add(parent, f"action {len(tree)}", Result(facts=facts, **changes), None, "search")
    tree.reward(node, reward, "", "")
    return node


def chain(*rewards: float, kinds: str = "view") -> SWETree:
    """Return a tree of one path."""
    tree = SWETree(None)
    for number, reward in enumerate(rewards):
        grow(tree, number, reward, kinds)
    return tree


def terms(tree: SWETree, node: int, **weights: Any) -> dict[str, float]:
    found = uct_terms(tree, node, dataclasses.replace(OFF, **weights))
    found.pop("value", None)
    return found


def test_exploitation_is_the_own_reward_or_the_mean_that_was_backed_up() -> None:
    tree = chain(60, 20, -50)
    assert [tree.tree.visits[k] for k in range(4)] == [3, 3, 2, 1]
    assert [tree.mean(k) for k in range(4)] == [10, 10, -15, -50]
    assert uct_terms(tree, 1, OFF) == {"value": 60}
    assert uct_terms(tree, 1, dataclasses.replace(OFF, value="mean")) == {"value": 10}


def test_exploration_grows_with_the_visits_of_the_parent() -> None:
    tree = chain(60, 20)
    grow(tree, 1, 0)
    # N(1) = 3, N(2) = 1: 2 sqrt(ln 3 / 1)
    assert terms(tree, 2, exploration=2.0) == {"exploration": pytest.approx(2 * math.sqrt(math.log(3)))}
    assert terms(tree, 0, exploration=2.0) == {}, "the root has no parent"


def test_the_depth_penalty_is_a_square_root() -> None:
    tree = chain(0, 0, 0, 0)
    assert terms(tree, 4, depth_penalty=0.8) == {"depth_penalty": pytest.approx(-1.6)}


def test_the_depth_bonus_is_for_expanded_nodes_near_the_root() -> None:
    tree = chain(0, 0)
    # depth 0: 200 exp(0.8); depth 1: 200
    assert terms(tree, 0, depth_bonus=200.0) == {"depth_bonus": pytest.approx(200 * math.exp(0.8))}
    assert terms(tree, 1, depth_bonus=200.0) == {"depth_bonus": 200}
    assert terms(tree, 2, depth_bonus=200.0) == {}


def test_a_good_leaf_is_preferred() -> None:
    tree = chain(50)
    grow(tree, 0, 49)
    assert [terms(tree, k, good_leaf=50.0) for k in (1, 2)] == [{"good_leaf": 50}, {}]
    grow(tree, 1, 0)
    assert terms(tree, 1, good_leaf=50.0) == {}, "it has a child now"


def test_a_good_node_with_one_bad_child_is_expanded_again() -> None:
    tree = chain(80, -20, kinds="edit")
    assert terms(tree, 1, bad_child=5.0) == {"bad_child": 500}
    grow(tree, 1, 0)
    assert terms(tree, 1, bad_child=5.0) == {}, "two children"
    searched = chain(80, -20)
    assert terms(searched, 1, bad_child=5.0) == {}, "for edits alone"
    assert terms(searched, 1, bad_child=5.0, bad_child_edits=False) == {"bad_child": 500}
    assert terms(chain(80, 10, kinds="edit"), 1, bad_child=5.0) == {}
    assert terms(chain(80, 10, kinds="edit"), 1, bad_child=5.0, bad_value=50.0) == {"bad_child": 350}


def test_a_node_with_a_great_child_is_left_alone() -> None:
    assert terms(chain(50, 75), 1, good_child=5.0) == {"good_child": -5}
    assert terms(chain(50, 74), 1, good_child=5.0) == {}


def test_a_low_leaf_under_a_good_parent_may_be_undervalued() -> None:
    assert terms(chain(60, 10), 2, low_leaf=1.0) == {"low_leaf": 40}
    assert terms(chain(60, 10), 2, low_leaf=5.0, good_value=55.0) == {"low_leaf": 225}
    assert terms(chain(40, 10), 2, low_leaf=1.0) == {}


def test_nodes_on_a_perfect_trajectory_are_finished() -> None:
    tree = chain(60)
    grow(tree, 1, 100, ended="finish")
    other = grow(tree, 0, 60)
    assert [terms(tree, k, finished=50.0) for k in (1, other)] == [{"finished": -50}, {}]


def test_a_failed_call_asks_for_a_correction() -> None:
    tree = SWETree(None)
    node = grow(tree, 0, -25, error="no such file")
    assert terms(tree, node, correction=50.0) == {"correction": 50}
    grow(tree, node, 0)
    assert terms(tree, node, correction=50.0) == {"correction": 25}
    grow(tree, node, 0)
    assert terms(tree, node, correction=50.0) == {"correction": 10}


def test_diversity_is_one_minus_the_mean_similarity_of_contexts() -> None:
    tree = SWETree(None)
    one = grow(tree, 0, 0, facts={"viewed": [["a.py", 1, 4]]})
    two = grow(tree, 0, 0, facts={"viewed": [["a.py", 3, 6]]})
    assert terms(tree, two, diversity=100.0) == {}, "no other node is expanded"
    grow(tree, one, 0)
    # lines 3 and 4 of six lines are common
    assert terms(tree, two, diversity=100.0) == {"diversity": pytest.approx(100 * (1 - 2 / 6))}


def test_duplicates_and_repeated_tools_cost_quadratically() -> None:
    tree = chain(0)
    for _ in range(2):
        tree.add_duplicate(1, "again")
    assert terms(tree, 1, duplicates=25.0) == {"duplicates": -100}
    tree = SWETree(None)
    node = 0
    for _ in range(3):
        node = grow(tree, node, 0, tool="view_code")
    assert terms(tree, node, repeats=50.0) == {"repeats": -200}
    node = grow(tree, node, 0, tool="run_tests")
    assert terms(tree, node, repeats=50.0) == {}


def test_the_score_is_the_sum_and_the_presets_are_the_columns_of_the_table() -> None:
    tree = chain(80, -20)
    assert uct_score(tree, 1, ORIGINAL) == pytest.approx(80 - 0.8 + 200 + 500)
    # V, C sqrt(ln 2 / 2), depth; a view is no edit, so a bad child gives no bonus
    assert uct_score(tree, 1, REFACTORED) == pytest.approx(80 + math.sqrt(math.log(2) / 2) - 0.8)
    assert (ORIGINAL.exploration, ORIGINAL.depth_bonus, ORIGINAL.good_leaf, ORIGINAL.low_leaf) == (0, 200, 20, 5)
    assert (REFACTORED.exploration, REFACTORED.depth_bonus, REFACTORED.good_leaf, REFACTORED.low_leaf) == (1, 0, 50, 1)


def test_nodes_that_may_be_expanded() -> None:
    tree = chain(60)
    grow(tree, 0, 100, ended="finish")
    tree.add_duplicate(0, "again")
    settings = SWESearchSettings(max_expansions=4)
    assert expandable(tree, settings) == [0, 1]
    assert expandable(tree, dataclasses.replace(settings, max_expansions=3)) == [1]
    assert expandable(tree, dataclasses.replace(settings, max_depth=1)) == [0]
    assert expandable(tree, dataclasses.replace(settings, bonuses=ORIGINAL)) == [1], "a child with 100"


def test_selection_is_by_score_or_first_of_all_the_newest() -> None:
    tree = chain(90)
    grow(tree, 0, 10)
    settings = SWESearchSettings(OFF)
    assert select(tree, settings, 0) == 1
    assert select(tree, dataclasses.replace(settings, finish_first=True), 0) == 2
    soft = dataclasses.replace(settings, selection="softmax", softmax_temperature=50.0)
    drawn = [select(tree, soft, k) for k in range(300)]
    # exp(90/50), exp(10/50), exp(0): 0.73, 0.15, 0.12
    assert 0.62 < drawn.count(1) / 300 < 0.84
    assert drawn == [select(tree, soft, k) for k in range(300)]


def test_the_state_machine_branches_in_search_and_plan_alone() -> None:
    tree = SWETree(None, "search")
    node = tree.add(0, "a", Result(facts={"kind": "search"}), None, "identify")
    settings = SWESearchSettings(OFF, actions="state-machine")
    assert select(tree, settings, 0) == node, "linear until the next phase that branches"
    tree.add(node, "b", Result(facts={"kind": "view"}), None, "plan")
    assert expandable(tree, settings) == [0, 2]


def test_settings_are_checked() -> None:
    for make in (
        lambda: UCTBonuses(exploration=-1),
        lambda: UCTBonuses(value="median"),  # type: ignore[arg-type]
        lambda: SWESearchSettings(max_expansions=0),
        lambda: SWESearchSettings(selection="worst"),  # type: ignore[arg-type]
        lambda: SWESearchSettings(softmax_temperature=0),
    ):
        with pytest.raises(ConfigurationError):
            make()
