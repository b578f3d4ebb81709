"""BoxLift: lift boxes with teams of lifters in few steps (SymBench, from the text-or-code steering set)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, TypeAlias

import numpy as np

from quintain.envs.text.answers import Nested, parse_integer, parse_list
from quintain.envs.text.draws import randint
from quintain.envs.text.task import Malformed, Problem, Task, expect

__all__ = ["Boxlift"]

#: Steps; a step is a list of (box, lifters).
Plan: TypeAlias = list[list[tuple[int, list[int]]]]


@dataclass(frozen=True)
class Boxlift(Task[Plan]):
    """Lift every box once, with lifters whose capacities reach its weight, each lifter once per step, within K steps.

    K is what a greedy plan needs, so that every problem has a solution. A lifter adds its capacity in full.

    Attributes:
        max_boxes: Maximum number of boxes, in [2, 30]. Default: 10.
        max_lifters: Maximum number of lifters, in [2, 12]. Default: 5.
    """

    LEVELS: ClassVar = {"easy": {"max_boxes": 4, "max_lifters": 3}, "hard": {"max_boxes": 24, "max_lifters": 8}}

    max_boxes: int = 10
    max_lifters: int = 5

    def __post_init__(self) -> None:
        """Check the parameters."""
        expect(2 <= self.max_boxes <= 30, "max_boxes in [2, 30]")
        expect(2 <= self.max_lifters <= 12, "max_lifters in [2, 12]")

    def generate(self, rng: np.random.Generator) -> Problem:
        """Draw capacities and weights that all lifters together can manage."""
        capacities = [randint(rng, 20, 90) for _ in range(randint(rng, 2, self.max_lifters))]
        weights = [randint(rng, 10, sum(capacities)) for _ in range(randint(rng, 2, self.max_boxes))]
        plan = _greedy(weights, capacities)
        boxes = ", ".join(f"box {i}: {weight}" for i, weight in enumerate(weights))
        lifters = ", ".join(f"lifter {i}: {capacity}" for i, capacity in enumerate(capacities))
        prompt = (
            f"Boxes and their weights: {boxes}.\nLifters and their capacities: {lifters}.\n"
            "In each step, every lifter may take part in lifting at most one box. A box is lifted in a single step "
            "by one or more lifters whose capacities add up to at least its weight. Lift every box exactly once, in "
            f"at most {len(plan)} steps.\n"
            "Write the steps in order. A step is a list of [box, [lifter, lifter, ...]]; the whole has the form "
            "<<<[[[box, [lifter, ...]], ...], [[box, [lifter, ...]], ...], ...]>>>, with numbers for boxes and lifters."
        )
        data = {"weights": weights, "capacities": capacities, "max_steps": len(plan)}
        return Problem(prompt, self.render(plan), data)

    def parse(self, text: str) -> Plan:
        """Read a list of steps."""
        return [[_action(action) for action in _list(step)] for step in parse_list(text)]

    def render(self, value: Plan) -> str:
        """Write the steps as nested lists."""
        return str([[[box, lifters] for box, lifters in step] for step in value])

    def check(self, problem: Problem, value: Plan) -> str:
        """Known boxes and lifters, enough strength, no lifter twice in a step, no box twice or left, and the limit."""
        weights, capacities = problem.data["weights"], problem.data["capacities"]
        lifted: list[int] = []
        for number, step in enumerate(value, 1):
            busy = [lifter for _, lifters in step for lifter in lifters]
            if any(not 0 <= lifter < len(capacities) for lifter in busy):
                return f"step {number}: there is no such lifter"
            if len(set(busy)) < len(busy):
                return f"step {number}: a lifter takes part twice"
            for box, lifters in step:
                if not 0 <= box < len(weights):
                    return f"step {number}: there is no box {box}"
                if sum(capacities[lifter] for lifter in lifters) < weights[box]:
                    return f"step {number}: box {box} is too heavy for its lifters"
                lifted.append(box)
        if sorted(lifted) != list(range(len(weights))):
            return "not every box is lifted exactly once"
        if len(value) > problem.data["max_steps"]:
            return f"{len(value)} steps, where {problem.data['max_steps']} are allowed"
        return ""

    def solve(self, problem: Problem) -> str:
        """Plan greedily."""
        return self.render(_greedy(problem.data["weights"], problem.data["capacities"]))


def _greedy(weights: list[int], capacities: list[int]) -> Plan:
    """In each step go through the boxes from heavy to light and give each the weakest lifters that suffice together."""
    left = sorted(range(len(weights)), key=lambda box: -weights[box])
    plan: Plan = []
    while left:
        free = sorted(range(len(capacities)), key=lambda lifter: -capacities[lifter])
        step = []
        for box in list(left):
            team: list[int] = []
            for lifter in free:
                if sum(capacities[x] for x in team) < weights[box]:
                    team.append(lifter)
            if sum(capacities[x] for x in team) < weights[box]:
                continue
            for lifter in reversed(free):  # a weaker last member may do
                rest = sum(capacities[x] for x in team[:-1])
                if lifter not in team and rest + capacities[lifter] >= weights[box]:
                    team[-1] = lifter
                    break
            step.append((box, sorted(team)))
            free = [lifter for lifter in free if lifter not in team]
            left.remove(box)
        plan.append(step)
    return plan


def _list(item: str | Nested) -> Nested:
    if isinstance(item, str):
        raise Malformed("expected steps of the form [[box, [lifter, ...]], ...]")
    return item


def _action(item: str | Nested) -> tuple[int, list[int]]:
    action = _list(item)
    if len(action) != 2 or not isinstance(action[0], str):
        raise Malformed("expected actions of the form [box, [lifter, ...]]")
    lifters = [parse_integer(lifter) for lifter in _list(action[1]) if isinstance(lifter, str)]
    if len(lifters) != len(action[1]):
        raise Malformed("expected the numbers of the lifters")
    return parse_integer(action[0]), lifters
