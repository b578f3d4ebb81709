"""Word ladder: from one word to another, a letter at a time. Our own generator, with its words in the question."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

import numpy as np

from quintain.envs.text.answers import parse_words
from quintain.envs.text.draws import choose, randint, sample, shuffled, text
from quintain.envs.text.task import Malformed, Problem, Task, expect

__all__ = ["WordLadder"]

_LETTERS = "abdeilmnoprst"


@dataclass(frozen=True)
class WordLadder(Task[list[str]]):
    """Every step changes one letter and leads to a word of the list; any ladder without repeats is right.

    Words are made up, so that no dictionary decides.

    Attributes:
        length: Number of letters of a word, in [3, 8]. Default: 4.
        min_steps: Minimum number of steps of the shortest ladder, in [1, ``max_steps``]. Default: 3.
        max_steps: Maximum number of steps of the shortest ladder, in [``min_steps``, 15]. Default: 6.
        decoys: Number of random words that are added to the list, in [0, 200]. Default: 12.
    """

    LEVELS: ClassVar = {
        "easy": {"length": 3, "min_steps": 2, "max_steps": 3, "decoys": 4},
        "hard": {"length": 5, "min_steps": 6, "max_steps": 12, "decoys": 40},
    }

    length: int = 4
    min_steps: int = 3
    max_steps: int = 6
    decoys: int = 12

    def __post_init__(self) -> None:
        """Check the parameters."""
        expect(3 <= self.length <= 8, "length in [3, 8]")
        expect(1 <= self.min_steps <= self.max_steps <= 15, "1 <= min_steps <= max_steps <= 15")
        expect(0 <= self.decoys <= 200, "decoys in [0, 200]")

    def generate(self, rng: np.random.Generator) -> Problem:
        """Walk from word to word, and add neighbours of words as decoys."""
        ladder: list[str] = []
        while len(ladder) <= self.min_steps:  # decoys may have opened a shortcut
            words = self._words(rng)
            start, end = words[0], words[-1]
            words = self._with_decoys(rng, words)
            ladder = _shortest(start, end, words)
        listed = shuffled(rng, words)
        prompt = (
            f"Turn the word {start} into the word {end}: every step changes exactly one letter, every word on the "
            f"way must be in the list, and no word may occur twice.\nList: {' '.join(listed)}\n"
            "Write the words in order, the first and the last included, as <<<word1, word2, ...>>>."
        )
        data = {"start": start, "end": end, "words": listed}
        return Problem(prompt, self.render(ladder), data)

    def _words(self, rng: np.random.Generator) -> list[str]:
        words = [text(rng, _LETTERS, self.length)]
        steps = randint(rng, self.min_steps, self.max_steps)
        while len(words) <= steps:
            word = _change(rng, words[-1])
            if word not in words:
                words.append(word)
        return words

    def _with_decoys(self, rng: np.random.Generator, ladder: list[str]) -> list[str]:
        words = list(ladder)
        while len(words) < len(ladder) + self.decoys:
            word = _change(rng, choose(rng, words))
            if word not in words:
                words.append(word)
        return words

    def parse(self, text: str) -> list[str]:
        """Read words separated by commas, arrows or spaces."""
        words = parse_words(text.lower())
        if len(words) < 2 or not all(word.isalpha() and word.isascii() for word in words):
            raise Malformed("expected words separated by commas")
        return words

    def render(self, value: list[str]) -> str:
        """Write the words separated by commas."""
        return ", ".join(value)

    def check(self, problem: Problem, value: list[str]) -> str:
        """Ends, listed words, none twice, and one letter per step."""
        if value[0] != problem.data["start"] or value[-1] != problem.data["end"]:
            return f"the ladder must lead from {problem.data['start']} to {problem.data['end']}"
        if len(set(value)) < len(value):
            return "a word occurs twice"
        for word in value:
            if word not in problem.data["words"]:
                return f"{word[:20]} is not in the list"
        for a, b in pairwise(value):
            if not _neighbours(a, b):
                return f"{a} and {b} do not differ in exactly one letter"
        return ""

    def solve(self, problem: Problem) -> str:
        """Search breadth first."""
        return self.render(_shortest(problem.data["start"], problem.data["end"], problem.data["words"]))


def _change(rng: np.random.Generator, word: str) -> str:
    (i,) = sample(rng, range(len(word)), 1)
    return word[:i] + choose(rng, _LETTERS.replace(word[i], "")) + word[i + 1 :]


def _neighbours(a: str, b: str) -> bool:
    return len(a) == len(b) and sum(x != y for x, y in zip(a, b, strict=True)) == 1


def _shortest(start: str, end: str, words: Sequence[str]) -> list[str]:
    before = {start: ""}
    queue = deque([start])
    while end not in before:
        word = queue.popleft()
        for other in words:
            if other not in before and _neighbours(word, other):
                before[other] = word
                queue.append(other)
    ladder = [end]
    while before[ladder[-1]]:
        ladder.append(before[ladder[-1]])
    return ladder[::-1]
