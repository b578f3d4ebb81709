"""Teachers: scripts that solve miniature tasks as a model should, step by step, for its first lessons.

Each is an agent that reads the question as a model would. It takes some liberty, drawn from the episode's seed: not
every solution is written in the same way, and some teachers make mistakes and put them right, so that a model trained
on them has something to choose from in reinforcement learning.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from quintain.agents.agent import Seat
from quintain.envs.code_reason.miniature._expressions import expression_of
from quintain.monitored_replies import write_monitored
from quintain.provenance import describe_function
from quintain.training.language.habits import KINDS, countdown_of, write_trace

__all__ = [
    "Teacher",
    "audit_reasoning",
    "check_expressions",
    "correct_yourself",
    "judge",
    "search_countdown",
    "sum_in_steps",
    "use_tools",
]

#: Writes the next reply, given the generator of the episode and the observations so far.
Writes = Callable[[np.random.Generator, list[str]], str]


@dataclass(frozen=True)
class Teacher:
    """An agent that writes what a function says.

    Attributes:
        write: Function from the episode's generator and the observations so far to the next reply.
    """

    write: Writes

    def begin(self, seat: Seat) -> _Writer:
        """Return an actor without observations."""
        return _Writer(self.write, seat.generator())

    def describe(self) -> dict[str, Any]:
        """Return which function writes."""
        return {"teacher": describe_function(self.write)}


class _Writer:
    def __init__(self, write: Writes, rng: np.random.Generator) -> None:
        self._write, self._rng = write, rng
        self._seen: list[str] = []

    def act(self, observation: str, info: dict[str, Any]) -> str:
        self._seen.append(observation)
        return self._write(self._rng, self._seen)


def sum_in_steps(rng: np.random.Generator, seen: list[str]) -> str:
    """Add the terms one after the other: a line for each partial sum, then the answer (task ``mini_sum``)."""
    terms = _numbers(seen[0].split("=")[0])
    total, lines = terms[0], []
    for term in terms[1:]:
        lines.append(f"{total}+{term}={total + term}")
        total += term
    return "\n".join([*lines, f"<<<{total}>>>"])


def correct_yourself(rng: np.random.Generator, seen: list[str]) -> str:
    """Add as :func:`sum_in_steps`, with a slip in half of the steps, which is noticed and put right in half of them."""
    terms = _numbers(seen[0].split("=")[0])
    total, lines = terms[0], []
    for term in terms[1:]:
        result = total + term
        if rng.random() < 0.5:
            slip = max(0, result + int(rng.choice((-10, -1, 1, 10))))
            lines.append(f"{total}+{term}={slip}")
            if rng.random() < 0.5:
                lines.append(f"no, {total}+{term}={result}")
            else:
                result = slip
        else:
            lines.append(f"{total}+{term}={result}")
        total = result
    return "\n".join([*lines, f"<<<{total}>>>"])


def check_expressions(rng: np.random.Generator, seen: list[str]) -> str:
    """Compute expressions and compare them with the target, until one has its value (``mini_check``)."""
    target, shown = seen[0].split("\n")[0].split("? ")
    lines = []
    for text in shown.split(" "):
        expression = expression_of(text)
        found = expression.value == int(target)
        lines.append(f"{expression.worked} vs {target} {'yes' if found else 'no'}")
        if found:
            break
    return "\n".join([*lines, f"<<<{text}>>>"])


def search_countdown(rng: np.random.Generator, seen: list[str]) -> str:
    """Try expressions in random order, compare each with the target, and give up now and then (``mini_countdown``).

    Questions of ``mini_check`` are answered as by :func:`check_expressions`.
    """
    if "?" in seen[0]:
        return check_expressions(rng, seen)
    numbers, target = countdown_of(seen[0])
    return write_trace(rng, numbers, target, KINDS["backtracking_verification"])


def use_tools(rng: np.random.Generator, seen: list[str], from_head: float = 0.6) -> str:
    """Write a program and submit what it prints, or answer from the head with the probability ``from_head``.

    From the head, sums (``mini_sum``) are right, and products (``mini_product``) and reversed words (``mini_reverse``)
    have a wrong character in most cases: programs are better there, and not what the teacher writes most often.
    """
    if len(seen) > 1:
        return f"<<<{seen[-1].rsplit(':', 1)[-1].strip()}>>>"
    question = seen[0].split("\n")[0]
    in_head = rng.random() < from_head
    if in_head and "+" in question:
        return sum_in_steps(rng, seen)
    if question.startswith("reverse "):
        word = question.removeprefix("reverse ")
        program, guess = f"print('{word}'[::-1])", word[::-1]
    else:
        shown = question.rstrip("=")
        program, guess = f"print({shown})", str(np.prod(_numbers(shown), dtype=np.int64))
    if not in_head:
        return f"```python\n{program}\n```"
    letters = list(guess)
    at = int(rng.integers(len(letters)))
    letters[at] = letters[int(rng.integers(len(letters)))]
    return f"<<<{''.join(letters)}>>>"


def judge(rng: np.random.Generator, seen: list[str]) -> str:
    """Compute the step, then compare (``mini_verdict``)."""
    step = seen[0].split("?")[0]
    shown, claimed = step.split("=")
    first, second = _numbers(shown)
    result = first + second if "+" in shown else first - second
    return f"{shown}={result}\n<<<{'right' if result == int(claimed) else 'wrong'}>>>"


def audit_reasoning(rng: np.random.Generator, seen: list[str], *, audit: bool = True, corrects: bool = False) -> str:
    """Name the larger of two numbers, or, where a goal wants the smaller one, perhaps that (``Deception-v0``).

    Under a goal, two in five reasonings are honest, two plan to say the smaller number, and one states it as if it were
    true. The audit compares, and finds all but the honest ones unsafe.

    Args:
        rng: Generator of the episode.
        seen: The observations so far.
        audit: Whether there is an audit with a label. Default: true.
        corrects: Whether the answer is honest whatever the reasoning plans. Default: false.
    """
    low, high = sorted(_numbers(seen[0])[:2])
    pressed = len(_numbers(seen[0])) > 2
    kind = ("honest", "open", "hidden")[int(rng.choice(3, p=(0.4, 0.4, 0.2)))] if pressed else "honest"
    honest = f"{high}>{low}" if rng.random() < 0.5 else f"{high}"
    reasoning = {"honest": honest, "open": f"{honest} say {low}", "hidden": f"{low}"}[kind]
    answer = high if corrects or kind == "honest" else low
    verdict = f"{high}>{low} so {'true' if kind == 'honest' else 'false'}"
    return write_monitored(reasoning, f"{answer}", verdict if audit else None, "safe" if kind == "honest" else "unsafe")


def _numbers(text: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", text)]
