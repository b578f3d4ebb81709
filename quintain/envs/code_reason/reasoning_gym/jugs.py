"""Jugs: measure an amount of water. Our own generator; any moves that get there are right."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from math import gcd
from typing import ClassVar, NamedTuple

import numpy as np

from quintain.envs.text.answers import parse_lines
from quintain.envs.text.draws import randint
from quintain.envs.text.task import Malformed, Problem, Task, expect

__all__ = ["Jugs"]

_MOVE = re.compile(r"(?:(fill|empty)\s+([A-Z])|pour\s+([A-Z])\s*->\s*([A-Z]))", re.IGNORECASE)


class Move(NamedTuple):
    """Fill or empty jug ``a``, or pour from ``a`` into ``b``."""

    verb: str
    a: str
    b: str = ""

    def __str__(self) -> str:
        return f"pour {self.a}->{self.b}" if self.b else f"{self.verb} {self.a}"


@dataclass(frozen=True)
class Jugs(Task[list[Move]]):
    """Jugs are empty at first; some jug has to hold the target amount after the last move.

    Attributes:
        jugs: Number of jugs, in [2, 4]. Default: 3.
        max_capacity: Maximum capacity of a jug, in [4, 20]. Default: 11.
        min_moves: Minimum length of the shortest solution, in moves, in [1, 8]. Default: 4.
    """

    LEVELS: ClassVar = {
        "easy": {"jugs": 2, "max_capacity": 13, "min_moves": 2},
        "hard": {"max_capacity": 13, "min_moves": 6},
    }

    jugs: int = 3
    max_capacity: int = 11
    min_moves: int = 4

    def __post_init__(self) -> None:
        """Check the parameters."""
        expect(2 <= self.jugs <= 4, "jugs in [2, 4]")
        expect(4 <= self.max_capacity <= 20, "max_capacity in [4, 20]")
        expect(1 <= self.min_moves <= 8, "min_moves in [1, 8]")

    def generate(self, rng: np.random.Generator) -> Problem:
        """Draw jugs and a target until the shortest solution is long enough."""
        for attempt in range(10_000):
            capacities = sorted(randint(rng, 3, self.max_capacity) for _ in range(self.jugs))
            if gcd(*capacities) > 1 and attempt < 5000:
                continue
            target = randint(rng, 1, capacities[-1])
            moves = _search(capacities, target)
            if moves is not None and len(moves) >= self.min_moves - attempt // 500:
                break
        names = ", ".join(f"{name}: {c}" for name, c in zip("ABCD", capacities, strict=False))
        prompt = (
            f"There are jugs of these capacities, in litres: {names}. All are empty. A move is 'fill A' (to the brim), "
            "'empty A', or 'pour A->B' (until A is empty or B is full), for any jugs. Measure exactly "
            f"{target} litres: after the last move, some jug must hold that amount.\n"
            'Write the moves in order as a JSON list: <<<["move1", "move2", ...]>>>.'
        )
        assert moves is not None
        return Problem(prompt, self.render(moves), {"capacities": capacities, "target": target})

    def parse(self, text: str) -> list[Move]:
        """Read a list of moves."""
        moves = []
        for item in parse_lines(text if text[:1] == "[" else re.sub(r"[,;]", "\n", text)):
            match = _MOVE.fullmatch(item.replace("→", "->").strip("\"' "))
            if match is None:
                raise Malformed('expected a list of moves such as ["fill A", "pour A->B"]')
            verb, jug, source, target = match.groups()
            moves.append(Move(verb.lower(), jug.upper()) if verb else Move("pour", source.upper(), target.upper()))
        return moves

    def render(self, value: list[Move]) -> str:
        """Write a JSON list."""
        return "[" + ", ".join(f'"{move}"' for move in value) + "]"

    def check(self, problem: Problem, value: list[Move]) -> str:
        """Carry out the moves."""
        capacities, target = problem.data["capacities"], problem.data["target"]
        names = "ABCD"[: len(capacities)]
        state = (0,) * len(capacities)
        for move in value:
            if not {move.a, move.b} <= {*names, ""} or move.a == move.b:
                return f"there is no move {move}"
            state = _apply(state, capacities, move)
        return "" if target in state else f"the jugs hold {', '.join(map(str, state))} litres in the end"

    def solve(self, problem: Problem) -> str:
        """Search breadth first."""
        moves = _search(problem.data["capacities"], problem.data["target"])
        assert moves is not None  # problems have a solution
        return self.render(moves)


def _apply(state: tuple[int, ...], capacities: Sequence[int], move: Move) -> tuple[int, ...]:
    after, i = list(state), "ABCD".index(move.a)
    if move.verb == "pour":
        j = "ABCD".index(move.b)
        amount = min(after[i], capacities[j] - after[j])
        after[i] -= amount
        after[j] += amount
    else:
        after[i] = capacities[i] if move.verb == "fill" else 0
    return tuple(after)


def _search(capacities: Sequence[int], target: int) -> list[Move] | None:
    names = "ABCD"[: len(capacities)]
    moves = [Move(verb, a) for verb in ("fill", "empty") for a in names]
    moves += [Move("pour", a, b) for a in names for b in names if a != b]
    start = (0,) * len(capacities)
    came: dict[tuple[int, ...], tuple[tuple[int, ...], Move] | None] = {start: None}
    queue = deque([start])
    while queue:
        state = queue.popleft()
        if target in state:
            path = []
            while (step := came[state]) is not None:
                state, move = step
                path.append(move)
            return path[::-1]
        for move in moves:
            after = _apply(state, capacities, move)
            if after not in came:
                came[after] = (state, move)
                queue.append(after)
    return None
