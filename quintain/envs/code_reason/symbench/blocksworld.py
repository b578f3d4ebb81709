"""Blocksworld: move blocks between stacks to reach a goal (SymBench, from the text-or-code steering set)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar, NamedTuple, TypeAlias

import numpy as np

from quintain.envs.text.answers import parse_lines
from quintain.envs.text.draws import randint, shuffled
from quintain.envs.text.task import Malformed, Problem, Task, expect

__all__ = ["Blocksworld"]

Stacks: TypeAlias = list[list[str]]

_MOVE = re.compile(r"move\s+([A-Z])\s+from\s+([0-9]{1,2})\s+to\s+([0-9]{1,2})", re.IGNORECASE)


class Move(NamedTuple):
    """Take ``block`` off the top of one stack and put it onto another; stacks are counted from 1."""

    block: str
    source: int
    target: int


@dataclass(frozen=True)
class Blocksworld(Task[list[Move]]):
    """Any sequence of legal moves that ends in the goal is right, however long.

    Attributes:
        min_blocks: Minimum number of blocks, in [2, ``max_blocks``]. Default: 3.
        max_blocks: Maximum number of blocks, in [``min_blocks``, 12]. Default: 5.
        max_stacks: Maximum number of stacks, in [3, 8]. Default: 5.
    """

    LEVELS: ClassVar = {"easy": {"min_blocks": 2, "max_blocks": 2}, "hard": {"min_blocks": 6, "max_blocks": 10}}

    min_blocks: int = 3
    max_blocks: int = 5
    max_stacks: int = 5

    def __post_init__(self) -> None:
        """Check the parameters."""
        expect(2 <= self.min_blocks <= self.max_blocks <= 12, "2 <= min_blocks <= max_blocks <= 12")
        expect(3 <= self.max_stacks <= 8, "max_stacks in [3, 8]")

    def generate(self, rng: np.random.Generator) -> Problem:
        """Draw two different arrangements."""
        blocks = "ABCDEFGHIJKL"[: randint(rng, self.min_blocks, self.max_blocks)]
        count = randint(rng, 3, self.max_stacks)
        start, goal = _arrange(rng, blocks, count), _arrange(rng, blocks, count)
        while goal == start:
            goal = _arrange(rng, blocks, count)
        prompt = (
            f"Blocks stand in {count} stacks, listed here from bottom to "
            f"top.\nStart:\n{_show(start)}\nGoal:\n{_show(goal)}\nA move takes the top block of one stack and puts "
            "it on top of another stack, which may be empty. Give moves that lead from the start to the goal, one a "
            "line, in the form 'Move <block> from <stack> to <stack>', as in\n<<<Move block from i to j\n...>>>."
        )
        return Problem(prompt, self.render(_plan(start, goal)), {"start": start, "goal": goal})

    def parse(self, text: str) -> list[Move]:
        """Read one move a line."""
        moves = []
        for line in parse_lines(text):
            match = _MOVE.fullmatch(line)
            if match is None:
                raise Malformed("expected lines of the form 'Move A from 1 to 2'")
            moves.append(Move(match[1].upper(), int(match[2]), int(match[3])))
        if not moves:
            raise Malformed("expected at least one move")
        return moves

    def render(self, value: list[Move]) -> str:
        """Write one move a line."""
        return "\n".join(f"Move {block} from {source} to {target}" for block, source, target in value)

    def check(self, problem: Problem, value: list[Move]) -> str:
        """Carry out the moves."""
        stacks = [list(stack) for stack in problem.data["start"]]
        for number, (block, source, target) in enumerate(value, 1):
            if not 1 <= source <= len(stacks) or not 1 <= target <= len(stacks) or source == target:
                return f"move {number}: there is no way from stack {source} to stack {target}"
            if not stacks[source - 1] or stacks[source - 1][-1] != block:
                return f"move {number}: {block} is not on top of stack {source}"
            stacks[target - 1].append(stacks[source - 1].pop())
        return "" if stacks == problem.data["goal"] else "the moves do not end in the goal"

    def solve(self, problem: Problem) -> str:
        """Build the goal block by block, putting what is in the way aside."""
        return self.render(_plan(problem.data["start"], problem.data["goal"]))


def _arrange(rng: np.random.Generator, blocks: str, count: int) -> Stacks:
    stacks: Stacks = [[] for _ in range(count)]
    for block in shuffled(rng, blocks):
        stacks[randint(rng, 0, count - 1)].append(block)
    return stacks


def _show(stacks: Stacks) -> str:
    return "\n".join(f"Stack {i}: {' '.join(stack) or 'empty'}" for i, stack in enumerate(stacks, 1))


def _plan(start: Stacks, goal: Stacks) -> list[Move]:
    """Put every block of the goal in place, bottom up. Blocks that are in place are never touched again."""
    stacks = [list(stack) for stack in start]
    moves: list[Move] = []

    def move(source: int, target: int) -> None:
        block = stacks[source].pop()
        stacks[target].append(block)
        moves.append(Move(block, source + 1, target + 1))

    def other(*busy: int) -> int:
        return next(i for i in range(len(stacks)) if i not in busy)

    for g, wanted in enumerate(goal):
        for height, block in enumerate(wanted):
            if len(stacks[g]) > height and stacks[g][height] == block:
                continue
            source = next(i for i, stack in enumerate(stacks) if block in stack)
            while stacks[source][-1] != block:
                move(source, other(source, g))
            if source == g:  # it stands too high in its own stack
                source = other(g)
                move(g, source)
            while len(stacks[g]) > height:
                move(g, other(g, source))
            move(source, g)
    return moves
