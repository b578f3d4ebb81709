"""Tower of Hanoi: bring all disks to one peg. Our own generator; any legal moves that do it are right."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np

from quintain.envs.text.answers import parse_lines
from quintain.envs.text.draws import randint
from quintain.envs.text.task import Malformed, Problem, Task, expect

__all__ = ["TowerOfHanoi"]

_MOVE = re.compile(r"move disk ([0-9]{1,2}) from peg ([0-9]) to peg ([0-9])", re.IGNORECASE)


class Move(NamedTuple):
    """Take a disk from one peg to another; both are counted from 1."""

    disk: int
    source: int
    target: int


@dataclass(frozen=True)
class TowerOfHanoi(Task[list[Move]]):
    """Three pegs; the disks start in any legal arrangement, not only in one tower.

    Attributes:
        min_disks: Minimum number of disks, in [2, ``max_disks``]. Default: 4.
        max_disks: Maximum number of disks, in [``min_disks``, 8]. Default: 5.
    """

    LEVELS: ClassVar = {"easy": {"min_disks": 3, "max_disks": 3}, "hard": {"min_disks": 6, "max_disks": 7}}

    min_disks: int = 4
    max_disks: int = 5

    def __post_init__(self) -> None:
        """Check the parameters."""
        expect(2 <= self.min_disks <= self.max_disks <= 8, "2 <= min_disks <= max_disks <= 8")

    def generate(self, rng: np.random.Generator) -> Problem:
        """Draw a peg for every disk."""
        while True:
            pegs = [randint(rng, 1, 3) for _ in range(randint(rng, self.min_disks, self.max_disks))]
            target = randint(rng, 1, 3)
            if any(peg != target for peg in pegs):
                break
        lines = "\n".join(
            f"Peg {peg}, from bottom to top: "
            + (", ".join(str(d) for d in range(len(pegs), 0, -1) if pegs[d - 1] == peg) or "empty")
            for peg in (1, 2, 3)
        )
        prompt = (
            f"Tower of Hanoi with {len(pegs)} disks, where disk 1 is the smallest:\n{lines}\n"
            f"Bring all disks to peg {target}. Only the top disk of a peg may be moved, one at a time, and never "
            "onto a smaller disk. Write one move a line in the form 'Move disk X from Peg Y to Peg Z', as in\n"
            "<<<Move disk X from Peg Y to Peg Z\n...>>>."
        )
        return Problem(prompt, self.render(_plan(pegs, target)), {"pegs": pegs, "target": target})

    def parse(self, text: str) -> list[Move]:
        """Read one move a line."""
        moves = []
        for line in parse_lines(text):
            match = _MOVE.fullmatch(line)
            if match is None:
                raise Malformed("expected lines of the form 'Move disk 1 from Peg 1 to Peg 3'")
            moves.append(Move(*map(int, match.groups())))
        if not moves:
            raise Malformed("expected at least one move")
        return moves

    def render(self, value: list[Move]) -> str:
        """Write one move a line."""
        return "\n".join(f"Move disk {disk} from Peg {source} to Peg {target}" for disk, source, target in value)

    def check(self, problem: Problem, value: list[Move]) -> str:
        """Carry out the moves."""
        pegs = list(problem.data["pegs"])
        for number, (disk, source, target) in enumerate(value, 1):
            if not 1 <= disk <= len(pegs) or target not in (1, 2, 3) or source == target or pegs[disk - 1] != source:
                return f"move {number}: disk {disk} cannot go from peg {source} to peg {target}"
            if any(peg in (source, target) for peg in pegs[: disk - 1]):
                return f"move {number}: a smaller disk is in the way"
            pegs[disk - 1] = target
        return "" if set(pegs) == {problem.data["target"]} else "not all disks are on the right peg"

    def solve(self, problem: Problem) -> str:
        """Place the largest disk first, with the smaller ones out of the way."""
        return self.render(_plan(problem.data["pegs"], problem.data["target"]))


def _plan(pegs: Sequence[int], target: int) -> list[Move]:
    if not pegs:
        return []
    *smaller, largest = pegs
    if largest == target:
        return _plan(smaller, target)
    aside = 6 - largest - target
    return [*_plan(smaller, aside), Move(len(pegs), largest, target), *_plan([aside] * len(smaller), target)]
