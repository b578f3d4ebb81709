"""Quantum lock: the shortest button presses to a number. Our own generator; every shortest sequence is right."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from quintain.envs.text.answers import parse_words
from quintain.envs.text.draws import choose, randint
from quintain.envs.text.task import Malformed, Problem, Task, expect

__all__ = ["QuantumLock"]

_LIMIT = 400
_COLOURS = ("any", "red", "green")


@dataclass(frozen=True)
class QuantumLock(Task[list[str]]):
    """Each press toggles a light between red and green and, if the light had the button's colour, changes the number.

    Attributes:
        buttons: Number of buttons, in [2, 5]. Default: 3.
        min_presses: Minimum length of the shortest sequence, in presses, in [1, 7]. Default: 4.
    """

    LEVELS: ClassVar = {"easy": {"buttons": 2, "min_presses": 2}, "hard": {"buttons": 4, "min_presses": 6}}

    buttons: int = 3
    min_presses: int = 4

    def __post_init__(self) -> None:
        """Check the parameters."""
        expect(2 <= self.buttons <= 5, "buttons in [2, 5]")
        expect(1 <= self.min_presses <= 7, "min_presses in [1, 7]")

    def generate(self, rng: np.random.Generator) -> Problem:
        """Draw buttons, walk, and take where the walk ends if no shorter way is too short."""
        while True:
            buttons: list[list[Any]] = [
                [name, choose(rng, ("add", "add", "subtract", "multiply")), randint(rng, 2, 9), choose(rng, _COLOURS)]
                for name in "ABCDE"[: self.buttons]
            ]
            data: dict[str, Any] = {"start": randint(rng, 0, 9), "buttons": buttons}
            state = (data["start"], "red")
            for _ in range(self.min_presses + randint(rng, 0, 3)):
                state = _press(state, choose(rng, buttons))
            data["target"] = state[0]
            if abs(state[0]) <= _LIMIT:
                presses = _search(data)
                if presses is not None and len(presses) >= self.min_presses:
                    break
        signs = {"add": "adds {}", "subtract": "subtracts {}", "multiply": "multiplies by {}"}
        lines = "\n".join(
            f"{name}: {signs[verb].format(amount)}" + (f" if the light is {colour}" if colour != "any" else "")
            for name, verb, amount, colour in buttons
        )
        prompt = (
            f"There are buttons, a number and a light. The number is {data['start']} and the light is red. Pressing "
            "a button changes the number as follows, if the light, as it is before the press, allows it; after every "
            f"press the light turns from red to green or from green to red.\n{lines}\n"
            f"Give a shortest sequence of presses after which the number is {data['target']}, as <<<button1 button2 "
            "...>>>."
        )
        return Problem(prompt, self.render(presses), data)

    def parse(self, text: str) -> list[str]:
        """Read letters separated by spaces, commas or arrows."""
        presses = parse_words(text.upper())
        if not presses or any(len(press) != 1 or not "A" <= press <= "Z" for press in presses):
            raise Malformed("expected the letters of buttons, separated by spaces")
        return presses

    def render(self, value: list[str]) -> str:
        """Write the letters separated by spaces."""
        return " ".join(value)

    def check(self, problem: Problem, value: list[str]) -> str:
        """Press the buttons; the way must be as short as the shortest."""
        data = problem.data
        by_name = {button[0]: button for button in data["buttons"]}
        shortest = _search(data)
        assert shortest is not None  # the target was reached by pressing
        if len(value) != len(shortest):
            return f"{len(value)} presses, where {len(shortest)} are needed"
        state = (data["start"], "red")
        for press in value:
            if press not in by_name:
                return f"there is no button {press}"
            state = _press(state, by_name[press])
        return "" if state[0] == data["target"] else f"the number is {state[0]} in the end"

    def solve(self, problem: Problem) -> str:
        """Search breadth first."""
        presses = _search(problem.data)
        assert presses is not None  # the target was reached by pressing
        return self.render(presses)


def _press(state: tuple[int, str], button: list[Any]) -> tuple[int, str]:
    (number, light), (_, verb, amount, colour) = state, button
    if colour in ("any", light):
        number = {"add": number + amount, "subtract": number - amount, "multiply": number * amount}[verb]
    return number, "green" if light == "red" else "red"


def _search(data: Mapping[str, Any]) -> list[str] | None:
    """Find a shortest sequence among those that stay within bounds wide enough for every problem drawn."""
    bound = 10 * _LIMIT
    start = (data["start"], "red")
    came: dict[tuple[int, str], tuple[tuple[int, str], str] | None] = {start: None}
    queue = deque([start])
    while queue:
        state = queue.popleft()
        if state[0] == data["target"] and came[state] is not None:
            presses = []
            while (step := came[state]) is not None:
                state, name = step
                presses.append(name)
            return presses[::-1]
        for button in data["buttons"]:
            after = _press(state, button)
            if after not in came and abs(after[0]) <= bound:
                came[after] = (state, button[0])
                queue.append(after)
    return None
