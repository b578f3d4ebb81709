"""BF: state what a Brainf*ck program prints.

Items come from our own generator, because reasoning-gym's writes to standard output while it generates.
"""

from __future__ import annotations

import string
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from quintain.envs.text.draws import randint, text
from quintain.envs.text.forms import StringTask
from quintain.envs.text.task import expect

__all__ = ["Bf"]

_MAX_STEPS = 100_000


@dataclass(frozen=True)
class Bf(StringTask):
    """State the output of a program that prints a random lower-case string.

    A loop first brings a cell close to the character code of the first letter; single increments and decrements then
    lead from each letter to the next.

    Attributes:
        min_length: Minimum number of letters printed, in [1, ``max_length``]. Default: 3.
        max_length: Maximum number of letters printed, in [``min_length``, 40]. Default: 6.
        loops: Whether each letter is computed by its own loop instead of from the letter before. Default: false.
    """

    LEVELS: ClassVar = {
        "easy": {"min_length": 1, "max_length": 3},
        "hard": {"min_length": 4, "max_length": 8, "loops": True},
    }
    ALPHABET: ClassVar = "[a-z]"

    min_length: int = 3
    max_length: int = 6
    loops: bool = False

    def __post_init__(self) -> None:
        """Check the parameters."""
        expect(1 <= self.min_length <= self.max_length <= 40, "1 <= min_length <= max_length <= 40")

    def draw(self, rng: np.random.Generator) -> dict[str, Any]:
        """Draw a string and write a program that prints it."""
        word = text(rng, string.ascii_lowercase, randint(rng, self.min_length, self.max_length))
        program, cell = "", 0
        for letter in word:
            if self.loops or not program:
                times = randint(rng, 5, 12)
                program += ">[-]" * bool(program) + "+" * times + "[>" + "+" * (ord(letter) // times) + "<-]>"
                cell = ord(letter) // times * times
            program += ("+" if ord(letter) > cell else "-") * abs(ord(letter) - cell) + "."
            cell = ord(letter)
        return {"program": program}

    def ask(self, data: Mapping[str, Any]) -> str:
        """Show the program."""
        return (
            f"This is a BF (Brainf*ck) computer program. What is the output?\n\n{data['program']}\n\n"
            "Write exactly what the program prints as <<<OUTPUT>>>."
        )

    def find(self, data: Mapping[str, Any]) -> str:
        """Run the program."""
        return _run(data["program"])


def _run(program: str) -> str:
    """Interpret a program without input on 8-bit cells."""
    jumps: dict[int, int] = {}
    stack: list[int] = []
    for i, command in enumerate(program):
        if command == "[":
            stack.append(i)
        elif command == "]":
            jumps[i] = stack.pop()
            jumps[jumps[i]] = i
    tape, cell, at, output = [0] * 1000, 0, 0, ""
    for _ in range(_MAX_STEPS):
        if at == len(program):
            return output
        command = program[at]
        if command in "<>":
            cell += 1 if command == ">" else -1
        elif command in "+-":
            tape[cell] = (tape[cell] + (1 if command == "+" else -1)) % 256
        elif command == ".":
            output += chr(tape[cell])
        elif (command == "[") == (tape[cell] == 0):
            at = jumps[at]
        at += 1
    raise RuntimeError("the program does not halt")  # programs are made to halt
