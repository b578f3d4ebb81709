"""Mahjong pattern: does the last card drawn make a triplet or a run? (SymBench)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from quintain.envs.text.draws import choose, randint, text
from quintain.envs.text.forms import IntegerTask
from quintain.envs.text.task import expect

__all__ = ["MahjongPattern"]

_CARDS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@dataclass(frozen=True)
class MahjongPattern(IntegerTask):
    """Letters are cards. After the last draw: 1 for three equal with it, else 2 for a run of three with it, else 0.

    Differences from the released judge: runs are found through sets of letters, so a duplicate in between
    (A B B C) does not hide one.

    Attributes:
        hand: Number of cards in the starting hand, in [3, 60]. Default: 13.
        max_rounds: Maximum number of rounds, in [1, 30]. Default: 5.
    """

    LEVELS: ClassVar = {"easy": {"hand": 7, "max_rounds": 2}, "hard": {"hand": 20, "max_rounds": 10}}

    hand: int = 13
    max_rounds: int = 5

    def __post_init__(self) -> None:
        """Check the parameters."""
        expect(3 <= self.hand <= 60, "hand in [3, 60]")
        expect(1 <= self.max_rounds <= 30, "max_rounds in [1, 30]")

    def draw(self, rng: np.random.Generator) -> dict[str, Any]:
        """Draw a round's outcome first, then a last card that gives it, so that the three answers are balanced."""
        hand = text(rng, _CARDS, self.hand)
        rounds = []
        held = list(hand)
        for _ in range(randint(rng, 1, self.max_rounds) - 1):
            added = choose(rng, _CARDS)
            held.append(added)
            removed = choose(rng, held)
            held.remove(removed)
            rounds.append([added, removed])
        wanted = randint(rng, 0, 2)
        fitting = [card for card in _CARDS if _result(held, card) == wanted]
        return {"hand": hand, "rounds": rounds, "last": choose(rng, fitting or _CARDS)}

    def ask(self, data: Mapping[str, Any]) -> str:
        """Tell the rounds."""
        lines = [
            f"Round {i}: draw {added}, then discard {removed}." for i, (added, removed) in enumerate(data["rounds"], 1)
        ]
        lines.append(f"Round {len(lines) + 1}: draw {data['last']}.")
        return (
            "A card game is played with letter cards. You hold "
            + " ".join(data["hand"])
            + ".\n"
            + "\n".join(lines)
            + "\n"
            "The result after the last draw is 1 if you now hold at least three cards equal to the card just drawn; "
            "otherwise 2 if the card just drawn and two other cards you hold are three consecutive letters of the "
            "alphabet (such as ABC; Z is not followed by A); otherwise 0.\nWrite the result as <<<number>>>."
        )

    def find(self, data: Mapping[str, Any]) -> int:
        """Play the rounds."""
        held = list(data["hand"])
        for added, removed in data["rounds"]:
            held.append(added)
            held.remove(removed)
        return _result(held, data["last"])


def _result(held: list[str], card: str) -> int:
    if held.count(card) >= 2:
        return 1
    codes = {ord(other) - ord(card) for other in held}
    return 2 if {-2, -1} <= codes or {-1, 1} <= codes or {1, 2} <= codes else 0
