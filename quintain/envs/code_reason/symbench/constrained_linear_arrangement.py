"""Constrained linear arrangement: which cards can the opponent have played? (SymBench)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from quintain.envs.text.answers import parse_words
from quintain.envs.text.draws import choose, randint, sample
from quintain.envs.text.task import Malformed, Problem, Task, expect

__all__ = ["ConstrainedLinearArrangement"]

_RULES = {
    "elements": (
        "ABCDE",
        "The pieces are A Metal, B Water, C Wood, D Fire, E Earth. Each generates the next (Metal generates Water, and "
        "so on; Earth generates Metal) and overcomes the one after that (Metal overcomes Wood, and so on). A piece "
        "loses to the piece it generates and wins against the piece it overcomes; equal pieces draw.",
    ),
    "stick": (
        "ABCD",
        "The pieces are A Stick, B Tiger, C Chicken, D Worm. Stick beats Tiger, Tiger beats Chicken, Chicken beats "
        "Worm, Worm beats Stick; every other pairing is a draw.",
    ),
    "animals": (
        "ABCDEFGH",
        "The pieces are A Elephant, B Lion, C Tiger, D Leopard, E Wolf, F Dog, G Cat, H Mouse. The one named earlier "
        "beats the one named later, except that Mouse beats Elephant; equal pieces draw. A player has each piece once.",
    ),
}


@dataclass(frozen=True)
class ConstrainedLinearArrangement(Task[list[str]]):
    """Given one's own pieces and the results round by round, name pieces the opponent can have played.

    Any sequence that gives all the results is right, draws included; in animal chess no piece may repeat.

    Attributes:
        min_rounds: Minimum number of rounds, in [2, ``max_rounds``]. Default: 3.
        max_rounds: Maximum number of rounds, in [``min_rounds``, 8]. Default: 5.
    """

    LEVELS: ClassVar = {"easy": {"min_rounds": 2, "max_rounds": 3}, "hard": {"min_rounds": 6, "max_rounds": 8}}

    min_rounds: int = 3
    max_rounds: int = 5

    def __post_init__(self) -> None:
        """Check the parameters."""
        expect(2 <= self.min_rounds <= self.max_rounds <= 8, "2 <= min_rounds <= max_rounds <= 8")

    def generate(self, rng: np.random.Generator) -> Problem:
        """Draw both players' pieces and work out the results."""
        game = choose(rng, list(_RULES))
        pieces, rules = _RULES[game]
        rounds = randint(rng, self.min_rounds, self.max_rounds)
        if game == "animals":
            mine, theirs = (sample(rng, pieces, rounds) for _ in range(2))
        else:
            mine, theirs = ([choose(rng, pieces) for _ in range(rounds)] for _ in range(2))
        results = [_result(game, a, b) for a, b in zip(mine, theirs, strict=True)]
        lines = [f"Round {i}: you played {a}; you {r}." for i, (a, r) in enumerate(zip(mine, results, strict=True), 1)]
        prompt = (
            f"{rules}\nYou play {rounds} rounds against an opponent whose pieces you do not see.\n"
            + "\n".join(lines)
            + "\nGive one sequence of pieces that the opponent can have played, by their letters, in the order of the "
            "rounds: <<<[piece1, piece2, ...]>>>."
        )
        return Problem(prompt, self.render(theirs), {"game": game, "mine": mine, "results": results})

    def parse(self, text: str) -> list[str]:
        """Read a list of letters."""
        items = parse_words(text)
        if not items or any(len(item) != 1 or not item.isalpha() for item in items):
            raise Malformed("expected a list of single letters")
        return [item.upper() for item in items]

    def render(self, value: list[str]) -> str:
        """Write the letters without quotes."""
        return f"[{', '.join(value)}]"

    def check(self, problem: Problem, value: list[str]) -> str:
        """Every round must come out as told."""
        game, mine, results = (problem.data[key] for key in ("game", "mine", "results"))
        if len(value) != len(mine):
            return f"there are {len(mine)} rounds, not {len(value)}"
        for i, (a, b, wanted) in enumerate(zip(mine, value, results, strict=True), 1):
            if b not in _RULES[game][0]:
                return f"there is no piece {b}"
            if _result(game, a, b) != wanted:
                return f"in round {i}, {a} against {b} would be {_result(game, a, b)}, not {wanted}"
        if game == "animals" and len(set(value)) < len(value):
            return "the opponent has each piece once"
        return ""

    def solve(self, problem: Problem) -> str:
        """Backtrack over the rounds."""
        game, mine, results = (problem.data[key] for key in ("game", "mine", "results"))

        def extend(played: list[str]) -> list[str] | None:
            if len(played) == len(mine):
                return played
            for piece in _RULES[game][0]:
                if _result(game, mine[len(played)], piece) == results[len(played)] and not (
                    game == "animals" and piece in played
                ):
                    found = extend([*played, piece])
                    if found is not None:
                        return found
            return None

        found = extend([])
        assert found is not None  # the opponent's real pieces are a solution
        return self.render(found)


def _result(game: str, mine: str, theirs: str) -> str:
    """Tell how a round ends for the player of ``mine``."""
    pieces = _RULES[game][0]
    step = (pieces.index(theirs) - pieces.index(mine)) % len(pieces)
    if game == "elements":  # 1: mine generates theirs, 2: mine overcomes, 3: it overcomes mine, 4: it generates mine
        return ("drew", "lost", "won", "lost", "won")[step]
    if game == "stick":
        return ("drew", "won", "drew", "lost")[step]
    if mine == theirs:
        return "drew"
    if {mine, theirs} == {"A", "H"}:
        return "won" if mine == "H" else "lost"
    return "won" if mine < theirs else "lost"
