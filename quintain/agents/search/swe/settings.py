"""Settings of SWE-Search: the terms of its selection score as switches, and the limits of the search."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Literal

from quintain.arguments import check_number
from quintain.errors import ConfigurationError

__all__ = ["ORIGINAL", "REFACTORED", "SWESearchSettings", "UCTBonuses"]


@dataclass(frozen=True, slots=True)
class UCTBonuses:
    """Terms of the score by which a node is selected for expansion; rewards are in [-100, 100].

    A term is off where its weight is 0. The defaults are those of the refactored code; :data:`ORIGINAL` has those of
    the code that the paper used.

    Attributes:
        value: Exploitation: the node's ``"own"`` last reward, or the ``"mean"`` of the rewards backed up to it.
        exploration: Weight C of sqrt(ln N(parent) / N(node)). Default: 1; 0 in the original, which computes the term
            and leaves it out of the score.
        depth_penalty: Weight of -sqrt(depth). Default: 0.8.
        depth_bonus: alpha of alpha exp(-beta (depth - 1)), for nodes with children down to depth 1. Default: 0;
            200 in the original.
        depth_decay: beta. Default: 0.8.
        good_value: Reward from which a node is good. Default: 50; 55 in the original.
        good_leaf: Bonus of a good node without children. Default: 50; 20 in the original.
        bad_child: Weight of (value - child) for a good node whose only child is bad. Default: 5.
        bad_value: Reward up to which that child is bad. Default: 0; 50 in the original.
        bad_child_edits: Whether that holds for edits alone. Default: true; false in the original.
        good_child: Penalty, >= 0, of a node that has a child of reward >= 75. Default: 5.
        low_leaf: Weight of (good_value - value) for a node below it, without children, whose parent is good. Default:
            1; 5 in the original.
        finished: Penalty, >= 0, of nodes on a trajectory that finished with 100. Default: 50; 0 in the original.
        correction: Bonus of a node whose call failed, over 1 + children^2. Default: 50; 0 in the original.
        diversity: Weight of one minus the mean similarity of the context to that of other expanded nodes. Default: 100;
            0 in the original.
        duplicates: Penalty, >= 0, times n^2 for n duplicate children. Default: 25; 0 in the original.
        repeats: Penalty, >= 0, times (n - 1)^2 for n calls of the node's tool in a row. Default: 50; 0 in the original.
        max_child: Nodes with a child of at least this reward are not expanded; ``None`` for no such rule. Default:
            none; 100 in the original, of which the value is not published.
        max_finished_children: Nodes with more finished children are not expanded; ``None`` for no such rule. Default:
            none; 2 in the original.

    Raises:
        ConfigurationError: If a weight is negative or not finite.
    """

    value: Literal["own", "mean"] = "own"
    exploration: float = 1.0
    depth_penalty: float = 0.8
    depth_bonus: float = 0.0
    depth_decay: float = 0.8
    good_value: float = 50.0
    good_leaf: float = 50.0
    bad_child: float = 5.0
    bad_value: float = 0.0
    bad_child_edits: bool = True
    good_child: float = 5.0
    low_leaf: float = 1.0
    finished: float = 50.0
    correction: float = 50.0
    diversity: float = 100.0
    duplicates: float = 25.0
    repeats: float = 50.0
    max_child: float | None = None
    max_finished_children: int | None = None

    def __post_init__(self) -> None:
        """Check the weights."""
        if self.value not in ("own", "mean"):
            raise ConfigurationError(f"value must be 'own' or 'mean', got {self.value!r}")
        for field in fields(self):
            weight = getattr(self, field.name)
            if field.name not in ("value", "bad_child_edits", "bad_value") and weight is not None:
                check_number(field.name, weight, low=0)


#: The defaults of the refactored code (moatless-tree-search).
REFACTORED = UCTBonuses()
#: The code that the paper used (swe-search).
ORIGINAL = UCTBonuses(
    exploration=0.0,
    depth_bonus=200.0,
    good_value=55.0,
    good_leaf=20.0,
    bad_value=50.0,
    bad_child_edits=False,
    low_leaf=5.0,
    finished=0.0,
    correction=0.0,
    diversity=0.0,
    duplicates=0.0,
    repeats=0.0,
    max_child=100.0,
    max_finished_children=2,
)


@dataclass(frozen=True, slots=True)
class SWESearchSettings:
    """Limits and switches of the search.

    Attributes:
        bonuses: Terms of the selection score. Default: those of the refactored code.
        selection: ``"best"`` takes the node with the highest score, ``"softmax"`` draws one. Default: ``"best"``.
        softmax_temperature: Temperature of the draw, in units of reward, > 0. Default: 20.
        max_expansions: Maximum number of children of a node, >= 1. Default: 3 (experiments of the paper; 5 in its
            code).
        max_iterations: Maximum number of nodes beside the root, >= 1. Default: 100 (paper).
        max_finished: Number of different finished patches at which the search ends, >= 1. Default: 5 (paper).
        max_depth: Maximum number of actions of a trajectory, >= 1. Default: 20 (paper).
        finish_first: Whether one trajectory is finished before any node is expanded again. Default: false.
        feedback: Whether a node that is expanded again is told about its worst child. Default: true.
        feedback_below: Only a child of lower reward is told about. Default: 100.
        actions: ``"flat"``, or ``"state-machine"``: search, identify, plan and edit in turn. Default: ``"flat"``.
        seed: Seed of the search. Default: 0.

    Raises:
        ConfigurationError: If a setting is out of range.
    """

    bonuses: UCTBonuses = REFACTORED
    selection: Literal["best", "softmax"] = "best"
    softmax_temperature: float = 20.0
    max_expansions: int = 3
    max_iterations: int = 100
    max_finished: int = 5
    max_depth: int = 20
    finish_first: bool = False
    feedback: bool = True
    feedback_below: float = 100.0
    actions: Literal["flat", "state-machine"] = "flat"
    seed: int = 0

    def __post_init__(self) -> None:
        """Check the settings."""
        for name in ("max_expansions", "max_iterations", "max_finished", "max_depth"):
            check_number(name, getattr(self, name), low=1, integer=True)
        check_number("softmax_temperature", self.softmax_temperature, above=0)
        for name, known in (("selection", ("best", "softmax")), ("actions", ("flat", "state-machine"))):
            if getattr(self, name) not in known:
                raise ConfigurationError(f"{name} must be {' or '.join(map(repr, known))}, got {getattr(self, name)!r}")
